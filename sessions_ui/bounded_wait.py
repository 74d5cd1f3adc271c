"""A limit on how long a transaction waits for what another one holds."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connections, transaction

MAX_WAIT = "2s"
# lock_timeout, and the deadlock detector, which may be quicker.
GAVE_UP = frozenset({"55P03", "40P01"})


class WaitedTooLong(Exception):
    """Another transaction held a row or a lock for longer than MAX_WAIT."""


@contextmanager
def bounded_wait(using: str) -> Iterator[None]:
    """Wait for each lock MAX_WAIT at most; raises WaitedTooLong, and what the block wrote is undone.

    SQLite has one writer at a time, so nothing is held there that this could wait for.
    """
    if connections[using].vendor != "postgresql":
        yield
        return
    try:
        with transaction.atomic(using), connections[using].cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{MAX_WAIT}'")
            yield
            cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) in GAVE_UP:
            raise WaitedTooLong from error
        raise
