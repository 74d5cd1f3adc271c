"""What the person behind a request reaches, and which session he is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

from .models import Fence
from .models.reaches import Reaches, reaches_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class SignedInRequest(HttpRequest):
    """A request behind login_required."""

    user: User


def reaches(request: HttpRequest) -> Reaches:
    """Return what the request's user may see and end now."""
    if not hasattr(request, "_reaches"):
        request._reaches = reaches_of(request.user)  # type: ignore[attr-defined]
    found: Reaches = request._reaches  # type: ignore[attr-defined]
    return found


def own_id(request: HttpRequest) -> int | None:
    """Return the id of the session that the request came with, where our engine carries it."""
    return getattr(request.session, "row_id", None)


def fence(request: HttpRequest) -> Fence | None:
    """Return the unfinished terminations as this request's own check has just found them."""
    return getattr(request.session, "fence", None)
