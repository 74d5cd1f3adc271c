"""The overview of the list: by application, country, device, age and day, and on a map."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sessions_ui import overview as overviews
from sessions_ui.access import SignedInRequest, fence, reaches
from sessions_ui.filters import SessionFilter
from sessions_ui.listing import without_paging
from sessions_ui.map import HEIGHT, WIDTH
from sessions_ui.models import Fence
from sessions_ui.refusals import unreadable


@require_safe
@login_required
def overview(request: SignedInRequest) -> HttpResponse:
    """Show the overview of the sessions that the filter keeps: a page, and what htmx puts above the list."""
    known = fence(request) or Fence.read()
    wanted = SessionFilter(without_paging(request.GET), reaches(request).see)
    if not wanted.is_valid():
        return unreadable(request, wanted.problems)
    context = {"overview": overviews.overview(wanted, known), "filter": wanted, "width": WIDTH, "height": HEIGHT}
    template = "sessions/_overview.html" if request.headers.get("HX-Request") else "sessions/overview.html"
    return render(request, template, context)
