"""How rows are ended: locked in the order of their ids, written into the history, deleted."""

from typing import Any

from django.db import connections
from django.db.models.functions import Now

from .models import Session, SessionEvent, SessionQuerySet
from .models.events import record


def lock(sessions: SessionQuerySet, limit: int | None = None, *, skip_locked: bool = False) -> list[int]:
    """Lock the rows until the end of this transaction and return their ids, smallest first.

    One order for everybody, so that two of these never wait for each other in a circle.
    """
    skip_locked = skip_locked and connections[sessions.db].features.has_select_for_update_skip_locked
    ids = sessions.select_for_update(skip_locked=skip_locked).order_by("id").values_list("id", flat=True)
    return list(ids[:limit])


def end(using: str, ids: list[int], kind: SessionEvent.Kind, **values: Any) -> int:
    """Delete these locked rows, each signed-in one with its event, and return how many ended for this reason.

    One that had expired before is written down as expired.
    """
    if not ids:
        return 0
    locked = Session.objects.using(using).filter(pk__in=ids)
    signed_in = locked.signed_in()
    ended = record(signed_in.filter(expire_date__gt=Now()), kind, **values)
    record(signed_in.filter(expire_date__lte=Now()), SessionEvent.Kind.EXPIRED)
    locked.delete()
    return ended
