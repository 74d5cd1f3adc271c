"""The list of active user sessions, one session, and one's own."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db.models import Case, When
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from sessions_ui import geoip, origin_changes
from sessions_ui.access import SignedInRequest, fence, own_id, reaches
from sessions_ui.filters import SessionFilter
from sessions_ui.habits import hints_on, may_teach
from sessions_ui.listing import listed, without_paging
from sessions_ui.login_records import login_records_of
from sessions_ui.models import Application, Fence, Membership, Session, SessionQuerySet
from sessions_ui.origin_changes import Seen
from sessions_ui.paging import COUNTED, Position, UnreadablePosition
from sessions_ui.refusals import unreadable
from sessions_ui.rows import rows
from sessions_ui.search.plan import Search
from sessions_ui.suggestions import candidates, meanings
from sessions_ui.time_limit import planned_anew
from sessions_ui.useragent import DEVICE_KINDS

# What no row shows need not travel.
UNSHOWN = [
    *("session_data", "key_digest", "key_digest_rest", "password_digest", "search_text", "user_agent", "os"),
    *("last_active_day", "last_ip", "last_location", "last_browser"),
]
# No name is made of them; a project may have taken the second away.
UNSHOWN_OF_USER = {"password", "last_login"}
OTHERS, RECORDS = 20, 10
MOST_OF_MINE = 100
DORMANT_CHOICES = {"1d": "1 day", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
CHOICES = {"device_kinds": DEVICE_KINDS, "dormant_choices": DORMANT_CHOICES}


@require_safe
@login_required
def home(request: SignedInRequest) -> HttpResponse:
    """Send administrators to the list and others to their own sessions."""
    return redirect("active-user-sessions" if reaches(request).administers else "my-sessions")


@require_safe
@login_required
def active_user_sessions(request: SignedInRequest) -> HttpResponse:
    """List the live sessions within reach that the filter keeps."""
    reach, known = reaches(request), fence(request) or Fence.read()
    wanted = SessionFilter(without_paging(request.GET), reach.see)
    if not wanted.is_valid():
        told = {"problems": wanted.problems, "candidates": candidates(wanted, known)}
        form = {"filter": wanted, "applications": Application.objects.all(), **CHOICES}
        return render(request, "sessions/list.html", told | form, status=400)
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    sessions = shown(Session.objects.live(known).signed_in())
    search = Search(sessions, wanted.conditions, known.branches(reach.see))
    applications = list(Application.objects.all())
    context = {
        "filter": wanted,
        "position": position,
        "applications": applications,
        "meanings": meanings(wanted, applications),
        "elsewhere": reverse("login-records"),
        "terminate_all": _terminate_all(request, wanted) if reach.end == reach.see else "",
        **CHOICES,
    }
    needing_look = Search(Session.objects.live(known), {"needs_look": True}, known.branches(reach.see))
    with planned_anew(sessions.db):
        found, number = listed(search, position), needing_look.count()
    context |= found | {"rows": rows(request, found["page"].rows, say_why="look" in wanted.criteria)}
    context |= {"needing_look": min(number, COUNTED), "counted": COUNTED}
    is_fragment = request.headers.get("HX-Target") == "list"
    template = "sessions/_list.html" if is_fragment else "sessions/list.html"
    return render(request, template, context)


@require_safe
@login_required
def session(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Show everything that is known of one session."""
    reach = reaches(request)
    live = Session.objects.live(fence(request)).within(reach.see).select_related("user", "account", "application")
    found = get_object_or_404(live, public_id=public_id)
    of_same = live.filter(user=found.user)
    others = shown(of_same.exclude(pk=found.pk))
    then, now = _seen(found)
    context = {
        "session": found,
        "others": others.order_by("-id")[:OTHERS],
        "number": of_same.within(reach.end).exclude(pk__in=[own_id(request)]).count(),
        "lines": origin_changes.lines(then, now),
        "country_now": _country_now(found),
        "changes": origin_changes.sentence(then, now),
        "hints": hints_on(found),
        "teaches": may_teach(request.user, reach, found),
        "records": login_records_of(found.user_id, reach.see, RECORDS, fence(request)),
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
        "records": login_records_of(request.user.pk, {"user": request.user.pk}, RECORDS, fence(request)),
        "own_id": own,
        "has_membership": Membership.objects.filter(user_id=request.user.pk).exists(),
    }
    return render(request, "sessions/mine.html", context)


def _seen(session: Session) -> tuple[Seen, Seen]:
    """Return what was seen of the session at its sign-in and when it was last active."""
    # In a named network the place is its name, also that of the last activity.
    still = session.network if session.last_location == session.network else ""
    then = Seen(session.ip or "", session.location, session.network, session.browser)
    return then, Seen(session.last_ip or "", session.last_location, still, session.last_browser)


def _country_now(session: Session) -> str:
    """Return the country of the last activity, "" where the place is the name of a network or not known."""
    if session.last_location == session.location:
        return session.country
    guess = geoip.locate(session.last_ip or "")
    return guess.country if guess.location == session.last_location else ""


def shown(sessions: SessionQuerySet) -> SessionQuerySet:
    """Load with each session what a row shows, and nothing else."""
    of_user = UNSHOWN_OF_USER.intersection(field.name for field in get_user_model()._meta.concrete_fields)
    unshown = *UNSHOWN, *(f"user__{name}" for name in of_user)
    return sessions.select_related("user", "account", "application").defer(*unshown)


def _terminate_all(request: SignedInRequest, wanted: SessionFilter) -> str:
    chosen = wanted.params.copy() if wanted.conditions else QueryDict("everything=1", mutable=True)
    chosen["back"] = request.get_full_path()
    return chosen.urlencode()
