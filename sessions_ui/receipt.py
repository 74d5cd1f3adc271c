"""What came of a termination: counted from the events, and kept where there are too many to count each time."""

from typing import Any

from django.db.models import Count, QuerySet

from .models import SessionEvent, Termination
from .models.events import on_events

COUNTED_WHEN_SHOWN = 1_000
MOST_NAMED = 10
Kind = SessionEvent.Kind


def of(termination: Termination) -> dict[str, Any]:
    """Return how many people, which accounts and applications, and how many sessions others ended."""
    return termination.summary or _count(termination, termination._state.db or "default")


def keep(termination: Termination, using: str) -> None:
    """Store what counting each time would take too long for."""
    termination.refresh_from_db(using=using)
    if termination.ended > COUNTED_WHEN_SHOWN:
        Termination.objects.using(using).filter(pk=termination.pk).update(summary=_count(termination, using))


def refusals(termination: Termination) -> QuerySet[SessionEvent]:
    """Return the first refused request of each of its sessions that has come back, the earliest first."""
    return SessionEvent.objects.filter(termination_id=termination.pk, kind=Kind.REFUSED).order_by("id")


def _count(termination: Termination, using: str) -> dict[str, Any]:
    events = SessionEvent.objects.using(using).filter(kind=Kind.TERMINATED).order_by()
    ended = events.filter(termination_id=termination.pk)
    return {
        "people": ended.aggregate(people=Count("user_key", distinct=True))["people"],
        "accounts": _numbers(ended, "account_label"),
        "applications": _numbers(ended, "application_label"),
        "by_others": _ended_by_others(termination, events),
    }


def _numbers(ended: QuerySet[SessionEvent], column: str) -> list[tuple[str, int]]:
    counted = ended.values_list(column).annotate(number=Count("pk")).order_by("-number", column)
    return list(counted[:MOST_NAMED])


def _ended_by_others(termination: Termination, events: QuerySet[SessionEvent]) -> int:
    """Return how many of the previewed sessions ended by a termination that began after the preview."""
    scope = termination.scope
    if termination.matched is None or termination.previewed_after is None or not scope.stands:
        return 0
    others = Termination.objects.filter(id__gt=termination.previewed_after).exclude(pk=termination.pk)
    by_others = events.filter(on_events(scope.q()), termination_id__in=list(others.values_list("pk", flat=True)))
    return min(by_others.count(), max(0, termination.matched - termination.ended))
