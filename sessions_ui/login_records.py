"""Login records: who signed in or tried to, from where, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, TextChoices

from .models import Fence, Session, SessionEvent, Termination
from .models.events import SessionEventQuerySet, on_sign_ins
from .models.limits import expiry
from .models.scopes import Reach, reach_branches, reach_q

REPLACED = "Replaced by a new session in the same browser"
Kind = SessionEvent.Kind


class Outcome(TextChoices):
    """What became of a sign-in."""

    FAILED = "failed", "Failed"
    ACTIVE = "active", "Active"
    SIGNED_OUT = "signed-out", "Signed out"
    REPLACED = "replaced", "Replaced"
    EXPIRED = "expired", "Expired"
    TERMINATED = "terminated", "Terminated"


@dataclass(frozen=True, slots=True)
class LoginRecord:
    """A sign-in, and how it came out: no outcome where the session went and left no trace."""

    event: SessionEvent
    outcome: Outcome | None
    ended_on: datetime | None = None
    by: str = ""
    reason: str = ""
    termination: UUID | None = None


def within(reach: Reach, using: str | None = None) -> SessionEventQuerySet:
    """Return the login records within the reach: of a failed sign-in nobody knows the account."""
    return SessionEvent.objects.using(using).sign_ins().filter(on_sign_ins(reach_q(reach)))


def branches(reach: Reach) -> list[Q]:
    """Return the parts of the reach, each of which an index holds in the order of the ids."""
    return [on_sign_ins(branch) for branch in reach_branches(reach)]


def with_outcome(outcome: str, fence: Fence) -> Q:
    """Return the condition on login records that came out so."""
    if outcome == Outcome.FAILED:
        return Q(kind=Kind.SIGN_IN_FAILED)
    same = {"session_public_id": OuterRef("session_public_id")}
    if outcome == Outcome.ACTIVE:
        of_same = Session.objects.live(fence).filter(public_id=OuterRef("session_public_id"))
        return Q(Exists(of_same), kind=Kind.SIGNED_IN)
    ends = SessionEvent.objects.filter(**same)
    if outcome in (Outcome.EXPIRED, Outcome.TERMINATED):
        return Q(Exists(ends.filter(kind=outcome)), kind=Kind.SIGNED_IN)
    signed_out = ends.filter(kind=Kind.SIGNED_OUT)
    replaced = signed_out.filter(reason=REPLACED)
    of_kind = replaced if outcome == Outcome.REPLACED else signed_out.exclude(reason=REPLACED)
    return Q(Exists(of_kind), kind=Kind.SIGNED_IN)


def login_records_of(user_pk: Any, reach: Reach, most: int, fence: Fence | None = None) -> list[LoginRecord]:
    """Return the last sign-ins of the user within reach, newest first."""
    return with_outcomes(list(within(reach).filter(user_key=str(user_pk)).order_by("-id")[:most]), fence)


def with_outcomes(events: Sequence[SessionEvent], fence: Fence | None = None) -> list[LoginRecord]:
    """Return the login records of these sign-ins, in a few questions however many there are."""
    public_ids = [event.session_public_id for event in events if event.session_public_id]
    ends = {
        end.session_public_id: end
        for end in SessionEvent.objects.filter(session_public_id__in=public_ids, kind__in=SessionEvent.ENDS)
    }
    sessions = Session.objects.filter(public_id__in=public_ids)
    fence = fence or Fence.read()
    left = dict(sessions.annotate(expiry=expiry(fence.limits)).values_list("public_id", "expiry"))
    live = set(sessions.live(fence).values_list("public_id", flat=True)) if left else set()
    acts = Termination.objects.in_bulk({end.termination_id for end in ends.values() if end.termination_id})
    return [_record(event, ends.get(event.session_public_id or UUID(int=0)), acts, left, live) for event in events]


def _record(
    event: SessionEvent,
    end: SessionEvent | None,
    acts: dict[int, Termination],
    left: dict[UUID, str | None],
    live: set[UUID],
) -> LoginRecord:
    if event.kind == Kind.SIGN_IN_FAILED:
        return LoginRecord(event, Outcome.FAILED)
    if end is None:
        return _without_end(event, left, live)
    if end.kind == Kind.TERMINATED:
        act = acts.get(end.termination_id or 0)
        by, public_id = (act.actor_label or "the system", act.public_id) if act else ("the system", None)
        return LoginRecord(event, Outcome.TERMINATED, end.happened_on, by, end.reason, public_id)
    if end.kind == Kind.SIGNED_OUT and end.reason == REPLACED:
        return LoginRecord(event, Outcome.REPLACED, end.happened_on)
    outcome = Outcome.EXPIRED if end.kind == Kind.EXPIRED else Outcome.SIGNED_OUT
    return LoginRecord(event, outcome, end.happened_on, reason=end.reason)


def _without_end(event: SessionEvent, left: dict[UUID, str | None], live: set[UUID]) -> LoginRecord:
    """Return the record of a sign-in whose end is not written down: it lives, or its row is still to be removed."""
    public_id: Any = event.session_public_id
    if public_id in live:
        return LoginRecord(event, Outcome.ACTIVE)
    if public_id not in left:
        return LoginRecord(event, None)
    reason = left[public_id]
    return LoginRecord(event, Outcome.TERMINATED if reason is None else Outcome.EXPIRED, reason=reason or "")
