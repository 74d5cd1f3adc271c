"""Demo people and their sessions: invented, and written as the engine writes those of real people."""

from __future__ import annotations

import csv
import random
import secrets
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import router, transaction
from django.db.models import F
from tqdm import tqdm

from . import day_counts, geoip, networks, services, sign_in_lock, useragent
from .backends.db import SessionStore
from .checks import DEMO_GROUP
from .models import Account, Application, Limit, Membership, Network, Session, SessionEvent
from .models.events import record
from .models.search_text import search_text
from .origin import Origin
from .pacing import Pace

GROUP = DEMO_GROUP
ACCOUNTS = {
    "brightwater-energy": "Brightwater Energy",
    "nordlicht-verlag": "Nordlicht Verlag",
    "kestrel-logistics": "Kestrel Logistics",
    "harbour-foods": "Harbour Foods",
    "lumen-clinic": "Lumen Clinic",
    "alder-finch": "Alder & Finch",
    "osei-textiles": "Osei Textiles",
    "fern-tide": "Fern <&> Tide",
    "messtechnik": "Internationale Gesellschaft für Messtechnik mbH",
}
APPLICATIONS = {
    "console": "Session Admin",
    "reports": "Reports",
    "portal": "Portal",
    "ledger": "Ledger",
    "field-service": "Field Service",
}
# Name, slug of the account or none, prefix, country.
NETWORKS = [
    ("Office Lisbon", "", "198.51.100.16/28", "PT"),
    ("Newsroom Berlin", "nordlicht-verlag", "203.0.113.16/28", "DE"),
]
PLATFORM_ADMINISTRATOR = "marta"
BATCH = 1_000
SPREAD = timedelta(days=30)
MINUTES_OF_A_DAY = 1_440
PEOPLE_FILE = Path(__file__).parent / "management" / "demo" / "people.csv"
AGENTS_FILE = Path(__file__).parent / "data" / "user_agents.txt"
SCRIPTS = ["curl/8.14.1", "python-requests/2.32.5", ""]
# Those of the documentation ranges (RFC 5737, RFC 3849) that lie somewhere in the demo places.
IPV4_BLOCKS = ["192.0.2.", "198.51.100.", "203.0.113."]
IPV6_BLOCKS = ["2001:db8:4f:", "2001:db8:70:", "2001:db8:ce:", "2001:db8:113:", "2001:db8:85a3:", "2001:db8:a000:"]


# There are fewer addresses to choose from than fit in here.
locate = lru_cache(maxsize=16_000)(geoip.locate)


class Person(NamedTuple):
    """A line of people.csv."""

    username: str
    first_name: str
    last_name: str
    email: str
    accounts: str
    role: str
    home: str


class Seat(NamedTuple):
    """A demo person in one of his accounts, or in none, and the address he mostly comes from."""

    user_id: int
    account: Account | None
    home: str


def seed(people: int, sessions: int, password: str) -> None:
    """Make so many people and sessions, all of them or none; the first people are those of people.csv."""
    using = router.db_for_write(Session)
    with transaction.atomic(using):
        # As every sign-in does: no cut-off may be read between these ids and their commit.
        sign_in_lock.share(using)
        set_limits()
        SignIns(make_people(people, password)).make(sessions)
        name_networks(using)
        day_counts.count(using, Pace.of(using))


def name_networks(using: str) -> None:
    """Name networks as the platform administrator, and the sessions that come from there."""
    by = get_user_model()._default_manager.get(username=PLATFORM_ADMINISTRATOR)
    for name, slug, cidr, country in NETWORKS:
        network = Network(name=name, country=country, account=Account.objects.filter(slug=slug).first())
        networks.apply_one(networks.save(network, [cidr], by), using, Pace(BATCH, 1.0, rest=0.0, times=0.0))


def set_limits() -> None:
    """Set limits that the sessions of a month have not passed, in the place of those for real ones."""
    Limit.objects.all().delete()
    wide = {"idle": 31 * MINUTES_OF_A_DAY, "lifetime": 60 * MINUTES_OF_A_DAY}
    Limit.objects.create(**wide, set_by="The demo", reason="So that there is something to see")


def cast() -> list[Person]:
    """Return the people of people.csv: the three whose sign-ins are shown, then ordinary and awkward names."""
    with PEOPLE_FILE.open(encoding="utf-8", newline="") as file:
        return [Person(**line) for line in csv.DictReader(file)]


def crowd() -> Iterator[Person]:
    """Go on for ever with people who have a first name of one of the cast and the last name of another."""
    dice = chance("crowd")
    named = [person for person in cast() if person.first_name and person.last_name]
    for number in range(len(cast()) + 1, 10**9):
        first, last, account = dice.choice(named).first_name, dice.choice(named).last_name, dice.choice([*ACCOUNTS])
        name = f"person.{number}"
        yield Person(name, first, last, f"{name}@{account}.example", account, "member", address(dice))


def make_people(number: int, password: str) -> list[Seat]:
    """Make accounts and people, all with this password, and return where each may sign in."""
    group = Group.objects.create(name=GROUP)
    accounts = {slug: Account.objects.create(slug=slug, name=name) for slug, name in ACCOUNTS.items()}
    hashed = make_password(password)
    people = islice(chain(cast(), crowd()), number)
    seats: list[Seat] = []
    while batch := list(islice(people, BATCH)):
        seats += make_batch_of_people(batch, hashed, group, accounts)
    return seats


def make_batch_of_people(people: list[Person], hashed: str, group: Group, accounts: dict[str, Account]) -> list[Seat]:
    User = get_user_model()
    users = User.objects.bulk_create(
        User(
            username=person.username,
            first_name=person.first_name,
            last_name=person.last_name,
            email=person.email,
            password=hashed,
            is_staff=person.username == PLATFORM_ADMINISTRATOR,
            is_superuser=person.username == PLATFORM_ADMINISTRATOR,
        )
        for person in people
    )
    of_group = User.groups.through
    of_group.objects.bulk_create(of_group(user_id=user.pk, group_id=group.pk) for user in users)
    places = [
        (user.pk, accounts.get(slug), person)
        for user, person in zip(users, people, strict=True)
        for slug in person.accounts.split() or [""]
    ]
    Membership.objects.bulk_create(
        Membership(user_id=pk, account=account, role=person.role) for pk, account, person in places if account
    )
    return [Seat(pk, account, person.home) for pk, account, person in places]


class SignIns:
    """Sign-ins of the last 30 days, the more the nearer to now, whose keys nobody has."""

    def __init__(self, seats: list[Seat]) -> None:
        self.seats = seats
        self.dice = chance("sign-ins")
        self.now = datetime.now(UTC)
        self.data: dict[int, str] = {}
        self.applications = [
            Application.objects.update_or_create(slug=slug, defaults={"name": name})[0]
            for slug, name in APPLICATIONS.items()
        ]

    def make(self, number: int) -> None:
        """Insert so many sessions, oldest first, with their events; shows progress on a terminal."""
        ages = (SPREAD * ((left - self.dice.random()) / number) ** 2.5 for left in range(number, 0, -1))
        with tqdm(total=number, unit=" sessions", disable=None) as bar:
            while batch := list(islice(ages, BATCH)):
                self._insert(batch)
                bar.update(len(batch))

    def _insert(self, ages: list[timedelta]) -> None:
        seats = self.dice.choices(self.seats, k=len(ages))
        users = get_user_model().objects.in_bulk({seat.user_id for seat in seats})
        # Signing is slow enough to be done once for each person.
        self.data |= {pk: signed_in_data(user) for pk, user in users.items() if pk not in self.data}
        sessions = Session.objects.bulk_create(
            self._session(users[seat.user_id], seat, age) for seat, age in zip(seats, ages, strict=True)
        )
        # Without statistics, PostgreSQL would take a list of ids for a reason to read the whole table.
        inserted = Session.objects.filter(pk__gte=sessions[0].pk, pk__lte=sessions[-1].pk)
        record(inserted, SessionEvent.Kind.SIGNED_IN, happened_on=F("created_on"))

    def _session(self, user: Any, seat: Seat, age: timedelta) -> Session:
        application = self.dice.choice(self.applications)
        origin = self._origin(user.get_username(), seat.home)
        # Some have moved since they signed in.
        last = origin_of(address(self.dice), origin.user_agent) if self.dice.random() < 0.1 else origin
        last_active_on = self.now - age * self.dice.random() ** 3
        return Session(
            user=user,
            account=seat.account,
            application=application,
            # The digest of a key that nobody knows.
            key_digest=secrets.token_bytes(16),
            key_digest_rest=secrets.token_bytes(16),
            session_data=self.data[user.pk],
            expire_date=self.now + timedelta(days=self.dice.uniform(1, 90)),
            created_on=self.now - age,
            last_active_on=last_active_on,
            last_active_day=last_active_on.date(),
            last_ip=last.ip,
            last_location=last.location,
            last_browser=last.browser,
            search_text=search_text(services.searchable(user, seat.account, application, origin)),
            **asdict(origin),
        )

    def _origin(self, username: str, home: str) -> Origin:
        """Return one of the person's few devices, mostly at home."""
        if not home or self.dice.random() < 0.02:
            return origin_of(self.dice.choice(["", "10.20.0.7"]), self.dice.choice(SCRIPTS))
        where = near(home, self.dice) if self.dice.random() < 0.85 else address(self.dice)
        return origin_of(where, self.dice.choice(devices(username)))


def chance(seed: str) -> random.Random:
    """Return dice that fall alike each time: screenshots should not change with every run. Never for secrets."""
    return random.Random(seed)  # noqa: S311


def near(home: str, dice: random.Random) -> str:
    """Return an address in the same street: the /28 of an IPv4 address, the address itself for IPv6."""
    if ":" in home:
        return home
    block, _, last = home.rpartition(".")
    return f"{block}.{int(last) // 16 * 16 + dice.randint(1, 14)}"


def address(dice: random.Random) -> str:
    """Return an address that somebody might come from."""
    roll = dice.random()
    if roll < 0.05:
        return dice.choice(["127.0.0.1", "::1", "10.20.0.14", "192.168.178.23", "fd12:3456:789a::5"])
    if roll < 0.25:
        return f"{dice.choice(IPV6_BLOCKS)}{dice.randint(1, 5)}::{dice.randint(1, 0xFF):x}"
    return f"{dice.choice(IPV4_BLOCKS)}{dice.randint(1, 254)}"


@cache
def devices(username: str) -> list[str]:
    """Return the agents of a person's few devices, those at the common end of the list more often."""
    agents, dice = known_agents(), chance(username)
    return [agents[int(len(agents) * dice.random() ** 2)] for _ in range(dice.randint(1, 3))]


@cache
def known_agents() -> list[str]:
    return [line for line in AGENTS_FILE.read_text().splitlines() if not line.startswith("#")]


def origin_of(ip: str, user_agent: str) -> Origin:
    seen = asdict(locate(ip)) | asdict(useragent.describe(user_agent))
    return Origin(ip=ip or None, user_agent=user_agent, **seen)


def signed_in_data(user: Any) -> str:
    """Return what a sign-in leaves in the session."""
    data = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    return SessionStore().encode(data)
