"""Login records: who signed in or tried to, from where, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, TextChoices
from django.db.models.functions import Cast

from .models import Fence, Session, SessionEvent, Termination
from .models.conditions import any_of
from .models.events import REPLACED, SessionEventQuerySet, on_sign_ins
from .models.limits import expiry
from .models.reaches import ALL, users_within
from .models.scopes import Reach, reach_branches, reach_q

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
    termination: UUID | None = None  # where the reader may open its page


def within(reach: Reach) -> SessionEventQuerySet:
    """Return the login records within the reach.

    Nobody knows the account of a sign-in that failed: it is seen by those who see all, and by the user of that name.
    """
    return SessionEvent.objects.sign_ins().filter(on_sign_ins(reach_q(reach)))


def branches(reach: Reach) -> list[Q]:
    """Return the parts of the reach, each of which an index holds in the order of the ids."""
    return [on_sign_ins(branch) for branch in reach_branches(reach)]


def people_within(reach: Reach) -> QuerySet[Any]:
    """Return the users that may be named: those of users_within(), and whoever has a record within the reach."""
    if reach == ALL:
        return users_within(reach)
    of_one = {"user_key": Cast(OuterRef("pk"), CharField(max_length=64)), "account_id__in": reach["accounts"]}
    named = Exists(SessionEvent.objects.sign_ins().filter(**of_one))
    return get_user_model()._default_manager.filter(Q(pk__in=users_within(reach).values("pk")) | named)


def came_out(outcome: str, fence: Fence) -> list[QuerySet[Any]]:
    """Return what tells that a sign-in which did not fail came out so: events that ended sessions, or the sessions."""
    ends, sessions = SessionEvent.objects.ends(), Session.objects.signed_in()
    if outcome == Outcome.ACTIVE:
        return [sessions.live(fence)]
    left = sessions.annotate(expiry=expiry(fence.limits))
    if outcome == Outcome.EXPIRED:
        # The worker comes once a minute.
        return [ends.filter(kind=Kind.EXPIRED), left.filter(expiry__isnull=False)]
    if outcome == Outcome.TERMINATED:
        covered = [] if fence.covered is None else [left.filter(fence.covered, expiry__isnull=True)]
        return [ends.filter(kind=Kind.TERMINATED), *covered]
    if outcome == Outcome.REPLACED:
        # Not as one of the ends: SQLite would take the index of these, and look for the reason.
        return [SessionEvent.objects.filter(kind=Kind.SIGNED_OUT, reason=REPLACED)]
    return [ends.filter(kind=Kind.SIGNED_OUT).exclude(reason=REPLACED)]


def public_id_in(told: QuerySet[Any]) -> str:
    """Return the column that holds the public id of the session."""
    return "public_id" if told.model is Session else "session_public_id"


def with_outcome(outcome: str, fence: Fence) -> Q:
    """Return the condition on the login records of sessions that came out so."""
    of_same = (told.filter(**{public_id_in(told): OuterRef("session_public_id")}) for told in came_out(outcome, fence))
    return any_of(Q(Exists(one)) for one in of_same)


def login_records_of(user_pk: Any, reach: Reach, most: int, fence: Fence | None = None) -> list[LoginRecord]:
    """Return the last sign-ins of the user within reach, newest first."""
    events = within(reach).filter(user_key=str(user_pk)).order_by("-id")
    return with_outcomes(list(events[:most]), reach, fence or Fence.read())


def with_outcomes(events: Sequence[SessionEvent], reach: Reach, fence: Fence) -> list[LoginRecord]:
    """Return the login records of these sign-ins, in a few questions however many there are."""
    public_ids = [event.session_public_id for event in events if event.session_public_id]
    sessions = Session.objects.filter(public_id__in=public_ids)
    left = dict(sessions.annotate(expiry=expiry(fence.limits)).values_list("public_id", "expiry"))
    covered = _covered(sessions, fence) if left and fence.covered is not None else {}
    # After the sessions: what ends meanwhile is seen twice, and not missed.
    ended = SessionEvent.objects.ends().filter(session_public_id__in=public_ids)
    ends = {end.session_public_id: end for end in ended}
    acts = Termination.objects.in_bulk({end.termination_id for end in ends.values() if end.termination_id})
    return [
        _ended(event, ends[event.session_public_id], acts, reach)
        if event.session_public_id in ends
        else _without_end(event, left, covered, reach)
        for event in events
    ]


def _covered(sessions: QuerySet[Session], fence: Fence) -> dict[UUID, Termination]:
    """Return the termination that each of the sessions belongs to and will be ended by: the oldest that covers it."""
    covered: dict[UUID, Termination] = {}
    for termination in Termination.objects.filter(public_id__in=fence.known).order_by("-id"):
        if termination.scope.stands:
            public_ids: Iterable[UUID] = sessions.filter(termination.scope.q()).values_list("public_id", flat=True)
            covered |= dict.fromkeys(public_ids, termination)
    return covered


def _ended(event: SessionEvent, end: SessionEvent, acts: dict[int, Termination], reach: Reach) -> LoginRecord:
    if end.kind == Kind.TERMINATED:
        return _terminated(event, end.happened_on, end.reason, acts.get(end.termination_id or 0), reach)
    if end.kind == Kind.EXPIRED:
        return LoginRecord(event, Outcome.EXPIRED, end.happened_on, reason=end.reason)
    if end.reason == REPLACED:
        return LoginRecord(event, Outcome.REPLACED, end.happened_on)
    return LoginRecord(event, Outcome.SIGNED_OUT, end.happened_on, reason=end.reason)


def _without_end(
    event: SessionEvent, left: dict[UUID, str | None], covered: dict[UUID, Termination], reach: Reach
) -> LoginRecord:
    """Return the record of a sign-in whose end is not written down: it failed or lives, or its row is yet to go."""
    public_id: Any = event.session_public_id
    if event.kind == Kind.SIGN_IN_FAILED:
        return LoginRecord(event, Outcome.FAILED)
    if public_id not in left:
        return LoginRecord(event, None)
    if (reason := left[public_id]) is not None:
        return LoginRecord(event, Outcome.EXPIRED, reason=reason)
    if act := covered.get(public_id):
        return _terminated(event, act.created_on, act.reason, act, reach)
    return LoginRecord(event, Outcome.ACTIVE)


def _terminated(
    event: SessionEvent, ended_on: datetime, reason: str, act: Termination | None, reach: Reach
) -> LoginRecord:
    """Return the record of a sign-in that was ended, by whom and why.

    The reason is for the record, and not for who was signed out: he is told that it was an administrator.
    """
    is_own = act is not None and act.actor_id is not None and act.actor_id == reach.get("user")
    by = act.actor_label if act else ""
    if not (reach == ALL or is_own or event.account_id in reach.get("accounts", [])):
        by, reason = by and "an administrator", ""
    opened = act.public_id if act and (is_own or reach == ALL) else None
    return LoginRecord(event, Outcome.TERMINATED, ended_on, by or "the system", reason, opened)
