"""A scope means the same wherever it is asked: to the list, to the termination and to the check of every request."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from sessions_ui.backends.keys import halves, new_key
from sessions_ui.backends.lookup import find
from sessions_ui.models import Account, Application, Fence, Session, Termination
from sessions_ui.models.scopes import BEGINNINGS, CONDITIONS, MOVING, REACHES, Scope, UnreadableScope
from sessions_ui.models.search_text import search_text

from .browser import Browser
from .endings import EVERYTHING, USING, begun, scope

NOW = datetime.now(UTC)
ADDRESSES = [None, "192.0.2.7", "192.0.2.200", "10.0.0.1", "2001:db8::1", "::1"]
PLACES = ["", "Abc", "Bern"]
WORDS = ["anna", "acme", "100%", "under_score", "back\\slash", "zürich", "it's", '"quoted"']


class Rows:
    """A row for every mixture that scopes tell apart, and the keys that open them."""

    def __init__(self) -> None:
        self.users = [User.objects.create(username=name) for name in ("anna", "ben")]
        self.accounts = [Account.objects.create(name=name, slug=name) for name in ("acme", "globex")]
        self.applications = [
            Application.objects.get_or_create(slug=slug, defaults={"name": slug})[0] for slug in ("console", "reports")
        ]
        self.digests: dict[int, bytes] = {}
        for number in range(24):
            self.add(number)

    def add(self, number: int) -> None:
        first, rest = halves(new_key())
        row = Session.objects.create(
            key_digest=first,
            key_digest_rest=rest,
            user=[*self.users, None][number % 3],
            account=[*self.accounts, None][number // 3 % 3],
            # Only rows of this application are looked up.
            application=self.applications[number % 7 == 6],
            session_data="",
            expire_date=datetime(2100, 1, 1, tzinfo=UTC),
            created_on=NOW - timedelta(days=number % 5),
            last_active_day=(NOW - timedelta(days=number % 4)).date(),
            ip=ADDRESSES[number % 6],
            country=["", "CH", "DE"][number % 3],
            device_kind=["", "computer"][number % 2],
            search_text=search_text(
                {"name": " ".join(WORDS[: number % 9]), "location": ["", "Abc", "Bern"][number % 3]}
            ),
        )
        self.digests[row.pk] = first

    @property
    def here(self) -> set[int]:
        return set(Session.objects.filter(application=self.applications[0]).values_list("pk", flat=True))

    def opened(self) -> set[int]:
        """Return the rows that the check of a request finds."""
        return {pk for pk, digest in self.digests.items() if find(USING, "console", digest)[0]}


@pytest.fixture
def rows(db: None) -> Rows:
    return Rows()


def a_number(of: int) -> st.SearchStrategy[int]:
    return st.integers(min_value=0, max_value=of)


SOUGHT = st.sampled_from([*WORDS, "%", "_", "\\", "absent"])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "everything": st.just(True),
    "sessions": st.lists(a_number(23), max_size=4),
    "user": a_number(1),
    "account": st.none() | a_number(1),
    "application": a_number(1),
    "country": st.sampled_from(["", "CH", "DE", "FR"]),
    "device_kind": st.sampled_from(["", "computer", "phone"]),
    "network": st.sampled_from(["192.0.2.0/24", "192.0.2.7/32", "10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32"]),
    "created_before": st.integers(0, 5).map(lambda days: (NOW - timedelta(days=days)).isoformat()),
    "created_after": st.integers(0, 5).map(lambda days: (NOW - timedelta(days=days)).isoformat()),
    "words": st.lists(SOUGHT, min_size=1, max_size=3),
    "any_word": st.lists(SOUGHT, min_size=1, max_size=3),
    **dict.fromkeys(BEGINNINGS, st.sampled_from(["ab", "be"])),
}
SEVERAL = st.lists(st.fixed_dictionaries({}, optional=VALUES).filter(bool), min_size=1, max_size=2)
WITHIN = {"all_of": SEVERAL, "any_of": SEVERAL, "none_of": SEVERAL}
REACHES_OF = st.just({"all": True}) | st.fixed_dictionaries(
    {"accounts": st.lists(a_number(1), max_size=2)}, optional={"user": a_number(1)}
)


def with_real_ids(values: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """Put ids where the strategies gave places."""
    ids = sorted(rows.digests)
    of: dict[str, list[Any]] = {"user": rows.users, "account": rows.accounts, "application": rows.applications}
    real = {name: of[name][value].pk if name in of and value is not None else value for name, value in values.items()}
    if "sessions" in real:
        real["sessions"] = [ids[place] for place in values["sessions"]]
    for name in WITHIN.keys() & values.keys():
        real[name] = [with_real_ids(one, rows) for one in values[name]]
    if "accounts" in real:
        real["accounts"] = [rows.accounts[place].pk for place in values["accounts"]]
    return real


@pytest.mark.django_db
class OneMeaningTests:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        conditions=st.fixed_dictionaries({}, optional=VALUES | WITHIN).filter(bool),
        reach=REACHES_OF,
        cut_off=a_number(23),
        spared=st.none() | a_number(23),
    )
    def test_covered_and_live_share_out_all_rows(
        self, rows: Rows, conditions: dict[str, Any], reach: dict[str, Any], cut_off: int, spared: int | None
    ) -> None:
        """No row is both or neither, and list, termination and check agree about each, NULLs included."""
        ids = sorted(rows.digests)
        of = Scope(
            with_real_ids(conditions, rows),
            with_real_ids(reach, rows),
            ids[cut_off],
            None if spared is None else ids[spared],
        )
        termination = begun(of.conditions, of.reach, cut_off=of.cut_off, spared=of.spared)
        covered = set(Session.objects.in_scope(of).values_list("pk", flat=True))
        live = set(Session.objects.live().values_list("pk", flat=True))
        opened = rows.opened()
        termination.delete()
        assert live == set(ids) - covered
        assert opened == live & rows.here
        assert covered <= set(Session.objects.signed_in().values_list("pk", flat=True))

    def test_every_kind_of_condition_is_tried(self) -> None:
        assert VALUES.keys() | WITHIN.keys() == CONDITIONS.keys() - MOVING

    def test_two_terminations_cover_what_either_covers(self, rows: Rows) -> None:
        first, second = scope({"user": rows.users[0].pk}), scope({"network": "10.0.0.0/8"})
        covered = {row.pk for of in (first, second) for row in Session.objects.in_scope(of)}
        begun(first.conditions)
        begun(second.conditions)
        assert set(Session.objects.live().values_list("pk", flat=True)) == rows.digests.keys() - covered
        assert rows.opened() == rows.here - covered

    def test_nothing_ticked_covers_nothing(self, rows: Rows) -> None:
        begun({"sessions": []})
        assert rows.opened() == rows.here

    def test_a_moving_condition_hides_nothing_before_its_sweep(self, rows: Rows) -> None:
        begun({"dormant_since": NOW.date().isoformat()})
        assert rows.opened() == rows.here


UNREADABLE: list[Any] = [
    {},
    [],
    "everything",
    {"everthing": True},
    {"everything": True, "shoe_size": 43},
    {"user": "nobody"},
    {"user": []},
    {"account": "acme"},
    {"application": {}},
    {"sessions": "all"},
    {"sessions": 3},
    {"sessions": ["x"]},
    {"network": "everywhere"},
    {"network": 7},
    {"network": None},
    {"created_before": "yesterday"},
    {"created_before": "2026-01-01T00:00:00"},
    {"created_before": None},
    {"dormant_since": "long"},
    {"words": None},
    {"words": "anna"},
    {"words": [1]},
    {"country": None},
    {"device_kind": 5},
]


@pytest.mark.django_db
class UnreadableTests:
    """What this version cannot read is neither accepted nor refused."""

    @pytest.mark.parametrize("conditions", UNREADABLE, ids=str)
    def test_conditions(self, signed_in: Browser, conditions: Any) -> None:
        Termination.objects.create(conditions=conditions, reach={"all": True}, cut_off=9**9)
        with pytest.raises(UnreadableScope):
            Fence.read()
        assert signed_in.get("/who/").status_code == 503

    @pytest.mark.parametrize(
        "reach", [{}, [], {"some": True}, {"all": False}, {"accounts": None}, {"accounts": ["x"]}, {"user": "x"}]
    )
    def test_reach(self, signed_in: Browser, reach: Any) -> None:
        Termination.objects.create(conditions=EVERYTHING, reach=reach, cut_off=9**9)
        with pytest.raises(UnreadableScope):
            Fence.read()
        assert signed_in.get("/who/").status_code == 503

    def test_keeps_the_cookie_and_the_row(self, signed_in: Browser) -> None:
        termination = Termination.objects.create(conditions={"new": 1}, reach={"all": True}, cut_off=9**9)
        response = signed_in.get("/visit/")
        assert response.status_code == 503
        assert not response.cookies
        termination.delete()
        assert signed_in.who() == "anna"

    def test_in_a_late_save_is_a_503(self, signed_in: Browser) -> None:
        store = signed_in.store
        store["visits"] = 1
        Termination.objects.create(conditions={"new": 1}, reach={"all": True}, cut_off=9**9)
        with pytest.raises(UnreadableScope):
            store.save()

    def test_leaves_visitors_without_a_key_alone(self, visitor: Browser, signed_in: Browser) -> None:
        Termination.objects.create(conditions={"new": 1}, reach={"all": True}, cut_off=9**9)
        assert Browser().get("/who/").content == b"nobody"

    def test_every_reach_is_known(self) -> None:
        assert set(REACHES) == {"all", "accounts", "user"}

    def test_a_project_without_time_zones_reads_instants(self, signed_in: Browser, settings: Settings) -> None:
        """Another application on the same database may have USE_TZ off."""
        begun({"created_before": "2100-01-01T00:00:00+00:00"})
        settings.USE_TZ = False
        assert signed_in.who() == "nobody"
