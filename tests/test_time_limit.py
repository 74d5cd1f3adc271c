"""A limit on how long the database may take, and one within another."""

import pytest
from django.db import connection

from sessions_ui.time_limit import TookTooLong, time_limit

pytestmark = pytest.mark.django_db
LONG, SHORT = 60, 0.05
ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"


def ask(statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


class TimeLimitTests:
    def test_stops_what_takes_too_long(self) -> None:
        with pytest.raises(TookTooLong), time_limit(SHORT, "default"):
            ask(ENDLESS)

    def test_leaves_alone_what_comes_after_it(self) -> None:
        with time_limit(LONG, "default"):
            ask("SELECT 1")
        assert ask("SELECT 1") == (1,)

    def test_that_struck_lets_the_one_around_it_go_on(self) -> None:
        """Login records by outcome and word: where the index takes too long, what tells of the outcome is walked."""
        with time_limit(LONG, "default"):
            with pytest.raises(TookTooLong), time_limit(SHORT, "default"):
                ask(ENDLESS)
            assert ask("SELECT 1") == (1,)
