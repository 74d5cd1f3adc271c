"""What was ended, by whom and why."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from sessions_ui.access import SignedInRequest, reaches
from sessions_ui.models import SessionEvent, Termination
from sessions_ui.models.reaches import ALL
from sessions_ui.paging import Position, UnreadablePosition, page
from sessions_ui.refusals import unreadable


@require_safe
@login_required
def terminations(request: SignedInRequest) -> HttpResponse:
    """List the terminations, newest first."""
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    context = {"page": page(_visible(request), position), "position": position}
    return render(request, "sessions/terminations.html", context)


@require_safe
@login_required
def termination(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Show one termination: its scope, its numbers, and what was ended."""
    found = get_object_or_404(_visible(request), public_id=public_id)
    ended = SessionEvent.objects.filter(termination_id=found.pk).order_by()
    context = {
        "termination": found,
        "people": ended.aggregate(people=Count("user_key", distinct=True))["people"],
        "accounts": _numbers(ended, "account_label"),
        "applications": _numbers(ended, "application_label"),
        "not_ended": max((found.matched or 0) - found.ended, 0),
    }
    return render(request, "sessions/termination.html", context)


def _visible(request: SignedInRequest) -> QuerySet[Termination]:
    """Return all to those who see all sessions, to everybody else his own acts."""
    if reaches(request).see == ALL:
        return Termination.objects.all()
    return Termination.objects.filter(actor_id=request.user.pk)


def _numbers(ended: QuerySet[SessionEvent], column: str) -> list[tuple[str, int]]:
    return list(ended.values_list(column).annotate(number=Count("pk")).order_by("-number", column)[:10])
