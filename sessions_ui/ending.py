"""How rows are ended: locked in the order of their ids, written into the history, deleted."""

from itertools import chain
from typing import Any, NamedTuple

from django.db import connections

from .models import Limit, Session, SessionEvent, SessionQuerySet
from .models.events import record_ends
from .models.limits import expiry


class Locked(NamedTuple):
    """Rows that are locked until the end of this transaction: those that live, and the others by the reason.

    That is a limit in words, or nothing where the session's own date had passed.
    """

    unexpired: list[int]
    expired: dict[str, list[int]]

    @property
    def ids(self) -> list[int]:
        return [*self.unexpired, *chain(*self.expired.values())]


def lock(
    sessions: SessionQuerySet, limit: int | None = None, *, skip_locked: bool = False, order: str = "id"
) -> Locked:
    """Lock the rows until the end of this transaction.

    In the order of their ids, so that two of these never wait for each other in a
    circle. Whether one has expired is decided here, once: two looks at the clock
    could write two ends for one session.
    """
    skip_locked = skip_locked and connections[sessions.db].features.has_select_for_update_skip_locked
    expired = expiry(Limit.objects.using(sessions.db).binding())
    rows = sessions.select_for_update(skip_locked=skip_locked).order_by(order).values_list("id", expired)
    locked = Locked([], {})
    for pk, reason in rows[:limit]:
        (locked.unexpired if reason is None else locked.expired.setdefault(reason, [])).append(pk)
    return locked


def end(using: str, locked: Locked, kind: SessionEvent.Kind, **values: Any) -> int:
    """Delete the rows, each signed-in one with its event, and return how many ended for this reason.

    What had expired before is written down as expired, and by which limit.
    """
    ended = record_ends(locked.unexpired, kind, using, **values) if locked.unexpired else 0
    for reason, ids in locked.expired.items():
        record_ends(ids, SessionEvent.Kind.EXPIRED, using, reason=reason)
    if locked.ids:
        Session.objects.using(using).filter(pk__among=locked.ids).delete()
    return ended
