"""The tidying after terminations and expiry. Nothing waits for it: what it removes is refused already."""

from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from . import sign_in_lock
from .bounded_wait import WaitedTooLong, bounded_wait
from .ending import Locked, end, lock
from .models import Fence, Session, SessionEvent, SessionQuerySet, Termination

BATCH = 2_000


class Tidied(NamedTuple):
    """How many terminations were finished, how many were not, and how many expired sessions were removed."""

    finished: int
    unfinished: int
    expired: int


def tidy(using: str) -> Tidied:
    """Go on with the unfinished terminations, oldest first, and remove what has expired."""
    finished = [sweep(termination, using) for termination in Termination.objects.using(using).unfinished()]
    return Tidied(finished.count(True), finished.count(False), expire(using))


def sweep(termination: Termination, using: str) -> bool:
    """End what the termination covers, one transaction a batch, and return whether it is finished.

    Rows that somebody else holds are skipped until the last pass, which waits for them.
    """
    last: int | None = 0
    while last is not None:
        with transaction.atomic(using):
            last = sweep_batch(termination, using, last)
    return finish(termination, using)


def sweep_batch(termination: Termination, using: str, above: int) -> int | None:
    """End the next batch above this id and return the last id of it, or None when there was none."""
    sessions = covered(termination, using).filter(id__gt=above)
    locked = lock(sessions, BATCH, skip_locked=True)
    end_for(termination, using, locked)
    return max(locked.ids, default=None)


def covered(termination: Termination, using: str) -> SessionQuerySet:
    """Return the sessions that are this termination's to end: a session belongs to the oldest that covers it."""
    sessions = Session.objects.using(using).in_scope(termination.scope)
    older = Fence.read(using, before=termination)
    return sessions if older.covered is None else sessions.exclude(older.covered)


def end_for(termination: Termination, using: str, locked: Locked, *, finishes: bool = False) -> None:
    """End these rows in the termination's name and count them; mark it finished when they are its last."""
    ended = end(using, locked, SessionEvent.Kind.TERMINATED, termination_id=termination.pk, reason=termination.reason)
    changes: dict[str, Any] = {"ended": F("ended") + ended} if ended else {}
    if finishes:
        changes["finished_on"] = Now()
    if changes:
        Termination.objects.using(using).filter(pk=termination.pk, finished_on=None).update(**changes)


def finish(termination: Termination, using: str) -> bool:
    """Mark the termination finished when nothing is left of it; return whether it is.

    A sign-in that is still under way may yet commit a row that it covers, so it
    finishes only where the sign-in lock is held alone, and no row is held by somebody else.
    """
    with transaction.atomic(using):
        if not sign_in_lock.hold_alone(using):
            return False
        try:
            with bounded_wait(using):
                while (locked := lock(covered(termination, using), BATCH)).ids:
                    end_for(termination, using, locked)
        except WaitedTooLong:
            return False
        end_for(termination, using, locked, finishes=True)
    return True


def expire(using: str) -> int:
    """Remove expired sessions in batches, and return how many there were."""
    expired = 0
    while True:
        with transaction.atomic(using):
            sessions = Session.objects.using(using).filter(expire_date__lte=Now())
            locked = lock(sessions, BATCH, skip_locked=True)
            end(using, locked, SessionEvent.Kind.EXPIRED)
            expired += len(locked.ids)
        if len(locked.ids) < BATCH:
            return expired
