"""How rows are ended: locked in the order of their ids, written into the history, deleted."""

from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Case, Value, When
from django.db.models.functions import Now

from .models import Session, SessionEvent, SessionQuerySet
from .models.events import record


class Locked(NamedTuple):
    """Rows that are locked until the end of this transaction: those that were live, and those that had expired."""

    unexpired: list[int]
    expired: list[int]

    @property
    def ids(self) -> list[int]:
        return self.unexpired + self.expired


def lock(
    sessions: SessionQuerySet, limit: int | None = None, *, skip_locked: bool = False, order: str = "id"
) -> Locked:
    """Lock the rows until the end of this transaction.

    In the order of their ids, so that two of these never wait for each other in a
    circle. Whether one has expired is decided here, once: two looks at the clock
    could write two ends for one session.
    """
    skip_locked = skip_locked and connections[sessions.db].features.has_select_for_update_skip_locked
    expired = Case(When(expire_date__lte=Now(), then=Value(1)), default=Value(0))
    rows = sessions.select_for_update(skip_locked=skip_locked).order_by(order).values_list("id", expired)
    locked = Locked([], [])
    for pk, has_expired in rows[:limit]:
        locked[has_expired].append(pk)
    return locked


def end(using: str, locked: Locked, kind: SessionEvent.Kind, **values: Any) -> int:
    """Delete the rows, each signed-in one with its event, and return how many ended for this reason.

    What had expired before is written down as expired.
    """
    sessions = Session.objects.using(using)
    ended = 0
    if locked.unexpired:
        ended = record(sessions.filter(pk__in=locked.unexpired).signed_in(), kind, **values)
    if locked.expired:
        record(sessions.filter(pk__in=locked.expired).signed_in(), SessionEvent.Kind.EXPIRED)
    if locked.ids:
        sessions.filter(pk__in=locked.ids).delete()
    return ended
