"""What the pages ask of the database: how often, and how many rows of which index."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_ui.models import Account, Session, Termination

from .cast import LIST, TERMINATE, current, make_session, make_sessions, permit, signed_in

FOR_A_REQUEST = 9
# The rows, their number, how many need a look, and the applications.
FOR_THE_LIST = 4
# Where the window ends, and whether a word is an account or a user; and SQLite whether there is an index.
FOR_A_SEARCH = FOR_A_REQUEST + 4
A_PAGE = 51
# Where a filter keeps one row in a hundred, the planner may walk another index and read some of its neighbours.
FEW_PAGES = 4 * A_PAGE
NOT_QUESTIONS = ("SAVEPOINT", "RELEASE SAVEPOINT", "SET LOCAL")


def asked(client: Client, url: str) -> list[str]:
    """Return the statements of the request."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url)
    assert answer.status_code == 200
    return [query["sql"] for query in queries if not query["sql"].startswith(NOT_QUESTIONS)]


@pytest.fixture(params=["superuser", "permission holder", "account administrator"])
def somebody(request: pytest.FixtureRequest, root: User, ben: User, ada: User, acme: Account) -> Client:
    permit(ben, "view_session", "delete_session")
    return signed_in({"superuser": root, "permission holder": ben, "account administrator": ada}[request.param])


class QueryCountTests:
    """Few queries, and not more of them for more rows."""

    @pytest.fixture(autouse=True)
    def _sessions(self, anna: User, acme: Account) -> None:
        make_sessions(3, anna, acme)

    def test_of_the_list(self, somebody: Client) -> None:
        statements = asked(somebody, LIST)
        own = [sql for sql in statements[1:] if '"sessions_ui_session"' in sql or '"sessions_ui_application"' in sql]
        assert len(own) <= FOR_THE_LIST
        assert len(statements) <= FOR_A_REQUEST

    def test_of_the_list_with_a_filter(self, somebody: Client) -> None:
        """A name that is given has to be looked up, and so has what a word may have meant."""
        assert len(asked(somebody, f"{LIST}?account=acme&sort=oldest")) <= FOR_A_REQUEST + 1
        assert len(asked(somebody, f"{LIST}?account=acme&q=anna&sort=oldest")) <= FOR_A_SEARCH + 1

    @pytest.mark.parametrize(
        ("url", "most"),
        [
            (LIST, 9),
            ("/my-sessions/", 12),
            ("/security/login-records/", 12),
            (f"{LIST}{{session}}/", 13),
            (f"{TERMINATE}?user=anna", 22),
            ("/security/terminations/", 7),
            ("/security/terminations/{act}/", 9),
        ],
    )
    def test_does_not_grow_with_the_rows(self, somebody: Client, anna: User, url: str, most: int) -> None:
        own, one = current(somebody), make_session(anna, Account.objects.get(slug="acme"))
        (act,) = make_acts(1, own)
        url = url.format(session=one.public_id, act=act.public_id)
        before = asked(somebody, url)
        multiply(one, 40)
        multiply(own, 40)
        make_acts(40, own)
        assert len(asked(somebody, url)) == len(before) <= most


def make_acts(number: int, session: Session) -> list[Termination]:
    """Store so many terminations by the person of the session."""
    said: dict[str, Any] = {"conditions": {"user": 0}, "reach": {"all": True}, "cut_off": 0}
    acts = [Termination(actor=session.user, finished_on=session.expire_date, **said) for _ in range(number)]
    return Termination.objects.bulk_create(acts)


ROWS = """
INSERT INTO sessions_ui_session ({columns})
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {number})
SELECT {values} FROM sessions_ui_session, numbers WHERE id = {template}
"""


def multiply(session: Session, number: int) -> None:
    """Store so many copies of the session."""
    columns = [str(field.column) for field in Session._meta.concrete_fields if not field.primary_key]
    own = {"public_id": "lower(hex(randomblob(16)))", "key_digest": "randomblob(16)"}
    if connection.vendor == "postgresql":
        own = {"public_id": "gen_random_uuid()", "key_digest": "uuid_send(gen_random_uuid())"}
    values = ", ".join(own.get(column, column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(ROWS.format(columns=", ".join(columns), number=number, values=values, template=session.pk))
        cursor.execute("ANALYZE sessions_ui_session")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def rows_read(sql: str) -> int:
    """Return how many rows of sessions PostgreSQL reads for the statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    scans = [node for node in nodes(plan) if node.get("Relation Name") == "sessions_ui_session"]
    return sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans)


class PlanTests:
    """F36: page 1,000 costs what page 1 costs."""

    PLACES = ["", "below={deep}", "sort=oldest", "sort=oldest&above={shallow}"]

    @pytest.fixture(autouse=True)
    def _sessions(self, anna: User, acme: Account, ben: User, bolt: Account) -> None:
        rare, frequent = make_session(anna, acme), make_session(ben, bolt)
        for _ in range(2):
            multiply(frequent, 25_000)
            multiply(rare, 200)

    def test_reads_no_more_rows_than_it_shows(self, console: Client) -> None:
        self.check(console, "", A_PAGE)
        for query in ("account=acme", "user=anna"):
            self.check(console, query, FEW_PAGES)

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite does not say how many rows it read")
    def test_reads_nothing_of_accounts_beyond_the_reach(self, ada: User) -> None:
        """Her account holds 402 of the 50,404 sessions; they are found, counted and loaded, and no others."""
        client, few_times_hers = signed_in(ada), 3 * 402
        for query in ("", "account=acme", "user=anna"):
            self.check(client, query, few_times_hers)
            counts = [sql for sql in asked(client, f"{LIST}?{query}") if "COUNT(" in sql]
            assert len(counts) == 2, "of all, and of what needs a look"
            assert max(map(rows_read, counts)) <= few_times_hers

    def check(self, client: Client, query: str, most: int) -> None:
        newest = Session.objects.latest("id").pk
        for place in self.PLACES:
            at = place.format(deep=newest - 49_950, shallow=newest - 100)
            (page,) = [sql for sql in asked(client, f"{LIST}?{query}&{at}") if sql.endswith("LIMIT 51")]
            if connection.vendor == "postgresql":
                assert rows_read(page) <= most
            else:
                self.check_walk(page)

    def check_walk(self, page: str) -> None:
        """SQLite walks an index in the order of the page, and sorts nothing."""
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {page}")
            steps = [row[3] for row in cursor.fetchall()]
        (walk,) = [step for step in steps if "sessions_ui_session " in step]
        assert "USING" in walk
        assert not [step for step in steps if "TEMP B-TREE" in step]
