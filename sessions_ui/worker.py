"""The worker: it tidies for as long as it runs, and says so in the database and in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from django.db import DatabaseError, InterfaceError, connections

from . import day_counts, networks, renames, restore, retention, sweep
from .models import Beat, Termination
from .models.scopes import UnreadableScope
from .pacing import Pace
from .search import index
from .walk import Walk

POLL = 1.0  # seconds until a termination is noticed
BEAT = 10.0
EXPIRE = 60.0
WALK = 300.0
LONGEST_STEPS = 1.0  # seconds of a walk in one round
# A termination that a stuck sign-in or a held row keeps open: each try holds sign-ins up for two seconds.
LONGEST_PAUSE = 60.0
logger = logging.getLogger(__name__)


class ToldToStop(Exception):
    """The worker was told to stop between two batches; what it left over goes on later."""


def once(using: str) -> sweep.Tidied:
    """Do at once all that the worker does again and again, for cron; raises UnreadableScope."""
    restore.watch(using)
    tidied = sweep.tidy(using)
    pace = Pace.of(using)
    day_counts.count(using, pace)
    renames.refresh(using, pace)
    networks.apply(using, pace)
    index.clear_pending(using)
    return tidied


def until_told_to_stop(work: Callable[[], object], using: str, told_to_stop: Event) -> None:
    """Do this again and again until told to stop; an outage of the database is waited out."""
    while not told_to_stop.is_set():
        try:
            work()
        except ToldToStop:
            break
        except UnreadableScope as error:
            logger.error("Nothing is tidied: a later version made this termination. %s", error)
            told_to_stop.wait(BEAT)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The database does not answer, trying again: %s", error)
            connections[using].close()
        told_to_stop.wait(POLL)
    connections[using].close()


@dataclass
class Worker:
    """Sweeps, expires, walks and gives a beat, until told to stop."""

    using: str
    told_to_stop: Event
    beat_on: float = -BEAT
    expired_on: float = -EXPIRE
    walked_on: float = -WALK
    walk: Walk | None = None
    left_over: list[int] = field(default_factory=list)
    retry_on: float = 0.0
    pause: float = POLL

    def run(self) -> None:
        """Work until told to stop; an outage of the database is waited out."""
        logger.info("The worker has started.")
        until_told_to_stop(self.round, self.using, self.told_to_stop)
        logger.info("The worker has stopped.")

    def round(self) -> None:
        """Do what is due now; raises ToldToStop, UnreadableScope, DatabaseError and InterfaceError."""
        self.between_batches()
        pace = Pace.of(self.using, self.between_batches)
        unfinished = list(Termination.objects.using(self.using).unfinished())
        if [termination.pk for termination in unfinished] != self.left_over or time.monotonic() >= self.retry_on:
            self.sweep(unfinished, pace)
        if time.monotonic() >= self.expired_on + EXPIRE:
            if expired := sweep.expire_by_date(self.using, pace):
                logger.info("%d expired sessions were removed.", expired)
            if removed := retention.remove_old(self.using, pace):
                logger.info("%d events were older than LOGIN_RECORD_DAYS and are removed.", removed)
            self.expired_on = time.monotonic()
            day_counts.count(self.using, pace)
        if self.walk or time.monotonic() >= self.walked_on + WALK:
            self.go_on_walking(pace)
        if not unfinished:
            self.rename(pace)

    def sweep(self, unfinished: list[Termination], pace: Pace) -> None:
        """Go on with these terminations, oldest first."""
        left_over = []
        for termination in unfinished:
            if sweep.sweep(termination, self.using, pace):
                logger.info("Termination %s is finished, %d sessions ended.", termination.public_id, termination.ended)
            else:
                logger.info("Termination %s waits for a sign-in or a row that is held.", termination.public_id)
                left_over.append(termination.pk)
        self.pause = min(2 * self.pause, LONGEST_PAUSE) if left_over and left_over == self.left_over else POLL
        self.left_over, self.retry_on = left_over, time.monotonic() + self.pause

    def rename(self, pace: Pace) -> None:
        """Give sessions the new names of people, accounts, applications and networks."""
        if refreshed := renames.refresh(self.using, pace):
            logger.info("%d sessions are found by a new name.", refreshed)
        if renamed := networks.apply(self.using, pace):
            logger.info("%d sessions are shown with the new name of their network.", renamed)

    def go_on_walking(self, pace: Pace) -> None:
        """Walk on to the end, or until a termination may have come that waits for its tidying."""
        self.walk = walk = self.walk or Walk.begin(self.using)
        until = time.monotonic() + LONGEST_STEPS
        goes_on = True
        while goes_on and time.monotonic() < until:
            with pace.batch() as rows:
                goes_on = walk.step(rows)
        if not goes_on:
            self.walk, self.walked_on = None, time.monotonic()
            if walk.ended:
                logger.info("%d sessions that had passed a limit were removed.", walk.ended)

    def between_batches(self) -> None:
        """Give a beat and do what is done with it, if it is time; raises ToldToStop."""
        if self.told_to_stop.is_set():
            raise ToldToStop
        if time.monotonic() >= self.beat_on + BEAT:
            Beat.objects.using(self.using).give()
            restore.watch(self.using)
            index.clear_pending(self.using)
            self.beat_on = time.monotonic()
