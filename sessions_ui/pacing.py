"""How much is tidied at a time, and how long others may work in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connections

MOST_ROWS = 5_000
LEAST_ROWS = 20


def nothing() -> None:
    """Do nothing between two batches."""


@dataclass
class Pace:
    """The size of the next batch, which follows how long the last one took, and the rest after it."""

    rows: int
    aim: float  # seconds that a batch should take
    rest: float  # seconds between two batches, at least
    times: float  # and so many times as long as the batch took
    between: Callable[[], None] = nothing
    took: float = 0.0

    @classmethod
    def of(cls, using: str, between: Callable[[], None] = nothing) -> Pace:
        """Return the pace of this database; `between` is called before each batch and may raise to stop.

        SQLite has one writer at a time: a long batch holds every sign-in off, and without a
        rest the sweeper takes the lock again before anybody else gets it. PostgreSQL writes
        side by side, but a commit waits for what all others have put into the log before it.
        """
        if connections[using].vendor == "sqlite":
            return cls(100, 0.03, rest=0.05, times=2, between=between)
        return cls(1_000, 0.035, rest=0.0, times=1, between=between)

    @contextmanager
    def batch(self) -> Iterator[int]:
        """Rest, then give the number of rows for one batch."""
        self.between()
        if self.took:
            time.sleep(max(self.rest, self.times * self.took))
        begun, rows = time.perf_counter(), min(self.rows, MOST_ROWS)
        yield rows
        self.took = time.perf_counter() - begun
        # At most twice as many: one batch that was quick by chance must not make the next a long one.
        self.rows = max(LEAST_ROWS, min(int(rows * self.aim / self.took), 2 * rows, MOST_ROWS))
