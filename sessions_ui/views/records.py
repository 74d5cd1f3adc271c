"""Login records: when and where people signed in or tried to, and what became of it."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from sessions_ui.access import SignedInRequest, fence, reaches
from sessions_ui.filters import LoginRecordFilter
from sessions_ui.listing import listed, without_paging
from sessions_ui.login_records import Outcome, with_outcomes
from sessions_ui.models import Application, Fence
from sessions_ui.models.reaches import ALL
from sessions_ui.paging import Position, UnreadablePosition
from sessions_ui.record_rows import record_rows
from sessions_ui.refusals import unreadable
from sessions_ui.suggestions import candidates
from sessions_ui.useragent import DEVICE_KINDS

UNSHOWN = ["user_agent", "ended_key", "search_text"]


@require_safe
@login_required
def login_records(request: SignedInRequest) -> HttpResponse:
    """List the login records within reach that the filter keeps."""
    reach, known = reaches(request).see, fence(request) or Fence.read()
    wanted = LoginRecordFilter(without_paging(request.GET), reach)
    applications = list(Application.objects.all())
    context = {
        "filter": wanted,
        "applications": applications,
        "device_kinds": DEVICE_KINDS,
        "outcomes": Outcome.choices,
        "sees_all": reach == ALL,
        "days": max(0, settings.LOGIN_RECORD_DAYS),
        "elsewhere": reverse("active-user-sessions"),
    }
    if not wanted.is_valid():
        told = {"problems": wanted.problems, "candidates": candidates(wanted, known)}
        return render(request, "records/list.html", context | told, status=400)
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    search = wanted.search(known)
    found = listed(replace(search, rows=search.rows.defer(*UNSHOWN)), position)
    records = with_outcomes(found["page"].rows, reach, known)
    context |= found | {"position": position, "rows": record_rows(request, records, applications)}
    is_fragment = request.headers.get("HX-Target") == "list"
    return render(request, "records/_list.html" if is_fragment else "records/list.html", context)
