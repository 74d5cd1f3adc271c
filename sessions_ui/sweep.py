"""The tidying after terminations and expiry. Nothing waits for it: what it removes is refused already."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connections, transaction
from django.db.models import F
from django.db.models.functions import Now

from . import receipt, retention, sign_in_lock
from .bounded_wait import WaitedTooLong, bounded_wait
from .ending import Locked, end, lock
from .models import Beat, Fence, Letter, Session, SessionEvent, SessionQuerySet, Termination
from .pacing import Pace, nothing
from .search.narrow import narrowed, on_walk
from .walk import Walk

# So many dead rows make the first page of the list slow on PostgreSQL.
MANY = 10_000
LAST_ROWS = 1_000


class Tidied(NamedTuple):
    """How many terminations were finished, how many were not; expired sessions and old events that were removed."""

    finished: int
    unfinished: int
    expired: int
    old: int


def tidy(using: str, between: Callable[[], None] = nothing) -> Tidied:
    """Go on with the unfinished terminations, oldest first, and remove what has expired or is older than is kept.

    `between` is called before each batch. Raises UnreadableScope.
    """
    Beat.objects.using(using).give()
    pace = Pace.of(using, between)
    finished = [sweep(termination, using, pace) for termination in Termination.objects.using(using).unfinished()]
    expired, old = expire(using, pace), retention.remove_old(using, pace)
    return Tidied(finished.count(True), finished.count(False), expired, old)


def sweep(termination: Termination, using: str, pace: Pace | None = None) -> bool:
    """End what the termination covers, one transaction a batch, and return whether it is finished.

    Rows that somebody else holds are skipped until the last pass, which waits for them.
    """
    pace = pace or Pace.of(using)
    while pass_once(termination, using, pace):
        continue
    termination.refresh_from_db(using=using)
    if termination.ended >= MANY:
        # Before it is finished: until then the list begins above its cut-off and walks past no dead row.
        vacuum(using)
    if not finish(termination, using):
        return False
    receipt.keep(termination, using)
    return True


def pass_once(termination: Termination, using: str, pace: Pace) -> bool:
    """Walk once over what is left of the termination and return whether anything was."""
    last: int | None = 0
    while last is not None:
        above = last
        with pace.batch() as rows, transaction.atomic(using):
            last = sweep_batch(termination, using, above, rows)
    return above > 0


def sweep_batch(termination: Termination, using: str, above: int, rows: int | None = None) -> int | None:
    """End so many rows above this id, or all; return the last id of them, or None when there was none."""
    # The index would be asked anew for each batch; a walk goes on where the last one ended.
    sessions = left_by_older(Session.objects.using(using).filter(on_walk(termination.scope.q())), termination)
    sessions = sessions.filter(id__gt=above)
    locked = lock(sessions, rows, skip_locked=True)
    end_for(termination, using, locked)
    return max(locked.ids, default=None)


def covered(termination: Termination, using: str) -> SessionQuerySet:
    """Return the sessions that are this termination's to end, as one question."""
    scope = termination.scope
    return left_by_older(narrowed(Session.objects.using(using).filter(scope.bounds), scope.conditions), termination)


def left_by_older(sessions: SessionQuerySet, termination: Termination) -> SessionQuerySet:
    """Leave out what older terminations cover: a session belongs to the oldest that covers it."""
    older = Fence.read(sessions.db, before=termination)
    return sessions if older.covered is None else sessions.exclude(older.covered)


def end_for(termination: Termination, using: str, locked: Locked, *, finishes: bool = False) -> None:
    """End these rows in the termination's name and count them; mark it finished when they are its last."""
    if termination.tells_people and locked.unexpired:
        sessions = Session.objects.using(using).filter(pk__among=locked.unexpired)
        Letter.objects.using(using).about_ended(sessions, termination)
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
    # No later sign-in is covered, so none need wait while it is looked whether anything is left.
    with transaction.atomic(using):
        try:
            with bounded_wait(using):
                while (locked := lock(covered(termination, using), LAST_ROWS)).ids:
                    end_for(termination, using, locked)
        except WaitedTooLong:
            return False
        end_for(termination, using, locked, finishes=True)
    return True


def vacuum(using: str) -> None:
    """Clear away the dead rows on PostgreSQL; outside of a transaction only.

    Autovacuum comes a minute later, and passes by the indexes when few rows of many are dead.
    """
    connection = connections[using]
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(Session._meta.db_table)
            # Truncating would lock out everybody for a moment.
            cursor.execute(f"VACUUM (INDEX_CLEANUP ON, TRUNCATE FALSE) {table}")


def expire(using: str, pace: Pace | None = None) -> int:
    """Remove expired sessions in batches, and return how many there were."""
    pace = pace or Pace.of(using)
    return expire_by_date(using, pace) + expire_by_limit(using, pace)


def expire_by_limit(using: str, pace: Pace) -> int:
    """Walk over all sessions once, and return how many had passed a limit."""
    walk, goes_on = Walk.begin(using), True
    while goes_on:
        with pace.batch() as rows:
            goes_on = walk.step(rows)
    return walk.ended


def expire_by_date(using: str, pace: Pace) -> int:
    """Remove the sessions whose own date has passed, and return how many there were."""
    expired = 0
    while True:
        with pace.batch() as rows, transaction.atomic(using):
            sessions = Session.objects.using(using).filter(expire_date__lte=Now())
            # By the index of this column. What waits for no one may lock in any order.
            locked = lock(sessions, rows, skip_locked=True, order="expire_date")
            end(using, locked, SessionEvent.Kind.EXPIRED)
        expired += len(locked.ids)
        if len(locked.ids) < rows:
            return expired
