"""What the pickers suggest: people and accounts whose name begins with what was typed."""

from collections.abc import Iterable

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sessions_ui.access import SignedInRequest, fence, reaches
from sessions_ui.models import Account, Fence
from sessions_ui.models.reaches import accounts_administered, accounts_limited_by
from sessions_ui.saved_views import accounts_shared_with
from sessions_ui.suggestions import Suggestion, suggested, suggested_accounts


@require_safe
@login_required
def in_reach(request: SignedInRequest, what: str) -> HttpResponse:
    """Suggest accounts or users within reach."""
    found = suggested(what, _typed(request, what), reaches(request).see, fence(request) or Fence.read())
    return _options(request, found)


@require_safe
@login_required
def accounts_to_limit(request: SignedInRequest) -> HttpResponse:
    """Suggest accounts for which the person may set limits."""
    return _accounts(request, accounts_limited_by(request.user))


@require_safe
@login_required
def accounts_with_networks(request: SignedInRequest) -> HttpResponse:
    """Suggest accounts for which the person may name networks."""
    return _accounts(request, accounts_administered(reaches(request).end))


@require_safe
@login_required
def accounts_to_share_with(request: SignedInRequest) -> HttpResponse:
    """Suggest accounts with whose administrators the person may share a view."""
    return _accounts(request, accounts_shared_with(reaches(request)))


def _accounts(request: SignedInRequest, accounts: QuerySet[Account]) -> HttpResponse:
    return _options(request, suggested_accounts(_typed(request, "account"), accounts))


def _options(request: SignedInRequest, found: Iterable[Suggestion]) -> HttpResponse:
    return render(request, "sessions/_options.html", {"suggestions": found})


def _typed(request: SignedInRequest, what: str) -> str:
    return request.GET.get(what, "").strip()[:100].replace("\0", "")
