"""What was ended, by whom and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from sessions_ui import receipt
from sessions_ui.access import SignedInRequest, reaches
from sessions_ui.models import Beat, Termination
from sessions_ui.paging import Position, UnreadablePosition, page
from sessions_ui.refusals import unreadable

KNOCKS = 5


class Progress(NamedTuple):
    """How far the removing of rows is; it changes nothing about who is signed out."""

    removed: int
    to_go: int | None
    percent: int | None
    rate: int  # rows a second, since the termination began
    time_left: timedelta | None
    worker_seen: bool

    @classmethod
    def of(cls, termination: Termination, age: timedelta) -> Self:
        removed, matched = termination.ended, termination.matched
        rate = int(removed / max(1.0, age.total_seconds()))
        to_go = None if matched is None else max(0, matched - removed)
        percent = None if not matched else min(100, 100 * removed // matched)
        time_left = timedelta(seconds=to_go // rate + 1) if to_go and rate else None
        return cls(removed, to_go, percent, rate, time_left, Beat.objects.is_recent())


@require_safe
@login_required
def terminations(request: SignedInRequest) -> HttpResponse:
    """List the terminations, newest first."""
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    visible = _visible(request)
    found = page(lambda bounds, order, most: list(visible.filter(bounds).order_by(order)[:most]), position)
    context = {"page": found, "position": position, "sees_all": reaches(request).sees_all}
    return render(request, "sessions/terminations.html", context)


@require_safe
@login_required
def termination(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Show one termination: how far the removing of rows is, and afterwards the receipt."""
    # The database has made both times; the clock of this process may be off.
    visible = _visible(request).annotate(age=Now() - F("created_on"))
    found: Any = get_object_or_404(visible, public_id=public_id)
    is_fragment = request.htmx.target == "progress"  # type: ignore[attr-defined]
    refusals = receipt.refusals(found)
    context = {"termination": found, "knocks": refusals[:KNOCKS], "refused": refusals.count()}
    if found.finished_on:
        if is_fragment:
            return HttpResponseClientRefresh()
        return render(request, "sessions/termination.html", context | _receipt(found))
    context["progress"] = Progress.of(found, found.age)
    template = "sessions/_progress.html" if is_fragment else "sessions/termination.html"
    return render(request, template, context)


def _receipt(found: Termination) -> dict[str, Any]:
    counted = receipt.of(found)
    gone = max((found.matched or 0) - found.ended - counted["by_others"], 0)
    return counted | {"gone": gone}


def _visible(request: SignedInRequest) -> QuerySet[Termination]:
    """Return all to those who see all sessions, to everybody else his own acts."""
    if reaches(request).sees_all:
        return Termination.objects.all()
    return Termination.objects.filter(actor_id=request.user.pk)
