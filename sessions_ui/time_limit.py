"""A limit on how long the database may take for an answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connections, transaction

SQLITE_STEPS = 10_000


class TookTooLong(Exception):
    """The database was stopped because it took longer than the limit."""


@contextmanager
def time_limit(seconds: float, using: str) -> Iterator[None]:
    """Stop the queries of this block after so many seconds; raises TookTooLong."""
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
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
        yield
        cursor.execute("SET LOCAL statement_timeout = DEFAULT")


@contextmanager
def _limited_on_sqlite(seconds: float, using: str) -> Iterator[None]:
    connections[using].ensure_connection()
    database = connections[using].connection
    deadline = time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > deadline, SQLITE_STEPS)
    try:
        yield
    finally:
        database.set_progress_handler(None, SQLITE_STEPS)
