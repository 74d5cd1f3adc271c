"""A limit on how long the database may take for an answer."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connections, transaction

SQLITE_STEPS = 1_000


class TookTooLong(Exception):
    """The database was stopped because it took longer than the limit."""


@contextmanager
def time_limit(seconds: float, using: str) -> Iterator[None]:
    """Stop the queries of this block after so many seconds; raises TookTooLong. Of two, the inner one holds."""
    connection = connections[using]
    limited = _limited_on_postgresql if connection.vendor == "postgresql" else _limited_on_sqlite
    try:
        with limited(seconds, using):
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == "57014" or str(error) == "interrupted":
            raise TookTooLong from error
        raise


@contextmanager
def _limited_on_postgresql(seconds: float, using: str) -> Iterator[None]:
    deadline = time.monotonic() + seconds

    def within_what_is_left(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # After a limit within this one has struck, PostgreSQL takes nothing before the way back to the savepoint.
        if sql.startswith("ROLLBACK"):
            return execute(sql, params, many, context)
        # PostgreSQL limits each statement, not the block; and 0 would be no limit.
        left = int((deadline - time.monotonic()) * 1000)
        if left <= 0:
            raise TookTooLong
        execute(f"SET LOCAL statement_timeout = {left}", None, False, context)
        return execute(sql, params, many, context)

    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        before = cursor.fetchone()[0]
        # A plan made for any word walks five million rows for a rare one.
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        with connections[using].execute_wrapper(within_what_is_left):
            yield
        cursor.execute("SET LOCAL statement_timeout = DEFAULT")
        # A limit around this one goes on.
        cursor.execute(f"SET LOCAL plan_cache_mode = {before}")


@contextmanager
def _limited_on_sqlite(seconds: float, using: str) -> Iterator[None]:
    connection: Any = connections[using]
    connection.ensure_connection()
    before = getattr(connection, "sessions_ui_stop", None)
    deadline = time.monotonic() + seconds
    _stop_when(connection, lambda: time.monotonic() > deadline)
    try:
        yield
    finally:
        # A limit around this one goes on.
        _stop_when(connection, before)


def _stop_when(connection: Any, is_late: Callable[[], bool] | None) -> None:
    connection.sessions_ui_stop = is_late
    connection.connection.set_progress_handler(is_late, SQLITE_STEPS)
