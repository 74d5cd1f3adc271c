"""What is unusual about where and in what somebody is: compared with his own sign-ins before, and said in a sentence.

Quiet on purpose, since hints that cry wolf are switched off: what people do every week is no hint. A network or a
country where he was before, a known browser in a new network, a new version, a new phone at home: none of
these says anything alone. bench/HINTS.md says what that finds, and what it misses.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_network

from .geoip import Point, country_name, pinpoint

# So far back, and so many sign-ins at most, somebody is compared with himself.
SPAN = timedelta(days=90)
MOST = 100
# From so many sign-ins on they are a habit.
HABIT = 20
# Nobody travels faster; and nearer than that the places of addresses are no measure.
FASTEST_KMH = 1_000
NEAR_KM = 500
WIDEST_RADIUS_KM = 100
# A longer journey is any flight.
LONGEST_JOURNEY = timedelta(hours=24)
DORMANT = timedelta(days=30)
MANY = 10
EARTH_KM = 6_371
LABELS = {
    "two_places": "Two far places",
    "too_fast": "Too far, too fast",
    "two_browsers": "Two browsers",
    "new_country": "New country",
    "new_browser": "New browser",
    "new_network": "New network",
    "many_sessions": "Many sessions",
    "dormant": "Was dormant",
}

Locator = Callable[[str], Point | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody at one moment: where, and in what. `named` is the name of his network, where it has one."""

    when: datetime
    ip: str = ""
    country: str = ""
    location: str = ""
    named: str = ""
    device: str = ""
    browser: str = ""
    os: str = ""

    @property
    def network(self) -> str:
        return network_of(self.ip)

    @property
    def client(self) -> tuple[str, str, str]:
        """What tells one client of a person from another; no version, since browsers update themselves."""
        return self.device, family(self.browser), self.os

    @property
    def place(self) -> str:
        return self.named or self.location or country_name(self.country) or "an unknown place"


@dataclass(frozen=True, slots=True)
class Hint:
    """What is unusual: its kind, the sentence that compares, and the network where it was seen."""

    kind: str
    said: str
    network: str


@lru_cache(maxsize=10_000)
def network_of(ip: str, prefix: int = 16) -> str:
    """Return the network by which addresses are compared: of this prefix, of IPv6 the /64; nothing without one.

    A /16 is what one provider or company mostly has for itself, and a phone keeps while it moves about a town.
    """
    return str(ip_network(f"{ip}/{64 if ':' in ip else prefix}", strict=False)) if ip else ""


def family(browser: str) -> str:
    """Return the browser without its version."""
    name, _, version = browser.rpartition(" ")
    return name if version.replace(".", "").isdigit() else browser


def of_sign_in(new: Seen, earlier: Sequence[Seen], live: int = 0, locate: Locator = pinpoint) -> list[Hint]:
    """Return what is unusual about a sign-in, compared with earlier ones, newest first.

    `live` is how many sessions he has, with this one. A first sign-in has nothing to be compared with.
    """
    recent = recent_of(new, earlier)
    if not recent:
        return _after_silence(new, earlier[0]) if earlier else []
    crowd = _many_sessions(new, recent, live)
    # A place that the company has named is nobody's surprise.
    if new.named:
        return crowd
    browser = _new_browser(new, recent)
    if _knows(recent, new.network):
        return [*browser, *crowd]
    place = [*_too_fast("too_fast", new, recent[0], locate), *_new_country("sign-in", new, recent)]
    return [*(place + browser or _new_network(new, recent)), *crowd]


def of_touch(new: Seen, last: Seen, begun: Seen, earlier: Sequence[Seen], locate: Locator = pinpoint) -> list[Hint]:
    """Return what is unusual about the use of a session whose origin has changed.

    `last` is where it was used last, `begun` where it began; earlier sign-ins are newest first.
    """
    found = [*_woken(new, last), *_two_browsers(new, last, begun)]
    # The record holds the session's own sign-in as well, unless that was long ago.
    recent = recent_of(new, earlier)
    if new.named or _knows([begun, *recent], new.network):
        return found
    country = _new_country("use", new, recent or [begun]) if new.country != begun.country else []
    return [*_too_fast("two_places", new, last, locate), *country, *found]


def recent_of(new: Seen, earlier: Iterable[Seen]) -> list[Seen]:
    """Return those of the earlier sign-ins that one is compared with."""
    return [seen for seen in earlier if new.when - seen.when <= SPAN]


def _knows(seen: Iterable[Seen], network: str) -> bool:
    return not network or any(one.network == network for one in seen)


def _too_fast(kind: str, new: Seen, last: Seen, locate: Locator) -> list[Hint]:
    """Return that nobody travels so fast; nothing where one of the places is known only roughly, or named."""
    time = new.when - last.when
    if last.named or not timedelta() <= time <= LONGEST_JOURNEY:
        return []
    there, here = locate(last.ip), locate(new.ip)
    if there is None or here is None or max(there.radius, here.radius) > WIDEST_RADIUS_KM:
        return []
    # The nearest that the two can be.
    distance = kilometres(there, here) - there.radius - here.radius
    hours = max(time, timedelta(minutes=1)) / timedelta(hours=1)
    if distance < NEAR_KM or distance / hours < FASTEST_KMH:
        return []
    first, then = f"{last.place} at {_clock(last.when)}", f"{new.place} at {_clock(new.when)} UTC"
    return [Hint(kind, f"Used from {first} and from {then}: {distance:,.0f} km in {_roughly(time)}.", new.network)]


def _new_country(what: str, new: Seen, recent: Sequence[Seen]) -> list[Hint]:
    countries = Counter(seen.country for seen in recent if seen.country)
    if not new.country or not countries or new.country in countries:
        return []
    before = _times((country_name(code), number) for code, number in countries.most_common(3))
    said = f"First {what} from {country_name(new.country)} {_span(recent)}; before: {before}."
    return [Hint("new_country", said, new.network)]


def _new_browser(new: Seen, recent: Sequence[Seen]) -> list[Hint]:
    """Return that both the client and its surroundings are new; one of them alone says nothing.

    A provider's /16 holds half a town, and whoever would pass for a neighbour: here the /24 is compared.
    """
    around = network_of(new.ip, 24)
    if not around or not any(new.client) or any(network_of(seen.ip, 24) == around for seen in recent):
        return []
    clients = Counter(seen.client for seen in recent)
    if new.client in clients:
        return []
    before = _times((_client_in_words(*client), number) for client, number in clients.most_common(3))
    what = _client_in_words(*new.client)
    said = f"First sign-in with {what} {_span(recent)}, and from {around}, also new; before: {before}."
    return [Hint("new_browser", said, new.network)]


def _new_network(new: Seen, recent: Sequence[Seen]) -> list[Hint]:
    """Return that somebody is in a new network who never is: he came back to each of those he was in."""
    networks = Counter(seen.network for seen in recent)
    if len(recent) < HABIT or 1 in networks.values():
        return []
    said = f"First sign-in from the network {new.network} {_span(recent)}; before: {_times(networks.most_common(3))}."
    return [Hint("new_network", said, new.network)]


def _many_sessions(new: Seen, recent: Sequence[Seen], live: int) -> list[Hint]:
    """Return that he has many sessions, and many more than he signs in on a day."""
    days = Counter(seen.when.date() for seen in recent if new.when - seen.when > timedelta(days=1))
    most = max(days.values(), default=live)
    if live < MANY or live <= 2 * most:
        return []
    said = f"{live} sessions at once; before: at most {most} sign-in{'s' * (most > 1)} on one day {_span(recent)}."
    return [Hint("many_sessions", said, new.network)]


def _after_silence(new: Seen, last: Seen) -> list[Hint]:
    days = (new.when - last.when).days
    return [
        Hint("dormant", f"First sign-in in {days} days; before: {_day(last.when)} from {last.place}.", new.network)
    ]


def _woken(new: Seen, last: Seen) -> list[Hint]:
    silence = new.when - last.when
    if silence < DORMANT:
        return []
    said = f"Used again after {silence.days} days, from {new.place}; before: {_day(last.when)} from {last.place}."
    return [Hint("dormant", said, new.network)]


def _two_browsers(new: Seen, last: Seen, begun: Seen) -> list[Hint]:
    """Return that one session is in two browsers. Systems are not compared: phones give another when asked to."""
    families = {family(last.browser), family(begun.browser)}
    if not new.browser or not any(families) or family(new.browser) in families:
        return []
    signed_in, now = _client_in_words(begun.device, begun.browser), _client_in_words(new.device, new.browser)
    used = f"signed in with {signed_in} from {begun.place}, used with {now} from {new.place}"
    return [Hint("two_browsers", f"One session in two browsers: {used}.", new.network)]


def kilometres(one: Point, other: Point) -> float:
    """Return the distance along the great circle."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    between = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    chord = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * between
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))


def _span(recent: Sequence[Seen]) -> str:
    return f"in {SPAN.days} days" if len(recent) < MOST else f"in the last {MOST} sign-ins"


def _times(numbered: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{what} ({number} time{'s' * (number > 1)})" for what, number in numbered)


def _client_in_words(device: str, browser: str, os: str = "") -> str:
    return f"{browser or 'an unknown browser'} on {device or os or 'an unknown device'}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M}"


def _day(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"on {moment.day} {moment:%B %Y}"


def _roughly(time: timedelta) -> str:
    minutes = max(1, round(time / timedelta(minutes=1)))
    return f"{minutes} minute{'s' * (minutes > 1)}" if minutes < 90 else f"{round(minutes / 60)} hours"
