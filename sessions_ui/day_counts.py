"""Sign-ins and ends by day: the worker counts them, so that no page has to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Count, Min
from django.db.models.functions import Now
from django.utils import timezone

from .models import DayCount, SessionEvent
from .models.day_counts import ALL_ACCOUNTS, NO_ACCOUNT, counts_of
from .pacing import Pace

DAYS = 30
KINDS = [SessionEvent.Kind.SIGNED_IN, *SessionEvent.ENDS]
# Transactions that began before midnight may commit after it, and the clocks of database and worker may differ.
SETTLED = timedelta(hours=1)


def today() -> date:
    """Return the day of UTC, by which all is counted."""
    return timezone.now().astimezone(UTC).date()


def shown_days() -> list[date]:
    """Return the days that are kept, oldest first, today last."""
    return [today() - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]


def count(using: str, pace: Pace) -> None:
    """Count the days that are not counted for good, today among them, and forget those that are no longer shown."""
    days = shown_days()
    DayCount.objects.using(using).filter(day__lt=days[0]).delete()
    for day in _open(days, using):
        pace.between()
        _count(day, using)


def _open(days: list[date], using: str) -> Iterator[date]:
    """Give the days that were counted before they were over, or never."""
    of_all = DayCount.objects.using(using).filter(account_id=ALL_ACCOUNTS).order_by()
    counted = dict(of_all.values_list("day").annotate(Min("counted_on")))
    for day in days:
        if day not in counted or counted[day] < _begin(day) + timedelta(days=1) + SETTLED:
            yield day


def _begin(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _count(day: date, using: str) -> None:
    events = SessionEvent.objects.using(using).filter(happened_on__gte=_begin(day), kind__in=KINDS)
    events = events.filter(happened_on__lt=_begin(day) + timedelta(days=1)).order_by()
    groups: dict[tuple[int, int, str], int] = {}
    for account, application, kind, number in events.values_list("account_id", "application_id", "kind").annotate(
        number=Count("pk")
    ):
        groups[account or NO_ACCOUNT, application or 0, kind] = number
    # Counting holds nobody up; only what was counted is written in one transaction. Two workers write the same.
    unique = ["account_id", "day", "application_id", "kind"]
    with transaction.atomic(using):
        counts = DayCount.objects.using(using)
        counts.bulk_create(
            counts_of(day, groups),
            batch_size=500,
            update_conflicts=True,
            unique_fields=unique,
            update_fields=["number", "counted_on"],
        )
        counts.filter(day=day).update(counted_on=Now())
