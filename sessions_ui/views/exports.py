"""Taking a list along as a file, and the record of who did."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.text import capfirst
from django.views.decorators.http import require_POST, require_safe

from sessions_ui.access import SignedInRequest, fence, own_id, reaches
from sessions_ui.exports import LOGIN_RECORDS, SESSIONS, BrokenOff, Sheet, TooManyExports, begin
from sessions_ui.filters import LoginRecordFilter, SessionFilter
from sessions_ui.listing import without_paging
from sessions_ui.models import Export, Fence
from sessions_ui.paging import Position, UnreadablePosition, page
from sessions_ui.refusals import too_many_exports, unreadable
from sessions_ui.sheet import download
from sessions_ui.suggestions import candidates
from sessions_ui.time_limit import TookTooLong


@require_POST
@login_required
def export_sessions(request: SignedInRequest) -> HttpResponseBase:
    """Answer with the live sessions within reach that the filter keeps, as CSV."""
    return _exported(request, SESSIONS, SessionFilter(without_paging(request.GET), reaches(request).see))


@require_POST
@login_required
def export_login_records(request: SignedInRequest) -> HttpResponseBase:
    """Answer with the login records within reach that the filter keeps, as CSV."""
    return _exported(request, LOGIN_RECORDS, LoginRecordFilter(without_paging(request.GET), reaches(request).see))


def _exported(request: SignedInRequest, sheet: Sheet, wanted: SessionFilter) -> HttpResponseBase:
    if not wanted.is_valid():
        return unreadable(request, wanted.problems, candidates(wanted, fence(request) or Fence.read()))
    try:
        file = begin(sheet, wanted, request.user, own_id(request))
    except TooManyExports as refusal:
        return too_many_exports(request, str(refusal), refusal.seconds)
    except TookTooLong:
        return render(request, "exports/refused.html", {"too_broad": True}, status=400)
    except BrokenOff as reason:
        return render(request, "exports/refused.html", {"reason": f"{capfirst(str(reason))}."}, status=400)
    return download(file, sheet.what)


@require_safe
@login_required
def exports(request: SignedInRequest) -> HttpResponse:
    """List who took what along, newest first."""
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    reach = reaches(request)
    visible = Export.objects.visible_to(request.user, reach.see)
    found = page(lambda bounds, order, most: list(visible.filter(bounds).order_by(order)[:most]), position)
    context = {"page": found, "position": position, "sees_all": reach.sees_all}
    return render(request, "exports/list.html", context)
