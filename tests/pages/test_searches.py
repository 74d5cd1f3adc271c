"""10,000 searches against an oracle in plain Python: the same rows on both databases, by every way and in load()."""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_ui import services, sign_in_lock
from sessions_ui.backends.keys import halves, new_key
from sessions_ui.backends.lookup import find
from sessions_ui.filters import SessionFilter
from sessions_ui.models import Account, Fence, Session, Termination
from sessions_ui.models.reaches import ALL
from sessions_ui.models.scopes import Scope, conditions_q
from sessions_ui.models.search_text import search_text
from sessions_ui.origin import Origin
from sessions_ui.search import eras, narrow, plan

from .cast import application, make_account, make_person, narrow_windows, session_of
from .searches import finds

NUMBER = 240
MIDDLE, A_FEW = 600_000, 10
CHECKED_IN_LOAD = 40
SEARCHES = 10_000
HOSTILE = [
    *(
        "%",
        "_",
        "100%",
        "r_s",
        "\\",
        "a\\b",
        "it's",
        "''",
        "' or 1=1 --",
        '"',
        '""',
        'a"b',
        "semi;colon",
        "*",
        "(",
        "NEAR",
    ),
    *("a AND b", "a OR b", "{x}", "^anna", ".*", "[a-z]+", "(a+)+$", "$1", "%s", "%(x)s", "{{ x }}", "-", "--", "- a"),
    *("\x00", "a\x00b", "\ud800", "\u0301", "\u200b", "ﬁ", "İ", "ß", "東京", "x" * 8192, "user:", ":", "a:b", "::1"),
    *("before:9999-99-99", "dormant:0d", "ip:300.1.1.1", "country:zz", "account:\x00", "search_text:a", "rowid:1"),
]


TEXTS = st.text(max_size=60) | st.lists(st.sampled_from([*HOSTILE, "anna", "ip:", "-", '"']), max_size=6).map(" ".join)
PLACES = [("DE", "München, Germany"), ("PT", "Lisbon, Portugal"), ("", "")]
ADDRESSES = ["203.0.113.7", "203.0.113.70", "10.55.1.9", "10.55.12.9", "2001:db8::1", "2001:db8:1::1", None]
CLIENTS = [("iPhone", "phone", "Safari 26", "iOS"), ("Windows PC", "computer", "Chrome 154", "Windows")]
PEOPLE = [
    ("anna", "Anna", "Brandt"),
    ("ben", "Ben", "Ortiz"),
    ("renee", "Renée", "Müller"),
    ("o'neil", "Pat", "O'Neil"),
]


def make_sessions() -> list[Session]:
    """Store sessions as sign-ins leave them, in which everything varies that can be sought."""
    dice = random.Random(11)  # noqa: S311 (the same each time, and nothing to guess)
    people = [make_person(n, first_name=a, last_name=b, email=f"{n}@company.example") for n, a, b in PEOPLE]
    accounts = [make_account("acme"), make_account("hr"), Account.objects.create(slug="wool", name="100% Wool_Works")]
    applications = [application(slug) for slug in ("reports", "wiki", "tv", "acme")]
    made: list[Session] = []
    for number in range(NUMBER):
        user, account, app = dice.choice(people), dice.choice([*accounts, None]), dice.choice(applications)
        ip, (country, location) = dice.choice(ADDRESSES), dice.choice(PLACES)
        device, kind, browser, os = dice.choice(CLIENTS)
        client = {"device": device, "device_kind": kind, "browser": browser, "os": os}
        origin = Origin(ip=ip, country=country, location=location, **client)
        # Later ids are mostly, but not always, those of later sign-ins.
        created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number + number % 7 * 9)
        last = datetime.now(UTC).date() - timedelta(days=number % 50)
        columns = asdict(origin) | {"created_on": created, "last_active_day": last}
        row = session_of(user, account, application=app, **columns)
        # In many eras, some of which hold none.
        row.pk = 1 + number * number * 20
        row.search_text = search_text(services.searchable(user, account, app, origin))
        made.append(row)
    Session.objects.bulk_create(made)
    return list(Session.objects.order_by("-id").select_related("user", "account", "application"))


@pytest.fixture
def sessions() -> list[Session]:
    return make_sessions()


def word(dice: random.Random, session: Session) -> str:
    """Return a term that finds the session: a piece of what it shows, or a filter."""
    parts = [part for part in (session.search_text.translate(dict.fromkeys(range(32), "\n"))).split("\n") if part]
    text = dice.choice(dice.choice(parts).split())
    start = dice.randrange(max(1, len(text) - 2))
    piece = text[start : start + dice.randint(3, 12)]
    user: Any = session.user
    of_fields = [
        *(f"user:{user.username}", f"user:{user.email}", f"app:{session.application.slug}", "dormant:9d"),
        *(f"account:{session.account.slug if session.account else '-'}", f'browser:"{session.browser}"'),
        *(f"os:{session.os[:3]}", f"device:{session.device[:4]}", f"after:{session.created_on:%Y-%m-%d}"),
        f"before:{session.created_on + timedelta(days=1):%Y-%m-%d}",
    ]
    if session.ip:
        of_fields += [f"ip:{session.ip}", *([f"ip:{session.ip.rpartition('.')[0]}."] if "." in session.ip else [])]
    if session.country:
        of_fields += [f"country:{session.country}", f"city:{session.location[:4]}", session.country]
    return dice.choice([piece, piece, dice.choice(of_fields)])


def readable(text: str) -> bool:
    """Whether the oracle reads this as the product does: it does not know the box's own signs."""
    return not set(text) & set('":-')


def of_the_data(dice: random.Random, sessions: list[Session]) -> list[str]:
    """Return the terms of a search, most of which find something together."""
    found = [word(dice, dice.choice(sessions)) for _ in range(dice.choice([1, 1, 1, 2, 2, 3]))]
    if dice.random() < 0.6:
        one = dice.choice(sessions)
        found = [word(dice, one) for _ in found]
    return [f"-{term}" if dice.random() < 0.1 and term[0].isalnum() else term for term in found]


def wanted(text: str) -> SessionFilter:
    params = QueryDict(mutable=True)
    params["q"] = text
    return SessionFilter(params, ALL)


def found_by(ways: Sequence[Callable[[SessionFilter], set[int]]], text: str) -> set[int] | None:
    """Return the ids that the search finds, by every way the same; None when it cannot be read."""
    search = wanted(text)
    if not search.is_valid():
        assert search.problems["q"].endswith((".", "?", '".')), search.problems
        return None
    if not search.conditions:
        return None
    first, *others = [way(search) for way in ways]
    assert all(other == first for other in others), text
    return first


def by_page(search: SessionFilter) -> set[int]:
    """As the first page does: the newest rows by a walk, the rest by the index."""
    fence = Fence.read()
    rows = plan.Search(Session.objects.live(fence).signed_in(), search.conditions, fence.branches(ALL))
    found = [session.pk for session in rows.first(Q(), "-id", NUMBER + 1)]
    assert found == sorted(found, reverse=True)
    assert [session.pk for session in rows.first(Q(), "id", NUMBER + 1)] == found[::-1]
    below = [pk for pk in found if pk < MIDDLE]
    assert [session.pk for session in rows.first(Q(id__lt=MIDDLE), "-id", A_FEW)] == below[:A_FEW]
    assert rows.count() == len(found)
    return set(found)


def by_preview(search: SessionFilter) -> set[int]:
    return set(narrow.narrowed(Session.objects.signed_in(), search.conditions).values_list("pk", flat=True))


def by_definition(search: SessionFilter) -> set[int]:
    return set(Session.objects.signed_in().filter(conditions_q(search.conditions)).values_list("pk", flat=True))


WAYS = [by_page, by_preview, by_definition]


@pytest.fixture
def narrow_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were far more sessions than the walk sees."""
    narrow_windows(monkeypatch, 30)
    for module in (plan, eras):
        monkeypatch.setattr(module, "FEW", 20)


@pytest.mark.usefixtures("narrow_window")
class SearchesTests:
    def test_find_what_python_finds(self, sessions: list[Session], soak: bool) -> None:
        dice, hits, number = random.Random(5), 0, SEARCHES if soak else SEARCHES // 5  # noqa: S311
        for _ in range(number):
            terms = of_the_data(dice, sessions)
            meant = {one.pk for one in sessions if all(finds(term, one) for term in terms)}
            assert found_by(WAYS, " ".join(terms)) == meant, terms
            hits += bool(meant)
        assert hits > 0.3 * number

    def test_survive_what_is_hostile(self, sessions: list[Session]) -> None:
        for text in HOSTILE:
            for around in (text, f"anna {text}", f"{text} -{text}", f'"{text}"', f"city:{text}"):
                try:
                    found_by(WAYS, around)
                except Exception as error:
                    raise AssertionError(repr(around)) from error

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        text=st.text(max_size=60)
        | st.lists(st.sampled_from([*HOSTILE, "anna", "ip:", "-", '"']), max_size=6).map(" ".join)
    )
    def test_survive_any_text(self, stored: list[Session], text: str) -> None:
        found = found_by(WAYS, text)
        if found is not None and readable(text):
            assert found == {one.pk for one in stored if all(finds(term, one) for term in text.split())}

    @pytest.fixture
    def stored(self, sessions: list[Session]) -> list[Session]:
        return sessions


class CoveredSearchesTests:
    """A termination by a search covers in load() exactly the rows that it found, and no others."""

    def test_are_refused_row_by_row(self, sessions: list[Session], root: User) -> None:
        digests: dict[int, bytes] = {}
        for one in sessions[::5]:
            one.key_digest, one.key_digest_rest = halves(new_key())
            one.application = application("console")
            digests[one.pk] = one.key_digest
            Session.objects.filter(pk=one.pk).update(
                key_digest=one.key_digest, key_digest_rest=one.key_digest_rest, application=one.application
            )
        dice = random.Random(9)  # noqa: S311
        for _ in range(CHECKED_IN_LOAD):
            search = wanted(" ".join(of_the_data(dice, sessions)))
            if not search.is_valid() or "dormant" in str(search.conditions):
                continue
            covered = by_definition(search)
            scope = Scope(search.conditions, ALL, sign_in_lock.cut_off("default"))
            termination = Termination.objects.create(
                conditions=dict(scope.conditions), reach=ALL, cut_off=scope.cut_off, actor_label="root"
            )
            opened = {pk for pk, digest in digests.items() if find("default", "console", digest)[0]}
            assert opened == digests.keys() - covered
            assert set(Session.objects.live().values_list("pk", flat=True)) == {one.pk for one in sessions} - covered
            termination.delete()
