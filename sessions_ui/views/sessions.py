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
from sessions_ui.filters import SessionFilter
from sessions_ui.models import Application, Fence, Membership, Session, SessionQuerySet
from sessions_ui.paging import COUNTED, PARAMETERS, Page, Position, UnreadablePosition, page
from sessions_ui.refusals import unreadable
from sessions_ui.search import index
from sessions_ui.search.plan import Search
from sessions_ui.suggestions import Suggestion, meanings, suggested_accounts, suggested_users
from sessions_ui.time_limit import TookTooLong, time_limit
from sessions_ui.useragent import DEVICE_KINDS

# What no row shows need not travel.
UNSHOWN = ["session_data", "key_digest", "key_digest_rest", "search_text", "user_agent"]
OTHERS = 20
MOST_OF_MINE = 100
DORMANT_CHOICES = {"1d": "1 day", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
CHOICES = {"device_kinds": DEVICE_KINDS, "dormant_choices": DORMANT_CHOICES}
PAGE_SECONDS = 3.0
COUNT_SECONDS = 0.24


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
        told = {"problems": wanted.problems, "candidates": _candidates(request, wanted)}
        form = {"filter": wanted, "applications": Application.objects.all(), **CHOICES}
        return render(request, "sessions/list.html", told | form, status=400)
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    known = fence(request) or Fence.read()
    sessions = shown(Session.objects.live(known).signed_in())
    search = Search(sessions, wanted.conditions, known.branches(reach.see))
    applications = list(Application.objects.all())
    context = {
        "filter": wanted,
        "position": position,
        "applications": applications,
        "meanings": meanings(wanted, applications),
        "terminate_all": _terminate_all(request, wanted) if reach.end == reach.see else "",
        "reaches": reach,
        "own_id": own_id(request),
        **CHOICES,
    }
    is_fragment = request.headers.get("HX-Target") == "list"
    template = "sessions/_list.html" if is_fragment else "sessions/list.html"
    return render(request, template, context | _found(search, position))


def _found(search: Search, position: Position) -> dict[str, Any]:
    """Return the page and the number of sessions, or what was too broad to be found in time."""
    if not search.sought:
        found = page(search.first, position)
        return {"page": found} | _number(search.count())
    try:
        with time_limit(PAGE_SECONDS, search.sessions.db):
            found = page(search.first, position)
    except TookTooLong:
        return {"page": Page([], None, None), "stopped": True, "too_broad": search.broadest(), "seconds": PAGE_SECONDS}
    number = len(found.rows) if found.is_all else _count_in_time(search)
    slow = not index.is_there(search.sessions.db)
    return {"page": found, "unindexed": slow} | (_number(number) if number is not None else _more_than(found))


def _count_in_time(search: Search) -> int | None:
    try:
        with time_limit(COUNT_SECONDS, search.sessions.db):
            return search.count()
    except TookTooLong:
        return None


def _number(number: int) -> dict[str, Any]:
    return {"number": min(number, COUNTED), "capped": number > COUNTED}


def _more_than(found: Page[Session]) -> dict[str, Any]:
    """Say what is sure where counting took too long."""
    return {"number": len(found.rows), "capped": True}


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
    return render(request, "sessions/_options.html", {"suggestions": _suggested(request, what, text) if text else []})


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


def _candidates(request: SignedInRequest, wanted: SessionFilter) -> dict[str, Any]:
    unknown = [name for name in ("account", "user") if wanted.has_error(name, "unknown")]
    return {name: _suggested(request, name, str(wanted.params[name])) for name in unknown}


def _suggested(request: SignedInRequest, what: str, text: str) -> list[Suggestion]:
    reach = reaches(request).see
    if what == "account":
        return suggested_accounts(text, reach)
    return suggested_users(text, reach, fence(request) or Fence.read())
