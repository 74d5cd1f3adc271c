"""The password once more, before somebody ends his own sessions (ASVS 7.5.2, R080).

Whoever has found an open browser, or stolen a session, could otherwise sign its owner out everywhere else and be
alone. The sign-in is the first proof and holds for GRACE, by the database's clock; each further one gives the
session a new key (R004). Who ends sessions of others, as an administrator, is not asked. Neither is a person
without a usable password, who signs in by other means: there is nothing that he could give, and he must not be
unable to end the session of a lost phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import router
from django.db.models import Q
from django.db.models.functions import Now

from . import preview
from .access import SignedInRequest, own_id
from .models import Session
from .models.scopes import Scope
from .sign_in_delay import begin_attempt, clear, person_and_origin

GRACE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a password was not taken, and for how many seconds none is looked at."""

    sentence: str
    seconds: int = 0


def is_asked(request: SignedInRequest, scope: Scope) -> bool:
    """Return whether this person must give the password before he ends what is in this scope."""
    if not request.user.has_usable_password() or _is_recent(own_id(request)):
        return False
    return preview.is_only_of(scope, request.user.pk)


def refusal(request: SignedInRequest, password: str) -> Refusal | None:
    """Take the password as proof and return None, or return why not; wrong ones count as those of sign-ins do."""
    if not password:
        return Refusal("Enter your password: you gave it last more than five minutes ago. Nothing was terminated.")
    whose = person_and_origin(request, request.user.get_username())
    if seconds := begin_attempt(whose):
        wait = f"{seconds} second{'' if seconds == 1 else 's'}"
        return Refusal(f"Too many wrong passwords. Try again in {wait}; nothing was terminated.", seconds)
    if not request.user.check_password(password):
        return Refusal("This is not your password. Nothing was terminated.")
    clear(whose)
    request.session.note_proof()  # type: ignore[attr-defined]
    return None


def _is_recent(session_id: int | None) -> bool:
    since = Now() - GRACE
    recent = Q(created_on__gt=since) | Q(proven_on__gt=since)
    return Session.objects.using(router.db_for_write(Session)).filter(recent, pk__in=[session_id]).exists()
