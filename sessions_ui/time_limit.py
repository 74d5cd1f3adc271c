"""A limit on how long the database may take for an answer."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import OperationalError, connections, transaction

SQLITE_STEPS = 1_000
# PostgreSQL limits each statement, not the block: it is told what is left, and again after this part of that.
TOLD_AFTER = 1 / 30

Answer = TypeVar("Answer")


class TookTooLong(Exception):
    """The database was stopped because it took longer than the limit."""


@contextmanager
def time_limit(seconds: float, using: str) -> Iterator[None]:
    """Stop the queries of this block after so many seconds; raises TookTooLong. Of two, what ends first holds."""
    connection: Any = connections[using]
    limited = _limited_on_postgresql if connection.vendor == "postgresql" else _limited_on_sqlite
    around = _deadline(connection)
    connection.sessions_ui_deadline = min(around, time.monotonic() + seconds)
    try:
        with limited(connection, within_another=around < math.inf):
            yield
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == "57014" or str(error) == "interrupted":
            raise TookTooLong from error
        raise
    finally:
        connection.sessions_ui_deadline = around


def in_time(seconds: float, using: str, ask: Callable[[], Answer]) -> Answer | None:
    """Return the answer to what is asked, or None where that takes longer."""
    try:
        with time_limit(seconds, using):
            return ask()
    except TookTooLong:
        return None


def _deadline(connection: Any) -> float:
    return getattr(connection, "sessions_ui_deadline", math.inf)


@contextmanager
def _limited_on_postgresql(connection: Any, *, within_another: bool) -> Iterator[None]:
    deadline, again = _deadline(connection), -math.inf

    def what_is_left() -> str:
        nonlocal again
        now = time.monotonic()
        if now >= deadline:
            raise TookTooLong
        again = now + (deadline - now) * TOLD_AFTER
        # 0 would be no limit.
        return f"SET LOCAL statement_timeout = {math.ceil((deadline - now) * 1000)}"

    def within_what_is_left(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal again
        # A limit within this one speaks for both. After it has struck, PostgreSQL takes nothing before the way back.
        if _deadline(connection) != deadline or sql.startswith("ROLLBACK"):
            again = -math.inf
        elif time.monotonic() >= again:
            execute(what_is_left(), None, False, context)
        return execute(sql, params, many, context)

    goes_on = connection.in_atomic_block
    with transaction.atomic(connection.alias), _planned_anew(connection, goes_on=goes_on, also=what_is_left()):
        with connection.execute_wrapper(within_what_is_left):
            yield
        if goes_on and not within_another:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = DEFAULT")


@contextmanager
def planned_anew(using: str) -> Iterator[None]:
    """Let PostgreSQL plan each statement of this block for its own values.

    A prepared statement gets a plan for any value after ten times: that walked five million rows for an application
    that nobody uses any more, and for a rare word.
    """
    connection: Any = connections[using]
    if connection.vendor != "postgresql" or _is_planned_anew(connection):
        yield
        return
    goes_on = connection.in_atomic_block
    with transaction.atomic(using, savepoint=False), _planned_anew(connection, goes_on=goes_on):
        yield


def _is_planned_anew(connection: Any) -> bool:
    return bool(getattr(connection, "sessions_ui_planned_anew", False))


@contextmanager
def _planned_anew(connection: Any, *, goes_on: bool, also: str = "") -> Iterator[None]:
    """Set this, and what else is to be set, by one statement; it ends with the transaction, if that does not go on."""
    before = _is_planned_anew(connection)
    settings = [*([] if before else ["SET LOCAL plan_cache_mode = force_custom_plan"]), *([also] if also else [])]
    connection.sessions_ui_planned_anew = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("; ".join(settings))
            yield
            if goes_on and not before:
                cursor.execute("SET LOCAL plan_cache_mode = DEFAULT")
    finally:
        connection.sessions_ui_planned_anew = before


@contextmanager
def _limited_on_sqlite(connection: Any, *, within_another: bool) -> Iterator[None]:
    connection.ensure_connection()
    connection.connection.set_progress_handler(lambda: time.monotonic() > _deadline(connection), SQLITE_STEPS)
    try:
        yield
    finally:
        if not within_another:
            connection.connection.set_progress_handler(None, SQLITE_STEPS)
