"""What a browser whose session was terminated is told, once, on the sign-in page.

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

SALT = "sessions_ui.ended_notice"
SECONDS = 60


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
    text = request.COOKIES.get(cookie_name())
    if text is None:
        return None
    request.ended_notice_is_taken = True  # type: ignore[attr-defined]
    try:
        public_id = signing.loads(text, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        return None
    refused = SessionEvent.objects.filter(public_id=public_id, kind=SessionEvent.Kind.REFUSED).first()
    if refused is None:
        return None
    if refused.termination_id is not None:
        termination = Termination.objects.get(pk=refused.termination_id)
        return EndedSession(termination.created_on, termination.note)
    of_session = SessionEvent.objects.filter(session_public_id=refused.session_public_id)
    ended = of_session.filter(kind=SessionEvent.Kind.TERMINATED).first()
    return EndedSession((ended or refused).happened_on, "")


def use_up(request: HttpRequest, response: HttpResponseBase) -> None:
    """Delete the cookie if the page that was just made has shown what it stands for."""
    if getattr(request, "ended_notice_is_taken", False):
        response.delete_cookie(
            cookie_name(), path=settings.SESSION_COOKIE_PATH, domain=settings.SESSION_COOKIE_DOMAIN, samesite="Lax"
        )


def cookie_name() -> str:
    return f"{settings.SESSION_COOKIE_NAME}-ended"
