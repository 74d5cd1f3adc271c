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
    rest: float  # seconds between two batches, at least, and twice the batch; 0 for none
    between: Callable[[], None] = nothing
    took: float = 0.0

    @classmethod
    def of(cls, using: str, between: Callable[[], None] = nothing) -> Pace:
        """Return the pace of this database; `between` is called before each batch and may raise to stop.

        SQLite has one writer at a time: a long batch holds every sign-in off, and without a
        rest the sweeper takes the lock again before anybody else gets it.
        """
        if connections[using].vendor == "sqlite":
            return cls(100, 0.02, 0.05, between)
        return cls(MOST_ROWS, 0.2, 0.0, between)

    @contextmanager
    def batch(self) -> Iterator[int]:
        """Rest, then give the number of rows for one batch."""
        self.between()
        if self.took and self.rest:
            time.sleep(max(self.rest, 2 * self.took))
        begun, rows = time.perf_counter(), min(self.rows, MOST_ROWS)
        yield rows
        self.took = time.perf_counter() - begun
        # At most twice as many: one batch that was quick by chance must not make the next a long one.
        self.rows = max(LEAST_ROWS, min(int(rows * self.aim / self.took), 2 * rows, MOST_ROWS))
