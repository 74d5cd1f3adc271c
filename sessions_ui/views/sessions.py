"""The list of active user sessions, one session, one's own, and what the pickers suggest."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Case, When
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from sessions_ui.access import SignedInRequest, fence, own_id, reaches
from sessions_ui.filters import SessionFilter, suggestions
from sessions_ui.geoip import COUNTRIES
from sessions_ui.models import Application, Fence, Membership, Session, SessionQuerySet
from sessions_ui.paging import COUNTED, PARAMETERS, Position, UnreadablePosition, capped_count, page
from sessions_ui.refusals import unreadable
from sessions_ui.useragent import DEVICE_KINDS

# What no row shows need not travel.
UNSHOWN = ["session_data", "key_digest", "key_digest_rest", "search_text", "user_agent"]
OTHERS = 20
MOST_OF_MINE = 100
DORMANT_CHOICES = {"1d": "1 day", "7d": "7 days", "30d": "30 days", "90d": "90 days"}


@require_safe
@login_required
def home(request: SignedInRequest) -> HttpResponse:
    """Send administrators to the list and others to their own sessions."""
    return redirect("active-user-sessions" if reaches(request).administers else "my-sessions")


@require_safe
@login_required
def active_user_sessions(request: SignedInRequest) -> HttpResponse:
    """List the live sessions within reach that the filter keeps."""
    reach = reaches(request)
    wanted = SessionFilter(without_paging(request.GET), reach.see)
    if not wanted.is_valid():
        return unreadable(request, wanted.problems, _candidates(wanted))
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    known = fence(request) or Fence.read()
    sessions = wanted.filter(shown(Session.objects.live(known).signed_in()))
    branches = known.branches(reach.see)
    number = capped_count(sessions, branches)
    context = {
        "filter": wanted,
        "page": page(sessions, position, branches),
        "position": position,
        "number": min(number, COUNTED),
        "capped": number > COUNTED,
        "applications": Application.objects.all(),
        "device_kinds": DEVICE_KINDS,
        "countries": COUNTRIES,
        "dormant_choices": DORMANT_CHOICES,
        "terminate_all": _terminate_all(request, wanted) if reach.end == reach.see else "",
        "reaches": reach,
        "own_id": own_id(request),
    }
    is_fragment = request.headers.get("HX-Target") == "list"
    return render(request, f"sessions/{'_list' if is_fragment else 'list'}.html", context)


@require_safe
@login_required
def session(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Show everything that is known of one session."""
    reach = reaches(request)
    live = Session.objects.live(fence(request)).within(reach.see).select_related("user", "account", "application")
    found = get_object_or_404(live, public_id=public_id)
    others = shown(live.filter(user=found.user).exclude(pk=found.pk))
    context = {
        "session": found,
        "others": others.order_by("-id")[:OTHERS],
        "reaches": reach,
        "own_id": own_id(request),
    }
    return render(request, "sessions/session.html", context)


@require_safe
@login_required
def my_sessions(request: SignedInRequest) -> HttpResponse:
    """List the sessions of the person who asks, the one he is in first."""
    mine = Session.objects.live(fence(request)).filter(user_id=request.user.pk)
    own = own_id(request)
    context = {
        "reaches": reaches(request),
        "sessions": shown(mine).order_by(Case(When(pk=own, then=0), default=1), "-id")[:MOST_OF_MINE],
        "number": mine.count(),
        "own_id": own,
        "has_membership": Membership.objects.filter(user_id=request.user.pk).exists(),
    }
    return render(request, "sessions/mine.html", context)


@require_safe
@login_required
def suggest(request: SignedInRequest, what: str) -> HttpResponse:
    """Suggest accounts or users within reach whose name begins with what was typed."""
    text = request.GET.get(what, "").strip()[:100].replace("\0", "")
    found = suggestions(what, text, reaches(request).see) if text else []
    return render(request, "sessions/_options.html", {"suggestions": found})


def shown(sessions: SessionQuerySet) -> SessionQuerySet:
    """Load with each session what a row shows, and nothing else."""
    return sessions.select_related("user", "account", "application").defer(*UNSHOWN)


def without_paging(params: QueryDict) -> QueryDict:
    """Return the parameters less those that only say which page is shown, and the empty ones of the form."""
    kept = params.copy()
    for name in [name for name, values in kept.lists() if name in PARAMETERS or values == [""]]:
        del kept[name]
    return kept


def _terminate_all(request: SignedInRequest, wanted: SessionFilter) -> str:
    chosen = wanted.params.copy() if wanted.conditions else QueryDict("everything=1", mutable=True)
    chosen["back"] = request.get_full_path()
    return chosen.urlencode()


def _candidates(wanted: SessionFilter) -> dict[str, Any]:
    return {
        name: suggestions(name, str(wanted.params[name]), wanted.reach)
        for name in ("account", "user")
        if wanted.has_error(name, "unknown")
    }
