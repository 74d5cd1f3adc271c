"""The search index: made by migrate, missed by a check and on the page, kept by the database; and the box."""

from collections.abc import Iterator
from io import StringIO
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_ui import listing, worker
from sessions_ui.checks import check_search
from sessions_ui.models import Account, Session
from sessions_ui.models.functions import ERA_BITS
from sessions_ui.models.reaches import ALL
from sessions_ui.models.scopes import reach_branches
from sessions_ui.models.search_text import search_text
from sessions_ui.search import index, plan
from sessions_ui.search.plan import Search

from .cast import LIST, TERMINATE, ids_of, live, make_account, make_session, narrow_windows, terminate, text_of

SQLITE = connection.vendor == "sqlite"
FORMER = (
    ["CREATE VIRTUAL TABLE {name} USING fts5(search_text, content='sessions_ui_session', tokenize='trigram')"]
    if SQLITE
    else [
        "CREATE INDEX {name} ON sessions_ui_session USING gin (search_text gin_trgm_ops)",
        "CREATE INDEX {name} ON sessions_ui_session USING gin (search_text gin_trgm_ops, (ARRAY[id >> 13]))",
    ]
)


@pytest.fixture
def without_index() -> Iterator[None]:
    index.drop()
    yield
    index.install()


class IndexTests:
    def test_is_made_by_migrate(self) -> None:
        assert index.SESSIONS.is_there("default")

    def test_is_made_again_by_the_next_migrate(self, without_index: None) -> None:
        assert not index.SESSIONS.is_there("default")
        call_command("migrate", verbosity=0, stdout=StringIO())
        assert index.SESSIONS.is_there("default")

    @pytest.mark.parametrize("former", FORMER)
    def test_of_an_earlier_version_is_made_anew(self, without_index: None, former: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(former.format(name=index.SESSIONS.name))
        assert not index.SESSIONS.is_there("default")
        index.install()
        assert index.SESSIONS.is_there("default")

    def test_holds_what_was_there_before_it(
        self, without_index: None, console: Client, anna: User, beyond: None
    ) -> None:
        session, _ = make_session(anna, location="Reykjavik"), make_session(anna)
        # PostgreSQL makes no index while a foreign key of this transaction is still to be checked.
        connection.check_constraints()
        index.install()
        assert ids_of(console.get(f"{LIST}?q=reykjavik")) == [session.pk]

    @pytest.mark.skipif(SQLITE, reason="FTS5 needs no statistics")
    def test_comes_with_its_statistics(self, without_index: None, anna: User) -> None:
        make_session(anna)
        connection.check_constraints()
        index.install()
        with connection.cursor() as cursor:
            cursor.execute("SELECT most_common_elems FROM pg_stats WHERE tablename = %s", [index.SESSIONS.name])
            assert cursor.fetchone() is not None

    def test_follows_every_change(self, console: Client, anna: User, beyond: None) -> None:
        session, _ = make_session(anna, location="Reykjavik"), make_session(anna)
        Session.objects.filter(pk=session.pk).update(search_text=search_text({"location": "Akureyri"}))
        assert ids_of(console.get(f"{LIST}?q=reykjavik")) == []
        assert ids_of(console.get(f"{LIST}?q=akureyri")) == [session.pk]
        session.delete()
        assert ids_of(console.get(f"{LIST}?q=akureyri")) == []

    @pytest.mark.skipif(not SQLITE, reason="PostgreSQL keeps its index itself")
    def test_is_whole_on_sqlite(self, anna: User) -> None:
        for _ in range(3):
            make_session(anna, location="Reykjavik")
        Session.objects.filter(pk=Session.objects.latest("id").pk).delete()
        with connection.cursor() as cursor:
            for name in (index.SESSIONS.name, index.LOGIN_RECORDS.name):
                cursor.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")

    @pytest.mark.skipif(SQLITE, reason="a pending list is PostgreSQL's")
    def test_is_cleared_of_what_sign_ins_left_beside_it(self, anna: User) -> None:
        make_session(anna)
        worker.Worker("default", Event()).round()
        with connection.cursor() as cursor:
            cursor.execute("SELECT gin_clean_pending_list('sessions_ui_search'::regclass)")
            assert cursor.fetchone() == (0,)

    @pytest.mark.skipif(SQLITE, reason="a pending list is PostgreSQL's")
    def test_is_left_to_its_owner(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE sessions_ui_other; SET LOCAL ROLE sessions_ui_other")
            index.clear_pending("default")
            cursor.execute("RESET ROLE; DROP ROLE sessions_ui_other")

    @pytest.fixture
    def beyond(self, monkeypatch: pytest.MonkeyPatch, console: Client, anna: User) -> None:
        """The walk sees the newest session only: the index must find what is older."""
        narrow_windows(monkeypatch, 1)


class EndedMeanwhileTests:
    """A page that is not full would be taken for the last, and an export for whole."""

    @pytest.mark.parametrize("order", ["-id", "id"])
    def test_is_made_up_for_by_what_follows(self, anna: User, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
        narrow_windows(monkeypatch, 1)
        made = [make_session(anna, location="Reykjavik").pk for _ in range(7)]
        walked, ended, *others = made if order == "id" else made[::-1]
        looked_up: list[str] = []

        def end_before_the_rows(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if "session_data" in sql:
                looked_up.append(sql)
                # The first of these is the walk, the next what the index has found.
                if len(looked_up) == 2:
                    Session.objects.filter(pk=ended).delete()
            return execute(sql, params, many, context)

        search = Search(Session.objects.live().signed_in(), {"words": ["reykjavik"]}, reach_branches(ALL))
        with connection.execute_wrapper(end_before_the_rows):
            found = search.first(Q(), order, 4)
        assert [session.pk for session in found] == [walked, *others[:3]]

    @pytest.mark.skipif(SQLITE, reason="FTS5 gives its rows in the order of the list")
    def test_is_made_up_for_where_a_word_names_an_account(
        self, anna: User, acme: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        narrow_windows(monkeypatch, 1)
        made = [make_session(anna, acme).pk for _ in range(12)]
        told = Search._no_farther_than_named

        def one_ended_after(search: Search[Session], *args: Any) -> Any:
            answer = told(search, *args)
            Session.objects.filter(pk=made[-3]).delete()
            return answer

        monkeypatch.setattr(Search, "_no_farther_than_named", one_ended_after)
        search = Search(Session.objects.live().signed_in(), {"words": ["acme"]}, reach_branches(ALL))
        found = [session.pk for session in search.first(Q(), "-id", 5)]
        assert found == [pk for pk in made[::-1] if pk != made[-3]][:5]


class ManyAccountsTests:
    def test_need_not_be_fewer_than_rows_are_walked(self, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        narrow_windows(monkeypatch, 2)
        accounts = [make_account(slug) for slug in ("acme", "hr", "lab")]
        found = [make_session(anna, account, location="Reykjavik").pk for account in accounts for _ in range(2)]
        branches = reach_branches({"accounts": [account.pk for account in accounts]})
        search = Search(Session.objects.live().signed_in(), {"words": ["reykjavik"]}, branches)
        assert [session.pk for session in search.first(Q(), "-id", 10)] == found[::-1]


@pytest.mark.skipif(SQLITE, reason="SQLite plans each statement for its own values")
class PlanTests:
    @pytest.mark.parametrize("query", ["", "application=reports", "q=reykjavik"])
    def test_is_made_for_what_is_asked(self, console: Client, anna: User, query: str) -> None:
        """PostgreSQL's plan for any application walked five million records for one that nobody uses any more."""
        make_session(anna, location="Reykjavik")
        for _ in range(15):
            assert console.get(f"{LIST}?{query}").status_code == 200
        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements WHERE generic_plans > 0")
            assert [sql for (sql,) in cursor.fetchall() if "LIMIT 51" in sql or "COUNT(*)" in sql] == []


@pytest.mark.usefixtures("without_index")
class WithoutIndexTests:
    def test_a_check_says_what_to_run(self) -> None:
        (message,) = check_search(databases=["default"])
        assert message.id == "sessions_ui.W006"
        assert "migrate" in str(message.hint)

    def test_the_page_says_so_and_works(self, console: Client, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        narrow_windows(monkeypatch, 1)
        session, _ = make_session(anna, location="Reykjavik"), make_session(anna)
        page = console.get(f"{LIST}?q=reykjavik")
        assert ids_of(page) == [session.pk]
        assert "The search index is missing" in text_of(page)
        assert "The search index is missing" not in text_of(console.get(LIST))


class ExtensionThatCannotBeMadeTests:
    """pg_trgm missing and not creatable: migrate goes on, and a check gives the SQL."""

    @pytest.mark.skipif(SQLITE, reason="SQLite has no extensions to create")
    def test_leaves_the_database_as_it_is(self, without_index: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(index, "EXTENSION", "CREATE EXTENSION sessions_ui_nowhere")
        call_command("migrate", verbosity=0, stdout=StringIO())
        (message,) = check_search(databases=["default"])
        assert "pg_trgm" in str(message.hint)


class TooBroadTests:
    @pytest.fixture(autouse=True)
    def _no_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listing, "PAGE_SECONDS", 0)
        monkeypatch.setattr("sessions_ui.time_limit.SQLITE_STEPS", 1)

    def test_names_the_word_and_offers_the_filters(self, console: Client, anna: User, acme: Account) -> None:
        for _ in range(3):
            make_session(anna, acme, browser="Chrome 154")
        make_session(anna, acme, browser="Chrome 154", location="Reykjavik")
        page = text_of(console.get(f"{LIST}?q=chrome+reykjavik"))
        assert "“chrome” is held by too many sessions" in page
        assert "choose an account, a user, an application or an address" in page

    def test_lists_nothing(self, console: Client, anna: User) -> None:
        make_session(anna, location="Reykjavik")
        assert ids_of(console.get(f"{LIST}?q=reykjavik")) == []

    def test_does_not_touch_the_list_itself(self, console: Client, anna: User) -> None:
        session = make_session(anna)
        assert session.pk in ids_of(console.get(LIST))


class CountTests:
    def test_that_takes_too_long_says_what_is_sure(
        self, console: Client, anna: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "COUNT_SECONDS", 0)
        monkeypatch.setattr("sessions_ui.time_limit.SQLITE_STEPS", 1)
        for _ in range(51):
            make_session(anna, location="Reykjavik")
        assert " 50+ sessions" in text_of(console.get(f"{LIST}?q=reykjavik"))
        Session.objects.latest("id").delete()
        assert " 50 sessions" in text_of(console.get(f"{LIST}?q=reykjavik"))

    @pytest.mark.parametrize(("most", "number"), [(3, 4), (10, 5)])
    def test_stops_one_above_the_most(
        self, anna: User, monkeypatch: pytest.MonkeyPatch, most: int, number: int
    ) -> None:
        """The oldest lies far from the others, beyond the eras that are counted first."""
        monkeypatch.setattr(plan, "COUNTED", most)
        narrow_windows(monkeypatch, 1)
        for pk in [1, *range(100 << ERA_BITS, (100 << ERA_BITS) + 4)]:
            make_session(anna, location="Reykjavik", id=pk)
        assert Search(Session.objects.live().signed_in(), {"words": ["reykjavik"]}).count() == number

    @pytest.mark.skipif(SQLITE, reason="SQLite counts in the order of the list")
    @pytest.mark.parametrize(("eras_apart", "statements"), [(0, 2), (100, 1)])
    def test_of_what_a_page_shows_far_apart_is_one_statement(
        self, anna: User, monkeypatch: pytest.MonkeyPatch, eras_apart: int, statements: int
    ) -> None:
        narrow_windows(monkeypatch, 1)
        shown = [make_session(anna, location="Reykjavik", id=pk) for pk in (1, 2 + (eras_apart << ERA_BITS))]
        with CaptureQueriesContext(connection) as asked:
            assert Search(Session.objects.live().signed_in(), {"words": ["reykjavik"]}).count(shown) == 2
        assert sum("COUNT(*)" in query["sql"] for query in asked) == statements


class BoxTests:
    """What the box understands, and what it says where it does not."""

    def test_says_what_was_meant(self, console: Client) -> None:
        answer: Any = console.get(f"{LIST}?q=usr:anna")
        assert answer.status_code == 400
        assert "There is no filter “usr:”. Did you mean “user:”?" in text_of(answer)
        assert 'value="usr:anna"' in answer.content.decode()
        assert 'aria-invalid="true" aria-describedby="f-q-wrong"' in answer.content.decode()

    def test_asks_for_three_letters(self, console: Client, anna: User) -> None:
        make_session(anna)
        assert "“an” was compared with whole values only: write three letters" in text_of(console.get(f"{LIST}?q=an"))

    def test_takes_two_letters_for_a_whole_value(self, console: Client, anna: User) -> None:
        session = make_session(anna, country="PT")
        make_session(anna, country="DE", location="Opt")
        assert ids_of(console.get(f"{LIST}?q=pt")) == [session.pk]

    @pytest.mark.parametrize("word", ["anna", "acme", "reports", "germany"])
    def test_offers_the_filter_that_a_word_may_have_meant(
        self, console: Client, anna: User, acme: Account, word: str
    ) -> None:
        make_session(anna, acme, country="DE")
        assert "Only" in text_of(console.get(f"{LIST}?q={word}"))
        assert "Only" not in text_of(console.get(f"{LIST}?q=nothing-of-that-name"))

    def test_does_not_hide_the_other_annas(self, console: Client, anna: User, ben: User) -> None:
        his, hers = make_session(ben, search_text=search_text({"name": "Anna Ortiz"})), make_session(anna)
        assert set(ids_of(console.get(f"{LIST}?q=anna"))) == {his.pk, hers.pk}


class EarlierVersionTests:
    """An application of an earlier version on the same database writes search texts without marks."""

    def test_does_not_keep_its_sessions_from_being_ended(self, console: Client, anna: User) -> None:
        session = make_session(anna, country="DE", device_kind="phone", search_text="anna germany de phone")
        for query in ("country=DE", "device=phone", "q=country:DE+device:phone+anna"):
            assert console.get(f"{TERMINATE}?{query}").context["figures"].sessions == 1
        terminate(console, "country=DE&device=phone")
        assert live(session) == set()
