"""Demo people and their sessions: invented, and written as the engine writes those of real people."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.db import router, transaction
from django.db.models import F
from tqdm import tqdm

from . import day_counts, demo_records, geoip, networks, services, sign_in_lock, useragent
from .backends.db import SessionStore
from .demo_addresses import address, elsewhere, near
from .demo_oddities import CHROME, HABITS, ODDITIES, Oddity
from .demo_people import PLATFORM_ADMINISTRATOR, Seat, chance, make_people
from .habits import SEEN
from .hints import Hint, Seen, of_sign_in, of_touch
from .models import Account, Application, Limit, Network, Session, SessionEvent
from .models.events import record
from .models.search_text import search_text
from .origin import Origin
from .pacing import Pace

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
# A multiple of ENDED_EACH, so that whoever has ended is counted the same across batches.
BATCH = 996
# One sign-in of so many has ended already, and after so many there is one that failed.
ENDED_EACH, FAILED_EACH = 6, 30
SPREAD = timedelta(days=30)
MINUTES_OF_A_DAY = 1_440
# From so many sessions on something unusual happens; in the hours of that, a few others sign in.
FEWEST_WITH_ODDITIES = 100
RECENTLY, FEW = timedelta(hours=2), 25
AGENTS_FILE = Path(__file__).parent / "data" / "user_agents.txt"
SCRIPTS = ["curl/8.14.1", "python-requests/2.32.5", ""]


# There are fewer addresses to choose from than fit in here.
locate = lru_cache(maxsize=16_000)(geoip.locate)


class Planned(NamedTuple):
    """A session that is to be made: how old, of whom, and what is unusual about it."""

    age: timedelta
    seat: Seat
    oddity: Oddity | None = None


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


class SignIns:
    """Sign-ins of the last 30 days, the more the nearer to now, whose keys nobody has."""

    def __init__(self, seats: list[Seat]) -> None:
        self.seats = seats
        self.dice = chance("sign-ins")
        self.now = datetime.now(UTC)
        self.data: dict[int, str] = {}
        self.seen: dict[str, list[Seen]] = {}
        self.administrator = get_user_model()._default_manager.get(username=PLATFORM_ADMINISTRATOR)
        self.applications = [
            Application.objects.update_or_create(slug=slug, defaults={"name": name})[0]
            for slug, name in APPLICATIONS.items()
        ]

    def make(self, number: int) -> None:
        """Insert so many sessions, oldest first, and others that have ended; shows progress on a terminal."""
        total = number + number // (ENDED_EACH - 1)
        seats = {seat.username: seat for seat in self.seats}
        is_odd = number >= FEWEST_WITH_ODDITIES and seats.keys() >= HABITS.keys()
        odd = [Planned(oddity.ago, seats[oddity.who], oddity) for oddity in ODDITIES] if is_odd else []
        if is_odd:
            self._write_down_habits(seats)
        others = [seat for seat in self.seats if not is_odd or seat.username not in HABITS]
        usual = (Planned(age, self.dice.choice(others)) for age in self._ages(total - len(odd), is_odd))
        planned = merge(odd, usual, key=lambda one: -one.age)
        with tqdm(total=total, unit=" sessions", disable=None) as bar:
            while batch := list(islice(planned, BATCH)):
                sessions = self._insert(batch)
                demo_records.end(list(_to_end(batch, sessions)), self.administrator, self.now, self.dice)
                bar.update(len(batch))

    def _ages(self, number: int, is_odd: bool) -> Iterator[timedelta]:
        """Yield so many ages, oldest first, the more the nearer to now, or to the hours of what is unusual."""
        few, youngest = (FEW, RECENTLY) if is_odd else (0, timedelta())
        for left in range(number - few, 0, -1):
            yield youngest + (SPREAD - youngest) * ((left - self.dice.random()) / (number - few)) ** 2.5
        for left in range(few, 0, -1):
            yield youngest * ((left - self.dice.random()) / few)

    def _write_down_habits(self, seats: dict[str, Seat]) -> None:
        """Insert the sign-ins that went before of those to whom something unusual happens, one a day."""
        users = get_user_model().objects.in_bulk({seats[who].user_id for who in HABITS})
        events, ends = [], chance("ends of habits")
        for who, habit in HABITS.items():
            origin, user, seat = origin_of(habit.home, CHROME), users[seats[who].user_id], seats[who]
            for day in range(habit.number):
                # Of the small hours, so that nothing else of the person lies near.
                when = self.now - timedelta(days=habit.last + day, hours=3)
                self.seen.setdefault(who, []).append(seen(when, origin))
                sign_in = self._earlier(user, seat, origin, when)
                events += [sign_in, demo_records.earlier(sign_in, ends)]
        SessionEvent.objects.bulk_create(sorted(events, key=lambda event: event.happened_on), batch_size=BATCH)

    def _earlier(self, user: Any, seat: Seat, origin: Origin, when: datetime) -> SessionEvent:
        application = self.dice.choice(self.applications)
        return SessionEvent(
            kind=SessionEvent.Kind.SIGNED_IN,
            happened_on=when,
            signed_in_on=when,
            session_public_id=uuid.uuid4(),
            user_key=str(user.pk),
            user_label=user.get_username(),
            account_id=seat.account.pk if seat.account else None,
            account_label=seat.account.name if seat.account else "",
            application_id=application.pk,
            application_label=application.name,
            search_text=search_text(services.searchable(user, seat.account, application, origin)),
            **asdict(origin),
        )

    def _insert(self, planned: list[Planned]) -> list[Session]:
        users = get_user_model().objects.in_bulk({one.seat.user_id for one in planned})
        # Signing is slow enough to be done once for each person.
        self.data |= {pk: signed_in_data(user) for pk, user in users.items() if pk not in self.data}
        sessions = Session.objects.bulk_create(
            self._session(users[one.seat.user_id], one.seat, one.age, one.oddity) for one in planned
        )
        for start in range(0, len(sessions), FAILED_EACH):
            self._record(sessions[start : start + FAILED_EACH])
        return sessions

    def _record(self, sessions: list[Session]) -> None:
        """Write these sign-ins into the history, and one that failed after them."""
        # Without statistics, PostgreSQL would take a list of ids for a reason to read the whole table.
        inserted = Session.objects.filter(pk__gte=sessions[0].pk, pk__lte=sessions[-1].pk)
        record(inserted, SessionEvent.Kind.SIGNED_IN, happened_on=F("created_on"))
        if len(sessions) == FAILED_EACH:
            user, application = sessions[-1].user, self.dice.choice(self.applications)
            origin = origin_of(address(self.dice), self.dice.choice(known_agents()))
            demo_records.failed(user, application, origin, sessions[-1].created_on, self.dice).save()

    def _session(self, user: Any, seat: Seat, age: timedelta, oddity: Oddity | None) -> Session:
        application = self.dice.choice(self.applications)
        origin = origin_of(oddity.ip, oddity.agent) if oddity else self._origin(seat.username, seat.home)
        # Some have moved since they signed in.
        last = origin_of(elsewhere(seat.home, self.dice), origin.user_agent) if self.dice.random() < 0.1 else origin
        last_active_on = self.now - age * self.dice.random() ** 3
        hints: list[Hint] = []
        if oddity:
            last_active_on = self.now - timedelta(minutes=1) if oddity.used_from else self.now - age / 2
            last = origin_of(oddity.used_from, oddity.used_in) if oddity.used_from else origin
            hints = self._hints(oddity, origin, last, last_active_on)
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
            hints=[asdict(hint) | {"expected": False} for hint in hints] or None,
            needs_look=bool(hints),
            search_text=search_text(services.searchable(user, seat.account, application, origin)),
            **asdict(origin),
        )

    def _hints(self, oddity: Oddity, origin: Origin, last: Origin, last_active_on: datetime) -> list[Hint]:
        """Return what the engine would have said of the sign-in, and of the use from elsewhere."""
        earlier, begun = self.seen[oddity.who], seen(self.now - oddity.ago, origin)
        live = sum(one.when > self.now - RECENTLY for one in earlier) + 1
        hints = of_sign_in(begun, earlier, live)
        earlier.insert(0, begun)
        if oddity.used_from:
            before = seen(last_active_on - oddity.last_used, origin)
            hints += of_touch(seen(last_active_on, last), before, begun, earlier)
        return hints

    def _origin(self, username: str, home: str) -> Origin:
        """Return one of the person's few devices, mostly at home."""
        if not home or self.dice.random() < 0.02:
            return origin_of(self.dice.choice(["", "10.20.0.7"]), self.dice.choice(SCRIPTS))
        where = near(home, self.dice) if self.dice.random() < 0.85 else elsewhere(home, self.dice)
        return origin_of(where, self.dice.choice(devices(username)))


def _to_end(planned: list[Planned], sessions: list[Session]) -> Iterator[Session]:
    """Yield of each ENDED_EACH sessions the last one to which nothing unusual has happened."""
    for start in range(0, len(sessions) - ENDED_EACH + 1, ENDED_EACH):
        stop = start + ENDED_EACH
        pairs = zip(planned[start:stop], sessions[start:stop], strict=True)
        yield [session for one, session in pairs if not one.oddity][-1]


def seen(when: datetime, origin: Origin | Session) -> Seen:
    """Return what hints compare of somebody who was there at that moment."""
    return Seen(when, *(getattr(origin, name) or "" for name in SEEN))


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
