"""People with habits, who sign in from offices, homes, phones, VPNs, cafés and trips: the honest part of a year."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bench.hints_world import CITIES, City, Place, Provider, World

DAYS = 365
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
WORKDAY, WEEKEND, HOLIDAY = 0.62, 0.08, 0.2
Change = Callable[[], None]


class Client(NamedTuple):
    device: str
    device_kind: str
    browser: str
    os: str


class SignIn(NamedTuple):
    person: int
    when: datetime
    ip: str
    place: Place
    client: Client
    how: str
    takeover: str = ""


# family, version on the first day, days between two versions
BROWSERS = {
    "Chrome": (131, 30),
    "Edge": (131, 30),
    "Firefox": (134, 29),
    "Safari": (18, 365),
    "Samsung Internet": (27, 90),
}
COMPUTERS = [
    *[("Windows PC", "Windows", "Chrome")] * 4,
    *[("Windows PC", "Windows", "Edge")] * 3,
    ("Windows PC", "Windows", "Firefox"),
    *[("Mac", "macOS", "Safari")] * 2,
    *[("Mac", "macOS", "Chrome")] * 2,
    ("Linux PC", "Linux", "Firefox"),
    ("Linux PC", "Linux", "Chrome"),
]
PHONES = [
    *[("iPhone", "iOS", "Safari")] * 5,
    ("iPhone", "iOS", "Chrome"),
    *[("Android phone", "Android", "Chrome")] * 3,
    ("Galaxy S24", "Android", "Samsung Internet"),
    ("Galaxy A54", "Android", "Chrome"),
    ("Pixel 8", "Android", "Chrome"),
]


@dataclass(frozen=True, slots=True)
class Device:
    label: str
    os: str
    family: str
    kind: str
    laziness: int  # days until an update is installed
    second: str = ""  # the browser that is used now and then

    def client(self, day: int, dice: random.Random) -> Client:
        family = self.second if self.second and dice.random() < 0.15 else self.family
        first, every = BROWSERS[family]
        return Client(self.label, self.kind, f"{family} {first + max(0, day - self.laziness) // every}", self.os)


def computer(dice: random.Random) -> Device:
    label, os, family = dice.choice(COMPUTERS)
    others = [other for other in ("Chrome", "Firefox") if other != family]
    return Device(
        label, os, family, "computer", dice.randint(0, 12), dice.choice(others) if dice.random() < 0.12 else ""
    )


def phone(dice: random.Random) -> Device:
    label, os, family = dice.choice(PHONES)
    return Device(label, os, family, "phone", dice.randint(0, 20))


@dataclass(frozen=True, slots=True)
class Trip:
    to: City
    leaves: datetime
    arrives: datetime
    back: datetime
    home_again: datetime
    for_pleasure: bool
    hotel: str
    local: Provider  # a carrier there, for phones that do not roam by the one at home
    roams_home: bool

    def is_under_way(self, when: datetime) -> bool:
        return self.leaves < when < self.arrives or self.back < when < self.home_again


@dataclass
class Company:
    offices: dict[City, str]
    vpn: str  # the address that its people have at home and on trips, or none

    def office_near(self, city: City) -> str:
        return self.offices.get(city) or next(iter(self.offices.values()))


@dataclass
class Person:
    number: int
    dice: random.Random
    world: World
    company: Company
    city: City
    line: Provider
    carrier: Provider
    work: Device
    phone: Device | None
    own: Device | None
    at_office: float
    own_vpn: list[str]
    has_ipv6: bool
    lease_days: int
    trips: list[Trip] = field(default_factory=list)
    home: str = ""

    def year(self) -> Iterator[SignIn]:
        changes = self._changes()
        for day in range(DAYS):
            for change in changes.get(day, []):
                change()
            if not self.home or self.dice.random() < 1 / self.lease_days:
                self.home = self._lease()
            yield from self._day(day)

    def _lease(self) -> str:
        return self.line.prefix(self.dice) if self.has_ipv6 else self.line.address(self.dice)

    def _changes(self) -> dict[int, list[Change]]:
        """Return what changes in the life of the person on which day."""
        changes: dict[int, list[Change]] = {}
        for chance, change in (
            (0.3, self._new_phone), (0.15, self._new_laptop), (0.08, self._second_browser),
            (0.05, self._new_provider), (0.03, self._moves), (0.04, self._new_carrier),
        ):  # fmt: skip
            if self.dice.random() < chance:
                changes.setdefault(self.dice.randrange(DAYS), []).append(change)
        return changes

    def _new_phone(self) -> None:
        self.phone = phone(self.dice) if self.dice.random() < 0.4 else self.phone

    def _new_laptop(self) -> None:
        self.work = computer(self.dice) if self.dice.random() < 0.5 else self.work

    def _second_browser(self) -> None:
        self.work = replace(self.work, second="Firefox" if self.work.family != "Firefox" else "Chrome")

    def _new_provider(self) -> None:
        self.line, self.home = self.dice.choice(self.world.lines[self.city]), ""

    def _moves(self) -> None:
        self.city = self.dice.choice(CITIES[self.city.country])
        self._new_provider()

    def _new_carrier(self) -> None:
        self.carrier = self.dice.choice(self.world.carriers[self.city.country])

    def _day(self, day: int) -> Iterator[SignIn]:
        date = BEGIN + timedelta(days=day)
        is_workday = date.weekday() < 5
        trip = next((trip for trip in self.trips if trip.leaves.date() <= date.date() <= trip.home_again.date()), None)
        chance = HOLIDAY if trip and trip.for_pleasure else WORKDAY if is_workday or trip else WEEKEND
        if self.dice.random() >= chance:
            return
        hours = sorted(self.dice.triangular(6, 23, 9) for _ in range(1 if self.dice.random() < 0.75 else 2))
        for hour in hours:
            when = date + timedelta(hours=hour - self.city.longitude / 15, seconds=self.dice.randint(0, 59))
            if trip and trip.is_under_way(when):
                continue
            away = trip and trip.arrives <= when <= trip.back
            ip, device, how = self._abroad(trip) if away and trip else self._at_home(is_workday and 7 < hour < 18)
            yield SignIn(self.number, when, ip, self.world.place(ip), device.client(day, self.dice), how)

    def _at_home(self, is_office_time: bool) -> tuple[str, Device, str]:
        dice = self.dice
        if self.phone and dice.random() < 0.15:
            if dice.random() < 0.4:
                return self._home(), self.phone, "home"
            return self.carrier.address(dice), self.phone, "mobile"
        if self.own_vpn and dice.random() < 0.2:
            exit_ = self.own_vpn[0] if dice.random() < 0.8 else dice.choice(self.own_vpn)
            return exit_, self.own or self.work, "own VPN"
        if dice.random() < 0.03:
            return dice.choice(self.world.lines[self.city]).address(dice), self.work, "café"
        if is_office_time and dice.random() < self.at_office:
            return (
                self.company.offices.get(self.city) or next(iter(self.company.offices.values())),
                self.work,
                "office",
            )
        if self.company.vpn and dice.random() < 0.7:
            return self.company.vpn, self.work, "company VPN"
        return self._home(), self.own if self.own and dice.random() < 0.3 else self.work, "home"

    def _abroad(self, trip: Trip) -> tuple[str, Device, str]:
        dice = self.dice
        if self.phone and dice.random() < (0.7 if trip.for_pleasure else 0.25):
            if dice.random() < 0.4:
                return trip.hotel, self.phone, "trip"
            return (self.carrier if trip.roams_home else trip.local).address(dice), self.phone, "roaming"
        if self.company.vpn and dice.random() < 0.5:
            return self.company.vpn, self.work, "company VPN on a trip"
        if not trip.for_pleasure and trip.to in self.company.offices and dice.random() < 0.6:
            return self.company.offices[trip.to], self.work, "office elsewhere"
        return trip.hotel, self.work, "trip"

    def _home(self) -> str:
        return f"{self.home}::{self.dice.randint(1, 0xFFFF):x}" if self.has_ipv6 else self.home
