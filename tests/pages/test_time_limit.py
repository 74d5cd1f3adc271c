"""A limit on how long the database may take for an answer, on a real one."""

import pytest
from django.db import OperationalError, connection

from sessions_ui import time_limit as module
from sessions_ui.time_limit import TookTooLong, time_limit
from tests.clock import Clock

from .cast import make_person

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT count(*) FROM n"


def ask(sql: str, times: int = 1) -> None:
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute(sql)
            cursor.fetchone()


class TimeLimitTests:
    def test_stops_what_takes_longer(self) -> None:
        with pytest.raises(TookTooLong), time_limit(0.05, "default"):
            ask(ENDLESS)

    def test_is_one_for_all_statements_together(self) -> None:
        """PostgreSQL's own limit is for each statement: many of them took many times as long."""
        with pytest.raises(TookTooLong), time_limit(0.05, "default"):
            ask(LONG, times=10_000)

    def test_leaves_alone_what_is_quick(self) -> None:
        with time_limit(10, "default"):
            ask("SELECT 1")

    def test_ends_with_its_block(self) -> None:
        with pytest.raises(TookTooLong), time_limit(0.05, "default"):
            ask(ENDLESS)
        with time_limit(10, "default"):
            ask(LONG)
        ask(LONG)

    def test_undoes_nothing_that_was_written_before(self) -> None:
        person = make_person("written")
        with pytest.raises(TookTooLong), time_limit(0.05, "default"):
            ask(ENDLESS)
        person.refresh_from_db()

    def test_takes_no_other_fault_for_its_own(self) -> None:
        with pytest.raises(OperationalError, match="another"), time_limit(10, "default"):
            raise OperationalError("another fault")

    def test_that_struck_lets_the_one_around_it_go_on(self) -> None:
        """Login records by outcome and word: where the index takes too long, what tells of the outcome is walked."""
        with time_limit(10, "default"):
            with pytest.raises(TookTooLong), time_limit(0.05, "default"):
                ask(ENDLESS)
            ask("SELECT 1")

    def test_holds_within_a_longer_one_and_around_it(self) -> None:
        with time_limit(10, "default"), pytest.raises(TookTooLong), time_limit(0.05, "default"):
            ask(ENDLESS)
        with pytest.raises(TookTooLong), time_limit(0.05, "default"), time_limit(10, "default"):
            ask(ENDLESS)

    def test_ends_although_one_within_it_has_ended(self) -> None:
        def ask_within() -> None:
            with time_limit(10, "default"):
                ask("SELECT 1")
            ask(ENDLESS)

        with pytest.raises(TookTooLong), time_limit(0.05, "default"):
            ask_within()

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite asks the clock itself")
    def test_is_told_again_when_a_part_of_what_was_left_has_passed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each time is one way to the database more."""
        clock = Clock()
        monkeypatch.setattr(module, "time", clock)
        told = []
        with time_limit(3, "default"), connection.cursor() as cursor:
            for passes in (0, 0.05, 0.95):
                clock.now += passes
                cursor.execute("SHOW statement_timeout")
                told += cursor.fetchone()
        assert told == ["3s", "3s", "2s"]
