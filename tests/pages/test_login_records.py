"""Login records: who sees which, what became of each, filters and pages, and what a record never does: change."""

import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.db.models import F, Q
from django.http import QueryDict
from django.test import Client, RequestFactory
from pytest_django import Settings

from sessions_ui import services, sweep
from sessions_ui.filters import LoginRecordFilter
from sessions_ui.listing import without_paging
from sessions_ui.models import Account, Fence, Session, SessionEvent, Termination
from sessions_ui.models.events import REPLACED, record, retention
from sessions_ui.models.reaches import ALL
from sessions_ui.models.scopes import Scope
from sessions_ui.paging import Position, page
from sessions_ui.search import outcomes

from .cast import LIST, Page, application, links, make_session, narrow_windows, plain, signed_in, text_of
from .searches import finds
from .test_searches import make_sessions, of_the_data

SEARCHES = 250
RECORDS = "/security/login-records/"
OUTCOMES = ["failed", "active", "signed-out", "replaced", "expired", "terminated"]
Kind = SessionEvent.Kind


def sign_in(user: User, account: Account | None = None, **columns: Any) -> Session:
    """Store a session as a sign-in leaves it: with its event."""
    session = make_session(user, account, **columns)
    record(Session.objects.filter(pk=session.pk), Kind.SIGNED_IN, happened_on=F("created_on"))
    return session


def fail(name: str, **headers: Any) -> None:
    authenticate(RequestFactory(**headers).get("/"), username=name, password="wrong")


def rows(page: Page) -> list[str]:
    """Return the text of each row, from top to bottom."""
    return [plain(row) for row in re.findall(r"<tr>(.*?)</tr>", page.content.decode(), re.DOTALL)[1:]]


def end(session: Session, by: User | None = None, **values: Any) -> Termination:
    scope = Scope({"sessions": [session.pk]}, {"all": True}, session.pk)
    return services.terminate(scope, by, in_words="One", **values)


def begin_to_end(session: Session, by: User) -> Termination:
    """Insert a termination and sweep nothing."""
    return Termination.objects.create(
        conditions={"sessions": [session.pk]}, reach={"all": True}, cut_off=session.pk, actor=by, actor_label="Ruth",
        reason="INC-7",
    )  # fmt: skip


def end_as(session: Session, kind: SessionEvent.Kind, reason: str = "") -> None:
    one = Session.objects.filter(pk=session.pk)
    record(one, kind, reason=reason)
    one.delete()


@pytest.fixture
def one_of_each(anna: User, acme: Account, root: User) -> dict[str, Session]:
    """A sign-in of anna for each outcome, on a device of that name; two are still to be tidied."""
    names = ["active", "signed-out", "replaced", "expired", "terminated", "to-expire", "to-terminate", "gone"]
    made = {name: sign_in(anna, acme, device=f"unit-{name}") for name in names}
    end_as(made["signed-out"], Kind.SIGNED_OUT)
    end_as(made["replaced"], Kind.SIGNED_OUT, REPLACED)
    end_as(made["expired"], Kind.EXPIRED)
    end(made["terminated"], root, reason="INC-2214")
    Session.objects.filter(pk=made["to-expire"].pk).update(expire_date=F("created_on") - timedelta(minutes=1))
    begin_to_end(made["to-terminate"], root)
    Session.objects.filter(pk=made["gone"].pk).delete()
    fail("anna")
    return made


def devices(page: Page) -> list[str]:
    return re.findall(r' title="(unit-[\w-]+)">', page.content.decode())


WAYS = [*OUTCOMES[1:], "to-expired", "to-terminated"]


def end_by(way: str, session: Session, root: User) -> None:
    """End the session in this way; the last two are still to be tidied."""
    if way in ("signed-out", "replaced"):
        end_as(session, Kind.SIGNED_OUT, REPLACED if way == "replaced" else "")
    elif way == "expired":
        end_as(session, Kind.EXPIRED)
    elif way == "terminated":
        end(session, root)
    elif way == "to-expired":
        Session.objects.filter(pk=session.pk).update(expire_date=F("created_on") - timedelta(minutes=1))
    elif way == "to-terminated":
        begin_to_end(session, root)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were far more records than are asked one by one, or walked."""
    monkeypatch.setattr(outcomes, "FEW", 2)
    narrow_windows(monkeypatch, 3)


class OutcomeTests:
    SAID = {
        "active": "Active",
        "signed-out": "Signed out just now",
        "replaced": "Replaced signed in again just now",
        "expired": "Expired just now",
        "terminated": "Terminated just now",
        "to-expire": "Expired",
        "to-terminate": "Terminated just now",
        "gone": "Ended how is not on record",
    }

    @pytest.mark.parametrize("name", SAID)
    def test_is_said(self, name: str, one_of_each: dict[str, Session], console: Client) -> None:
        (row,) = [row for row in rows(console.get(f"{RECORDS}?user=anna")) if f"unit-{name} " in row]
        assert self.SAID[name] in row

    def test_of_a_termination_says_by_whom_and_why(self, one_of_each: dict[str, Session], console: Client) -> None:
        page = console.get(f"{RECORDS}?outcome=terminated")
        swept, under_way = sorted(rows(page), key=lambda row: "to-terminate" in row)
        assert "by Ruth Root (root): INC-2214" in swept
        assert "by Ruth: INC-7" in under_way
        assert len([url for url in links(page, "Terminated") if "/terminations/" in url and url[-2:] != "s/"]) == 2

    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_narrows(self, outcome: str, one_of_each: dict[str, Session], console: Client) -> None:
        page = console.get(f"{RECORDS}?user=anna&outcome={outcome}")
        also = {"expired": ["unit-to-expire"], "terminated": ["unit-to-terminate"], "failed": []}
        assert sorted(devices(page)) == sorted(
            also.get(outcome, []) + ([] if outcome == "failed" else [f"unit-{outcome}"])
        )
        assert len(rows(page)) == len(devices(page)) + (outcome == "failed")

    def test_of_what_was_tidied_stays_what_it_was(self, one_of_each: dict[str, Session], console: Client) -> None:
        before = {outcome: devices(console.get(f"{RECORDS}?outcome={outcome}")) for outcome in OUTCOMES}
        sweep.tidy("default")
        assert {outcome: devices(console.get(f"{RECORDS}?outcome={outcome}")) for outcome in OUTCOMES} == before

    def test_that_is_none_is_refused_in_words(self, console: Client) -> None:
        answer = console.get(f"{RECORDS}?outcome=kicked")
        assert answer.status_code == 400
        assert "There is no outcome “kicked”; write one of failed, active" in text_of(answer)

    def test_of_who_was_disabled_is_the_system(self, anna: User, console: Client) -> None:
        sign_in(anna)
        anna.is_active = False
        anna.save()
        sweep.tidy("default")
        assert "by the system: The user was disabled or enabled" in text_of(console.get(RECORDS))


class MeanwhileTests:
    """What changes between the questions of one search is neither missed nor said twice."""

    @pytest.fixture(autouse=True)
    def _many(self, many: None, anna: User) -> None:
        for _ in range(4):
            sign_in(anna)
        Session.objects.filter(user=anna).update(expire_date=F("created_on") - timedelta(minutes=1))

    def found(self, most: int = 10) -> list[SessionEvent]:
        wanted = LoginRecordFilter(QueryDict("outcome=expired"), ALL)
        assert wanted.is_valid()
        return wanted.search(Fence.read()).first(Q(), "-id", most)

    def test_a_session_that_is_tidied(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told = outcomes.OutcomeSearch._told

        def tidied_after(search: Any, *args: Any) -> list[tuple[int, int]]:
            answer = told(search, *args)
            sweep.expire("default")
            return answer

        monkeypatch.setattr(outcomes.OutcomeSearch, "_told", tidied_after)
        assert len(self.found()) == 4

    @pytest.mark.parametrize(("most", "left"), [(10, 3), (2, 2)])
    def test_a_record_that_is_too_old(self, monkeypatch: pytest.MonkeyPatch, most: int, left: int) -> None:
        """A page that is not full would be taken for the last."""
        told, removed = outcomes.OutcomeSearch._told, set[int]()

        def one_removed_after(search: Any, *args: Any) -> list[tuple[int, int]]:
            answer = told(search, *args)
            if not removed and answer:
                removed.add(answer[0][1])
                with retention("default"):
                    SessionEvent.objects.filter(pk__in=removed).delete()
            return answer

        monkeypatch.setattr(outcomes.OutcomeSearch, "_told", one_removed_after)
        assert len(self.found(most)) == left


class ReachTests:
    """An account's administrator sees the sign-ins in that account, everybody his own; failed ones have no account."""

    @pytest.fixture(autouse=True)
    def _records(self, anna: User, acme: Account, ben: User, bolt: Account) -> None:
        for user, account, device in (
            (anna, acme, "acme"),
            (ben, bolt, "bolt"),
            (ben, acme, "bens"),
            (anna, None, "none"),
        ):
            sign_in(user, account, device=f"unit-{device}")
        for name in ("anna", "ben", "nobody"):
            fail(name)

    def seen_by(self, user: User, query: str = "") -> set[str]:
        page = signed_in(user).get(f"{RECORDS}{query}")
        assert page.status_code == 200
        failed = re.findall(r"(\w+) [\w ]*–", " ".join(row for row in rows(page) if "Failed" in row))
        return {*(device.removeprefix("unit-") for device in devices(page)), *(f"{name} failed" for name in failed)}

    def test_of_who_sees_all(self, root: User, vera: User) -> None:
        assert len(rows(signed_in(root).get(f"{RECORDS}?outcome=failed"))) == 3
        for user in (root, vera):
            assert self.seen_by(user) >= {"acme", "bolt", "bens", "none"}

    def test_of_an_account_s_administrator(self, ada: User) -> None:
        assert self.seen_by(ada) == {"acme", "bens"}
        assert rows(signed_in(ada).get(f"{RECORDS}?outcome=failed")) == []
        assert "here are those under your own name" in text_of(signed_in(ada).get(RECORDS))

    def test_of_a_member(self, anna: User, ben: User) -> None:
        assert self.seen_by(anna) >= {"acme", "none"}
        assert not self.seen_by(anna) & {"bolt", "bens"}
        (failed,) = rows(signed_in(ben).get(f"{RECORDS}?outcome=failed"))
        assert failed.startswith("ben ")

    @pytest.mark.parametrize("outcome", ["", "&outcome=active", "&outcome=expired", "&outcome=failed"])
    def test_bounds_every_filter(self, ada: User, outcome: str) -> None:
        for query in ("user=anna", "account=acme", "application=reports", "q=unit", "country=DE", "sort=oldest"):
            assert self.seen_by(ada, f"?{query}{outcome}") <= {"acme", "bens"}

    def test_refuses_what_one_does_not_reach(self, ada: User) -> None:
        for query in ("account=bolt", "user=vera"):
            assert signed_in(ada).get(f"{RECORDS}?{query}").status_code == 400

    def test_names_who_has_left_the_account(self, ada: User, ben: User, acme: Account) -> None:
        Session.objects.filter(user=ben).delete()
        for query in ("user=ben", "q=user:ben"):
            assert self.seen_by(ada, f"?{query}") == {"bens"}
        assert signed_in(ada).get(f"{LIST}?user=ben").status_code == 400

    def test_keeps_the_reason_from_who_was_signed_out(self, ada: User, anna: User, root: User, acme: Account) -> None:
        """The reason is for the record, as on the sign-in page."""
        end(sign_in(anna, acme), root, reason="Suspicion of fraud")
        for url in (RECORDS, "/my-sessions/"):
            page = text_of(signed_in(anna).get(url))
            assert "by an administrator" in page
            assert "fraud" not in page
            assert "Ruth" not in page
        assert "by Ruth Root (root): Suspicion of fraud" in text_of(signed_in(ada).get(RECORDS))

    def test_is_told_of_what_one_did_oneself(self, anna: User, acme: Account) -> None:
        end(sign_in(anna, acme), anna, reason="Lost my phone")
        page = signed_in(anna).get(RECORDS)
        assert "by Anna Brandt (anna): Lost my phone" in text_of(page)
        assert links(page, "Terminated")


class FilterTests:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("user=anna", "ab"),
            ("user=anna@example.com", "ab"),
            ("account=acme", "a"),
            ("account=-", "bd"),
            ("application=wiki", "c"),
            ("country=PT", "a"),
            ("city=lis", "a"),
            ("device=phone", "b"),
            ("device=unit-c", "c"),
            ("browser=firefox", "c"),
            ("os=win", "b"),
            ("address=203.0.113.0/24", "ac"),
            ("address=203.0.113.7", "a"),
            ("before=2026-03-02", "a"),
            ("after=2026-03-02&before=2026-03-04", "bc"),
            ("q=lisbon", "a"),
            ("q=-lisbon&user=anna", "b"),
            ("q=country:PT", "a"),
            ("q=firefox+wiki", "c"),
            ("q=pt", "a"),
        ],
    )
    @pytest.mark.parametrize("sort", ["newest", "oldest"])
    def test_narrows(
        self, query: str, found: str, sort: str, console: Client, anna: User, ben: User, acme: Account, bolt: Account
    ) -> None:
        march = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in range(1, 5)]
        sign_in(anna, acme, device="unit-a", ip="203.0.113.7", country="PT", location="Lisbon", created_on=march[0])
        sign_in(anna, None, device="unit-b", device_kind="phone", os="Windows", created_on=march[1])
        wiki = application("wiki")
        sign_in(
            ben, bolt, device="unit-c", browser="Firefox 143", ip="203.0.113.9", application=wiki, created_on=march[2]
        )
        sign_in(ben, None, device="unit-d", created_on=march[3])
        page = console.get(f"{RECORDS}?{query}&sort={sort}")
        assert page.status_code == 200, text_of(page)
        wanted = [f"unit-{letter}" for letter in (found if sort == "oldest" else found[::-1])]
        assert devices(page) == wanted

    @pytest.mark.parametrize("query", ["dormant=30d", "q=dormant:30d"])
    def test_that_asks_for_activity_is_refused(self, query: str, console: Client) -> None:
        answer = console.get(f"{RECORDS}?{query}")
        assert answer.status_code == 400
        assert "Nothing is listed, so that nothing is taken for the whole." in text_of(answer)


class PageTests:
    """Every record is on one page, on none twice, both ways, under any outcome, be there few records or many."""

    @pytest.fixture(autouse=True)
    def _records(self, anna: User, ben: User, acme: Account, bolt: Account, root: User, monkeypatch: Any) -> None:
        monkeypatch.setattr("sessions_ui.paging.ROWS", 3)
        for number in range(28):
            user, account = ((anna, acme), (ben, bolt))[number % 3 == 0]
            end_by(WAYS[number % len(WAYS)], sign_in(user, account, device=f"unit-{number}"), root)
        for _ in range(4):
            fail("anna", HTTP_USER_AGENT="unit")

    def walked(self, query: str, backward: bool = False) -> list[list[int]]:
        """Return the ids of the records of each page, from the first to the last or the other way."""
        fence, wanted = Fence.read(), LoginRecordFilter(without_paging(QueryDict(query)), ALL)
        assert wanted.is_valid(), wanted.problems
        search = wanted.search(fence)
        sort = "oldest" if "sort=oldest" in query else "newest"
        at: Position | None = Position(sort, above=0 if backward else None)
        pages = []
        while at is not None:
            found = page(search.first, at, search.place_of)
            pages.append([row.pk for row in found.rows])
            at = found.previous if backward else found.next
        assert search.count() == sum(map(len, pages))
        return pages

    def pages_are_right(self, asked: str) -> None:
        down = self.walked(asked)
        newest = [pk for one in down for pk in one]
        assert len(set(newest)) == len(newest), asked
        assert all(len(one) == 3 for one in down[:-1]), asked
        assert [pk for one in self.walked(f"{asked}&sort=oldest") for pk in one] == newest[::-1], asked
        assert [pk for one in self.walked(asked, backward=True)[::-1] for pk in one] == newest, asked
        assert asked or newest == sorted(newest, reverse=True)

    @pytest.mark.parametrize("of_many", [False, True])
    @pytest.mark.parametrize("query", ["", "q=unit", "account=acme", "user=ben", "application=reports&q=unit"])
    def test_both_ways(self, query: str, of_many: bool, request: pytest.FixtureRequest) -> None:
        if of_many:
            request.getfixturevalue("many")
        self.pages_are_right(query)
        for outcome in OUTCOMES:
            self.pages_are_right(f"{query}&outcome={outcome}".removeprefix("&"))

    def test_are_linked(self, console: Client) -> None:
        first = console.get(f"{RECORDS}?outcome=expired")
        second = console.get(f"{RECORDS}{links(first, 'Older')[0]}")
        assert len(devices(second)) == 3
        assert devices(console.get(f"{RECORDS}{links(second, 'Newer')[0]}")) == devices(first)


class SearchesTests:
    """Random searches under random outcomes: what plain Python finds, by a walk, by the index, of few and of many."""

    @pytest.mark.parametrize("of_many", [False, True])
    def test_find_what_python_finds(self, of_many: bool, root: User, request: pytest.FixtureRequest) -> None:
        if of_many:
            request.getfixturevalue("many")
        dice, sessions = random.Random(7), make_sessions()  # noqa: S311 (the same each time, and nothing to guess)
        record(Session.objects.signed_in(), Kind.SIGNED_IN, happened_on=F("created_on"))
        ways = {session.pk: WAYS[session.pk % len(WAYS)] for session in sessions}
        for session in sessions:
            end_by(ways[session.pk], session, root)
        fence, hits = Fence.read(), 0
        for _ in range(SEARCHES):
            terms = [term for term in of_the_data(dice, sessions) if "dormant:" not in term]
            outcome = dice.choice(["", *OUTCOMES[1:]])
            params = QueryDict(mutable=True)
            params.update({"q": " ".join(terms), **({"outcome": outcome} if outcome else {})})
            wanted = LoginRecordFilter(params, ALL)
            assert wanted.is_valid(), wanted.problems
            meant = {
                one.pk
                for one in sessions
                if all(finds(term, one) for term in terms) and outcome in ("", ways[one.pk].removeprefix("to-"))
            }
            search = wanted.search(fence)
            found = search.first(Q(), "-id", len(sessions))
            assert {event.session_id for event in found} == meant, (terms, outcome)
            assert search.count() == len(meant)
            hits += bool(meant)
        assert hits > 0.2 * SEARCHES


class RowTests:
    def test_narrows_by_each_cell(self, console: Client, anna: User, acme: Account) -> None:
        origin = {"ip": "192.0.2.7", "country": "PT", "location": "Lisbon, Portugal", "browser": "Safari 26"}
        sign_in(anna, acme, device="iPhone", **origin)
        page = console.get(f"{RECORDS}?sort=oldest")
        wanted = {
            "anna": "user=anna",
            "Acme": "account=acme",
            "Reports": "application=reports",
            "192.0.2.7": "address=192.0.2.7",
            "PT": "country=PT",
            "Lisbon, Portugal": "city=Lisbon%2C%20Portugal",
            "iPhone": "device=iPhone",
            "Safari 26": "browser=Safari%2026",
        }
        for text, query in wanted.items():
            assert f"?sort=oldest&{query}" in links(page, text), text
            assert "anna " in rows(console.get(f"{RECORDS}?{query}"))[0]

    def test_keeps_the_old_names_and_leads_to_the_new(self, console: Client, anna: User, acme: Account) -> None:
        sign_in(anna, acme)
        User.objects.filter(pk=anna.pk).update(username="ortiz", email="")
        Account.objects.filter(pk=acme.pk).update(name="Apex", slug="apex")
        page = console.get(f"{RECORDS}?q=acme+anna")
        (row,) = rows(page)
        assert row.startswith("anna Anna Brandt, now ortiz Acme Reports")
        assert "?q=acme+anna&user=ortiz" in links(page, "anna")
        assert "?q=acme+anna&account=apex" in links(page, "Acme")
        assert rows(console.get(f"{RECORDS}?user=ortiz")) == [row]
        assert rows(console.get(f"{RECORDS}?q=ortiz")) == []

    def test_of_who_is_gone_leads_to_his_name(self, console: Client, anna: User, acme: Account) -> None:
        sign_in(anna, acme)
        fail("nobody <b>")
        anna.delete()
        acme.delete()
        page = console.get(RECORDS)
        failed, gone = rows(page)[:2]
        assert gone.startswith("anna No such user now Acme Reports")
        assert failed.startswith("nobody <b> No such user – ")
        assert links(page, "anna") == ["?q=%22anna%22"]
        assert rows(console.get(f"{RECORDS}?q=%22nobody%20%3Cb%3E%22")) == [failed]

    def test_says_day_time_and_how_long_ago(self, console: Client, anna: User) -> None:
        sign_in(anna, created_on=datetime(2024, 3, 5, 9, 7, tzinfo=UTC))
        sign_in(anna)
        newest, oldest = rows(console.get(f"{RECORDS}?user=anna"))
        assert re.search(r"Today \d\d:\d\d , .* just now", newest)
        assert "5 March 2024, 09:07" in oldest

    def test_of_an_active_session_leads_to_it(self, console: Client, anna: User) -> None:
        session = sign_in(anna)
        assert links(console.get(f"{RECORDS}?user=anna"), "’s session in") == [f"{LIST}{session.public_id}/"]


class WayTests:
    """From the list to the records of the same people, and back."""

    def test_keeps_the_filter(self, console: Client, anna: User, acme: Account) -> None:
        sign_in(anna, acme)
        page = console.get(f"{LIST}?user=anna&q=reports&dormant=30d&sort=oldest")
        assert links(page, "The same in login records") == [f"{RECORDS}?user=anna&q=reports"]
        page = console.get(f"{RECORDS}?user=anna&outcome=active")
        assert links(page, "The same in active user sessions") == [f"{LIST}?user=anna"]

    def test_leads_from_the_person(self, console: Client, anna: User) -> None:
        session = sign_in(anna)
        page = console.get(f"{LIST}{session.public_id}/")
        assert links(page, "All login records of Anna Brandt") == [f"{RECORDS}?user=anna"]
        assert "All my login records" in text_of(signed_in(anna).get("/my-sessions/"))


class PageStateTests:
    def test_says_how_long_records_are_kept(self, console: Client, settings: Settings) -> None:
        assert "they are kept for good" in text_of(console.get(RECORDS))
        settings.LOGIN_RECORD_DAYS = 1_400
        assert "they are kept for 1,400 days" in text_of(console.get(RECORDS))

    def test_has_no_way_to_change_or_delete(self, console: Client) -> None:
        page = console.get(RECORDS)
        assert page.content.decode().count('<form method="post"') == 2  # to sign out, and to export
        for method in ("post", "put", "delete", "patch"):
            assert getattr(console, method)(RECORDS).status_code == 405

    def test_is_a_fragment_for_the_list_alone(self, console: Client) -> None:
        answer = console.get(RECORDS, headers={"HX-Request": "true", "HX-Target": "list"})
        assert answer.content.decode().lstrip().startswith('<div id="list"')

    @pytest.mark.parametrize("query", ["below=x", "sort=up", "below=1&above=2", "colour=red", "user=anna&user=ben"])
    def test_refuses_what_it_cannot_read(self, query: str, console: Client) -> None:
        assert console.get(f"{RECORDS}?{query}").status_code == 400

    def test_that_is_empty_says_why(self, console: Client, anna: User) -> None:
        assert "There is no sign-in of anna" in text_of(console.get(f"{RECORDS}?user=anna"))
        assert "Nothing further this way" in text_of(console.get(f"{RECORDS}?below=1"))
