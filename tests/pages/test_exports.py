"""A list as a file: what it holds and what never, how it ends, and the record of who took it along."""

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any
from unittest.mock import ANY

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_ui import exports, retention, time_limit
from sessions_ui.filters import SessionFilter
from sessions_ui.models import Account, Export, Session, SessionEvent, Termination
from sessions_ui.models.reaches import ALL
from sessions_ui.sheet import BOM, unquoted
from sessions_ui.time_limit import TookTooLong
from sessions_ui.views import exports as export_views

from .cast import LIST, current, make_session, make_sessions, signed_in, terminate, text_of
from .test_queries import multiply

RECORDS = "/security/login-records/"
EXPORTS = "/security/exports/"


def exported(client: Client, query: str = "", path: str = LIST) -> bytes:
    answer = client.post(f"{path}export/?{query}")
    assert answer.status_code == 200, text_of(answer)
    return b"".join(answer)


def rows_of(file: bytes) -> list[dict[str, str]]:
    text = file.decode().removeprefix(BOM)
    return [
        {name: unquoted(value) for name, value in row.items()} for row in csv.DictReader(StringIO(text, newline=""))
    ]


def rows(client: Client, query: str = "", path: str = LIST) -> list[dict[str, str]]:
    return rows_of(exported(client, query, path))


class FileTests:
    def test_says_what_a_row_says(self, console: Client, anna: User, acme: Account) -> None:
        place = {"ip": "203.0.113.7", "country": "DE", "location": "Berlin, Germany"}
        one = make_session(anna, acme, **place, device="Windows PC", browser="Firefox 143", os="Windows")
        (row,) = rows(console, "user=anna")
        assert row == {
            "Session": str(one.public_id),
            "Name": "Anna Brandt",
            "User": "anna",
            "E-mail": "anna@example.com",
            "Account": "Acme",
            "Application": "Reports",
            "IP": "203.0.113.7",
            "Country": "DE",
            "Country name": "Germany",
            "Location": "Berlin, Germany",
            "Device": "Windows PC",
            "Browser": "Firefox 143",
            "System": "Windows",
            "Created On (UTC)": f"{Session.objects.get(pk=one.pk).created_on:%Y-%m-%d %H:%M:%S}",
            "Last active (UTC)": f"{one.last_active_on:%Y-%m-%d %H:%M:%S}",
            "Expires (UTC)": f"{one.expire_date:%Y-%m-%d %H:%M:%S}",
        }

    def test_holds_what_the_list_holds_over_all_its_pages(
        self, console: Client, anna: User, acme: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exports, "ROWS", 3)
        sessions = make_sessions(7, anna, acme)
        found = [row["Session"] for row in rows(console, "account=acme&sort=oldest&below=1")]
        assert found == [str(session.public_id) for session in reversed(sessions)]

    def test_holds_what_is_within_reach_and_no_more(self, ada: User, anna: User, acme: Account, ben: User) -> None:
        """The third promise, also in exports."""
        make_session(anna, acme)
        make_session(ben, acme)
        make_session(ben)
        assert sorted(row["User"] for row in rows(signed_in(ada))) == ["ada", "anna", "ben"]

    @pytest.mark.parametrize("query", ["account=bolt", "colour=red", "q=a&q=b", "dormant=x"])
    def test_is_refused_where_the_filter_cannot_be_read(
        self, ada: User, acme: Account, bolt: Account, query: str
    ) -> None:
        answer = signed_in(ada).post(f"{LIST}export/?{query}")
        assert (answer.status_code, Export.objects.count()) == (400, 0)

    def test_leaves_out_what_has_ended(self, console: Client, anna: User, ben: User) -> None:
        make_session(anna)
        Session.objects.filter(pk=make_session(ben).pk).update(expire_date="2020-01-01T00:00:00Z")
        Termination.objects.create(conditions={"user": str(anna.pk)}, reach={"all": True}, cut_off=10**9)
        assert [row["User"] for row in rows(console)] == ["root"]

    def test_shows_no_key_digest_payload_or_agent(self, console: Client, anna: User) -> None:
        """The fifth promise"""
        one = make_session(anna, session_data="canary", user_agent="agent-canary")
        for path in (LIST, RECORDS):
            file = exported(console, path=path)
            own = current(console)
            secrets = [bytes(own.key_digest).hex(), bytes(one.key_digest).hex(), console.cookies["console"].value]
            assert not [secret for secret in [*secrets, "canary"] if secret.encode() in file]

    def test_is_a_download_that_nobody_keeps(self, console: Client) -> None:
        """R144"""
        answer = console.post(f"{LIST}export/")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == "private, no-store"
        assert b"".join(answer).startswith(b"\xef\xbb\xbfSession,")
        day = Export.objects.get().created_on
        assert answer["Content-Disposition"] == f'attachment; filename="sessions-{day:%Y-%m-%d}.csv"'

    def test_comes_by_post_alone_and_with_a_token(self, root: User) -> None:
        client = signed_in(root, enforce_csrf_checks=True)
        assert [client.get(f"{path}export/").status_code for path in (LIST, RECORDS)] == [405, 405]
        assert client.post(f"{LIST}export/").status_code == 403
        assert not Export.objects.exists()

    def test_costs_the_same_questions_for_each_page(
        self, console: Client, anna: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exports, "ROWS", 5)
        make_sessions(4, anna)
        with CaptureQueriesContext(connection) as one_page:
            exported(console, "user=anna")
        make_sessions(40, anna)
        with CaptureQueriesContext(connection) as nine_pages:
            exported(console, "user=anna")
        one, nine = (
            [query for query in asked if query["sql"].startswith("SELECT")] for asked in (one_page, nine_pages)
        )
        assert len(nine) - len(one) == 8 * 4


class LoginRecordsFileTests:
    def test_says_how_a_sign_in_came_out(self, console: Client, anna: User, acme: Account) -> None:
        client = signed_in(anna)
        terminate(console, "user=anna", reason="Left the company")
        (row,) = rows(console, "user=anna", RECORDS)
        told = {name: row[name] for name in ("User", "Account", "Application", "Outcome", "Ended by", "Reason")}
        assert told == {
            "User": "anna",
            "Account": "Acme",
            "Application": "Console",
            "Outcome": "Terminated",
            "Ended by": "Ruth Root (root)",
            "Reason": "Left the company",
        }
        assert client.get(LIST).status_code == 302

    def test_keeps_the_outcome_that_was_chosen(self, console: Client, anna: User) -> None:
        signed_in(anna)
        Client().post("/sign-in/", {"username": "somebody", "password": "wrong"})
        assert [row["User"] for row in rows(console, "outcome=failed", RECORDS)] == ["somebody"]
        assert {row["Outcome"] for row in rows(console, "outcome=active", RECORDS)} == {"Active"}

    def test_is_within_reach(self, ada: User, anna: User, acme: Account, ben: User) -> None:
        for person in (anna, ben):
            signed_in(person)
        assert sorted(row["User"] for row in rows(signed_in(ada), path=RECORDS)) == ["ada", "anna"]


class ButtonTests:
    @pytest.mark.parametrize(("path", "what"), [(LIST, "sessions"), (RECORDS, "records")])
    def test_says_how_many_rows(self, console: Client, anna: User, path: str, what: str) -> None:
        signed_in(anna)
        page = console.get(f"{path}?after=2020-01-01&sort=oldest")
        assert f"Export 2 {what}" in text_of(page)
        assert f'action="{path}export/?after=2020-01-01"' in page.content.decode()

    def test_says_where_counting_ended(self, console: Client, anna: User) -> None:
        one = make_session(anna)
        multiply(one, 10_000)
        assert "Export 10,000+ sessions" in text_of(console.get(LIST))

    def test_is_not_there_where_nothing_is(self, console: Client) -> None:
        assert "Export" not in text_of(console.get(f"{LIST}?q=nobody+is+called+that"))


@pytest.fixture
def long_list(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pages of sessions of Anna's."""
    monkeypatch.setattr(exports, "ROWS", 2)
    make_sessions(6, anna)


def pieces(client: Client, query: str = "user=anna") -> Iterator[Any]:
    answer: Any = client.post(f"{LIST}export/?{query}")
    assert answer.status_code == 200
    return iter(answer.streaming_content)


def stopped_after(by: User, number: int) -> None:
    """Take along so many pieces, and go away: what serves a file closes it."""
    wanted = SessionFilter(QueryDict("user=anna"), ALL)
    assert wanted.is_valid()
    file: Any = exports.begin(exports.SESSIONS, wanted, by, None)
    for _ in range(number):
        next(file)
    file.close()


def rest(file: Iterator[Any], error: type[Exception]) -> str:
    """Return what still comes of the file until the error cuts the connection."""
    read: list[bytes] = []
    with pytest.raises(error):
        read.extend(file)
    return b"".join(read).decode()


@pytest.mark.usefixtures("long_list")
class BreakingOffTests:
    """A file that is not whole must not look it: its last line says so, and the connection is cut."""

    def test_by_the_database_is_said_in_the_last_line(self, console: Client) -> None:
        file = pieces(console)
        head, first = next(file), next(file)

        def away(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
            raise OperationalError("the database was taken away by the test")

        with connection.execute_wrapper(away):
            said = rest(file, OperationalError)
        assert said == "This file is not complete: the database did not answer.\r\n"
        assert len(rows_of(head + first)) == 2

    def test_by_the_end_of_the_session_that_asked(self, console: Client) -> None:
        """What somebody has taken over stops with it."""
        file = pieces(console)
        next(file)
        current(console).delete()
        said = rest(file, exports.BrokenOff)
        assert said.endswith("This file is not complete: the session that asked for it has ended.\r\n")
        assert Export.objects.get().broken_off == "the session that asked for it has ended"

    def test_by_a_search_that_takes_too_long(self, console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        file = pieces(console)
        next(file)
        monkeypatch.setattr(exports, "PAGE_SECONDS", -1)
        monkeypatch.setattr(time_limit, "SQLITE_STEPS", 1)
        assert "not complete: the search took too long" in rest(file, TookTooLong)

    def test_by_the_browser_is_recorded(self, root: User) -> None:
        stopped_after(root, 3)
        found = Export.objects.get()
        assert (found.rows, found.broken_off, bool(found.finished_on)) == (2, "the download was stopped", True)

    def test_by_time(self, console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        file = pieces(console)
        next(file)
        monkeypatch.setattr(exports, "LONGEST", -exports.LONGEST)
        assert "it took longer than" in rest(file, exports.BrokenOff)

    def test_before_the_first_page_is_an_answer_of_its_own(
        self, console: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exports, "time_limit", too_long)
        answer = console.post(f"{LIST}export/?q=anna")
        assert answer.status_code == 400
        assert "Nothing was exported This search takes too long." in text_of(answer)
        assert Export.objects.get().broken_off

    def test_before_the_first_page_by_the_end_of_the_session_that_asked(
        self, console: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = current(console)

        def begun_after_its_end(*args: Any) -> Any:
            own.delete()
            return exports.begin(*args)

        monkeypatch.setattr(export_views, "begin", begun_after_its_end)
        answer = console.post(f"{LIST}export/?q=anna")
        assert answer.status_code == 400
        assert "Nothing was exported The session that asked for it has ended." in text_of(answer)

    def test_leaves_out_who_ends_meanwhile(self, console: Client) -> None:
        file = pieces(console)
        head = next(file)
        oldest = Session.objects.filter(user__username="anna").earliest("id")
        oldest.delete()
        assert len(rows_of(b"".join([head, *file]))) == 5


def too_long(*args: Any) -> Any:
    raise TookTooLong


class RecordTests:
    """R152: who took what along, when, with which filter, and how many rows."""

    def test_says_who_what_and_how_many(self, console: Client, anna: User) -> None:
        make_sessions(3, anna)
        exported(console, "user=anna")
        found = Export.objects.get()
        assert (found.actor_label, found.what, found.rows) == ("Ruth Root (root)", "sessions", 3)
        assert (found.reach, found.conditions) == ({"all": True}, {"user": str(anna.pk)})
        said = "Every session of anna Active user sessions 3 complete Ruth Root (root) just now"
        assert said in text_of(console.get(EXPORTS))

    def test_is_written_before_the_first_byte(self, console: Client) -> None:
        pieces(console, "")
        found = Export.objects.get()
        assert (found.rows, found.finished_on) == (0, None)
        assert "under way, or stopped with the server" in text_of(console.get(EXPORTS))

    def test_tells_a_broken_one_from_a_whole_one(self, console: Client, root: User, long_list: None) -> None:
        stopped_after(root, 1)
        assert "not complete: the download was stopped" in text_of(console.get(EXPORTS))

    def test_is_seen_by_who_sees_all_and_by_himself(
        self, console: Client, ada: User, acme: Account, ben: User
    ) -> None:
        exported(console)
        exported(signed_in(ada))
        assert "Ada Acker" in text_of(console.get(EXPORTS))
        for person, number in ((ada, 1), (ben, 0)):
            found = Export.objects.visible_to(person, {"accounts": [], "user": person.pk})
            assert found.count() == number

    def test_of_nothing_says_so(self, console: Client, ada: User) -> None:
        assert "Nothing has been exported" in text_of(console.get(EXPORTS))
        assert "You have exported nothing" in text_of(signed_in(ada).get(EXPORTS))
        assert "Nothing further this way" in text_of(console.get(f"{EXPORTS}?below=1"))
        assert console.get(f"{EXPORTS}?below=x").status_code == 400

    def test_outlives_who_did_it_and_forgets_him_when_told(self, ada: User, acme: Account) -> None:
        exported(signed_in(ada), "user=ada")
        pk = ada.pk
        ada.delete()
        ada.pk = pk
        assert Export.objects.get().actor_label == "Ada Acker (ada)"
        retention.forget(ada.username, ada, "default")
        found = Export.objects.get()
        assert (found.actor_label, found.in_words) == (retention.FORGOTTEN.capitalize(), ANY)
        assert "ada" not in found.in_words

    def test_list_costs_the_same_for_more_of_them(self, console: Client, root: User) -> None:
        asked = []
        for number in (2, 30):
            said: dict[str, Any] = {"conditions": {}, "reach": {"all": True}, "in_words": "Everything"}
            Export.objects.bulk_create([Export(actor=root, **said) for _ in range(number)])
            with CaptureQueriesContext(connection) as queries:
                console.get(EXPORTS)
            asked.append(len(queries))
        assert asked[0] == asked[1]

    def test_is_no_event_of_a_session(self, console: Client) -> None:
        before = SessionEvent.objects.count()
        exported(console)
        assert SessionEvent.objects.count() == before


class TooManyTests:
    """R071: modest, since each holds a thread of the server."""

    def test_at_once_are_refused(self, console: Client, ben: User) -> None:
        files = [pieces(console, "") for _ in range(exports.MOST_AT_ONCE)]
        answer = console.post(f"{LIST}export/")
        assert (answer.status_code, answer["Retry-After"]) == (429, "60")
        assert "2 of your exports are still under way" in text_of(answer)
        assert exported(signed_in(ben))
        for file in files:
            assert list(file)
        assert exported(console)

    def test_within_ten_minutes_are_refused(self, console: Client) -> None:
        for _ in range(exports.MOST):
            exported(console)
        answer = console.post(f"{RECORDS}export/")
        assert (answer.status_code, answer["Retry-After"]) == (429, "600")
        assert "Try again in 10 minutes" in text_of(answer)

    def test_count_for_each_person(self, console: Client, vera: User) -> None:
        for _ in range(exports.MOST):
            exported(console)
        assert exported(signed_in(vera))
