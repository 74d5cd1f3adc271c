"""Setting and removing limits, and what one would end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import router, transaction

from . import sign_in_lock
from .models import Limit, Session, SessionQuerySet
from .models.limits import TOUCH_INTERVAL, in_words, past
from .naming import record_name
from .time_limit import in_time

# Each costs every check a little.
MOST = 100
COUNTING_SECONDS = 2.0


class GoneMeanwhile(Exception):
    """Somebody else has changed or removed the limit that was to be changed."""


def set_limit(limit: Limit, by: Any, instead_of: Limit | None = None) -> None:
    """Put the limit in force, in the place of another if that is given; it holds from the next check on.

    Raises GoneMeanwhile.
    """
    limit.set_by, using = record_name(by), router.db_for_write(Limit)
    with transaction.atomic(using):
        # Whoever is signing in has read the limits without this one. Unless he is stuck he is waited for, as by a
        # termination: a later sign-in, judged by this limit, would not count a session that is not yet committed.
        sign_in_lock.hold_alone(using)
        if instead_of is not None:
            remove(instead_of, by)
        limit.save()


def remove(limit: Limit, by: Any) -> None:
    """Take the limit out of force; what it has ended stays ended. Raises GoneMeanwhile."""
    if not Limit.objects.filter(pk=limit.pk).remove(record_name(by)):
        raise GoneMeanwhile


def passed(limit: Limit) -> SessionQuerySet:
    """Return the live sessions that the limit ends at once when it is set."""
    live, condition = Session.objects.using(router.db_for_write(Session)).live().signed_in(), past([limit])
    return live.none() if condition is None else live.filter(condition)


def number_passed(limit: Limit) -> int | None:
    """Return how many sessions it ends at once, or None when counting takes too long."""
    sessions = passed(limit)
    return in_time(COUNTING_SECONDS, sessions.db, sessions.count)


class End(NamedTuple):
    """When a session ends, why, and whether only without activity; and whether that is near."""

    on: datetime
    why: str
    if_idle: bool
    is_near: bool


def ends_of(session: Session, limits: tuple[Limit, ...], now: datetime) -> list[End]:
    """Return each way in which the session ends by itself, the soonest first; near is the last tenth of its time."""
    ways = [(session.created_on, session.expire_date, "its own date", False)]
    for limit in limits:
        if limit.removed_on is None and limit.speaks_of(session):
            if limit.idle is not None:
                end = session.last_active_on + timedelta(minutes=limit.idle) + TOUCH_INTERVAL
                ways.append((session.last_active_on, end, f"idle for {in_words(limit.idle)}", True))
            if limit.lifetime is not None:
                begun = max(session.created_on, session.proven_on or session.created_on)
                end = begun + timedelta(minutes=limit.lifetime)
                ways.append((begun, end, f"{in_words(limit.lifetime)} old", False))
    return sorted(End(end, why, if_idle, (end - now) * 10 <= end - begun) for begun, end, why, if_idle in ways)


def near_end(session: Session, limits: tuple[Limit, ...], now: datetime) -> End | None:
    """Return the first way in which the session ends, if that is near."""
    first = ends_of(session, limits, now)[0]
    return first if first.is_near else None
