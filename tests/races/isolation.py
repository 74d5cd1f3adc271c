"""An isolation tester like PostgreSQL's own: actors on connections of their own, played in every order of their steps.

An actor is a program that stops before certain statements. The scheduler lets one
actor go on at a time, up to its next stop. One that waits for a lock of another is
left waiting, noted, and goes on by itself as soon as it gets the lock.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import factorial, prod
from threading import Condition, Thread
from time import monotonic
from typing import Any

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.engine.test_orders import orders

COMMIT = "COMMIT"
LONG_ENOUGH = 20
# An actor needs about so long for a step; to ask the database meanwhile whether it waits only slows it down.
A_MOMENT = 0.005
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND cardinality(pg_blocking_pids(pid)) > 0"


class Actor:
    """A program in a thread, on this connection; each stop is a pattern of the statement before which it waits."""

    def __init__(self, program: Callable[[], object], stops: Sequence[str], own: BaseDatabaseWrapper) -> None:
        self.program, self.stops, self.connection = program, list(stops), own
        self.steps = len(self.stops) + 1
        self.changed = Condition()
        self.allowed = 0
        self.is_paused = self.is_done = False
        self.error: BaseException | None = None
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def go_on(self) -> None:
        """Allow one more step; one that was refused early and is done has nothing left to do."""
        with self.changed:
            self.allowed += 1
            self.is_paused = False
            self.changed.notify_all()

    def is_still(self) -> bool:
        """Return whether it has done what it may, within a moment; raises what its program raised."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_done or self.is_paused, A_MOMENT)
            if self.error:
                raise self.error
            return self.is_done or self.is_paused

    def is_blocked(self) -> bool:
        """Return whether it waits for a lock that another transaction holds."""
        with connection.cursor() as cursor:
            cursor.execute(BLOCKED, [self.connection.connection.info.backend_pid])
            return bool(cursor.fetchone()[0])

    def _run(self) -> None:
        connections[connection.alias] = self.connection
        self.connection.commit = self._commit  # type: ignore[method-assign]
        try:
            self._wait()
            with self.connection.execute_wrapper(self._before):
                self.program()
        except BaseException as error:  # noqa: BLE001 raised again where the actor is awaited
            self.error = error
        finally:
            del self.connection.commit
            with self.changed:
                self.is_done = True
                self.changed.notify_all()

    def _before(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self._stop_at(sql)
        return execute(sql, params, many, context)

    def _commit(self) -> None:
        self._stop_at(COMMIT)
        type(self.connection).commit(self.connection)

    def _stop_at(self, statement: str) -> None:
        if self.stops and re.search(self.stops[0], statement):
            del self.stops[0]
            self._wait()

    def _wait(self) -> None:
        with self.changed:
            while not self.allowed:
                self.is_paused = True
                self.changed.notify_all()
                self.changed.wait()
            self.allowed -= 1


def settle(actors: Iterable[Actor], *, at_the_end: bool = False) -> int:
    """Wait until every actor has done what it may or waits for a lock, and return how many wait."""
    until = monotonic() + LONG_ENOUGH
    while monotonic() < until:
        busy = [actor for actor in actors if not actor.is_still()]
        blocked = [actor for actor in busy if actor.is_blocked()]
        if len(busy) == len(blocked) and not (busy and at_the_end):
            return len(blocked)
    raise TimeoutError("The actors wait for each other.")


def play(actors: Sequence[Actor], order: Sequence[int], before: Callable[[Actor], object] = lambda actor: None) -> int:
    """Let the actors take their steps in this order, and return how often one had to wait for another."""
    waits = 0
    try:
        for number in order:
            before(actors[number])
            actors[number].go_on()
            waits += settle(actors)
        settle(actors, at_the_end=True)
    finally:
        for actor in actors:
            # Whoever is left after a failure must not hold its locks.
            for _ in range(actor.steps):
                actor.go_on()
            actor.thread.join(LONG_ENOUGH)
    return waits


def every_order(*steps: int) -> Iterator[list[int]]:
    """Give every order in which actors with so many steps can take them, as the numbers of the actors."""
    programs = [[number] * count for number, count in enumerate(steps)]
    yield from orders(*programs)


def number_of_orders(*steps: int) -> int:
    return factorial(sum(steps)) // prod(map(factorial, steps))
