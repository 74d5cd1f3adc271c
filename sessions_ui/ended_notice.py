"""What a browser whose session was terminated, or whose sign-in was refused, is told, once, on the sign-in page.

The answer that refuses it deletes the session cookie, so the event travels in a
signed cookie of its own, for one minute.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .models import SessionEvent, Termination
from .models.limits import PARALLEL

SALT = "sessions_ui.ended_notice"
SECONDS = 60
THE_OLDEST = "{}: it was the oldest one when you signed in somewhere else."


class EndedSession(NamedTuple):
    """When the session was ended, and what its people are told; the reason is for the record only."""

    ended_on: datetime
    note: str


def carry(response: HttpResponseBase, refused: SessionEvent) -> None:
    """Send the event along to the sign-in page."""
    response.set_cookie(
        cookie_name(),
        signing.dumps(str(refused.public_id), salt=SALT),
        max_age=SECONDS,
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def take(request: HttpRequest) -> EndedSession | None:
    """Return what this browser is to be told; from then on the cookie is used up."""
    refused = _carried(request, SessionEvent.Kind.REFUSED)
    if refused is None:
        return None
    if refused.termination_id is not None:
        termination = Termination.objects.get(pk=refused.termination_id)
        return EndedSession(termination.created_on, termination.note)
    ends = SessionEvent.objects.ends().filter(session_public_id=refused.session_public_id)
    ended = ends.filter(kind=SessionEvent.Kind.TERMINATED).first()
    note = THE_OLDEST.format(ended.reason) if ended and ended.reason.startswith(PARALLEL) else ""
    return EndedSession((ended or refused).happened_on, note)


def take_refusal(request: HttpRequest) -> str:
    """Return the limit of parallel sessions that has refused a sign-in in this browser; then the cookie is used up."""
    failed = _carried(request, SessionEvent.Kind.SIGN_IN_FAILED)
    return failed.reason if failed else ""


def _carried(request: HttpRequest, kind: SessionEvent.Kind) -> SessionEvent | None:
    text = request.COOKIES.get(cookie_name())
    if text is None:
        return None
    request.ended_notice_is_taken = True  # type: ignore[attr-defined]
    try:
        public_id = signing.loads(text, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        return None
    return SessionEvent.objects.filter(public_id=public_id, kind=kind).first()


def use_up(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie if the page that was just made has shown what it stands for."""
    if getattr(request, "ended_notice_is_taken", False):
        response.delete_cookie(
            cookie_name(), path=settings.SESSION_COOKIE_PATH, domain=settings.SESSION_COOKIE_DOMAIN, samesite="Lax"
        )


def cookie_name() -> str:
    return f"{settings.SESSION_COOKIE_NAME}-ended"
