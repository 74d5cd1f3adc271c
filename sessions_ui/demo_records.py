"""What became of demo sign-ins: some have ended, each in one of the ways there are, and some have failed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, Value

from .models import Application, Session, SessionEvent, Termination
from .models.events import COPIED, REPLACED, record
from .models.reaches import ALL
from .models.search_text import search_text
from .naming import record_name, searchable_application
from .origin import Origin
from .selection import in_words
from .services import searchable_origin

Kind = SessionEvent.Kind
END_OF = {
    "signed out": (Kind.SIGNED_OUT, ""),
    "expired": (Kind.EXPIRED, ""),
    "replaced": (Kind.SIGNED_OUT, REPLACED),
}
LONGEST_DAY = timedelta(hours=12)
# One to nine hours, told apart by the id.
AFTER_SOME_HOURS = F("created_on") + ExpressionWrapper((F("id") % 9 + 1) * Value(timedelta(hours=1)), DurationField())
WAYS = ["signed out"] * 8 + ["expired"] * 5 + ["replaced"] * 2 + ["terminated"]
REASONS = ["INC-2214, laptop lost on a train", "Left the company", "INC-2231, sign-in from an unusual place"]
NOTES = ["Please sign in again and check your recovery address.", ""]
UNKNOWN = ["admin", "administrator", "root", "test", "info"]
UNKNOWN_SHARE = 0.3


def end(sessions: list[Session], by: Any, now: datetime, dice: Random) -> None:
    """End these sessions, each some time between its sign-in and now."""
    ways = [WAYS[number % len(WAYS)] for number in range(len(sessions))]
    dice.shuffle(ways)
    for way in sorted(set(ways)):
        ended = [session for session, its_way in zip(sessions, ways, strict=True) if its_way == way]
        if ended:
            _end(way, ended, by, now, dice)


def _end(way: str, sessions: list[Session], by: Any, now: datetime, dice: Random) -> None:
    newest = max(session.created_on for session in sessions)
    ended_on = newest + min(LONGEST_DAY, now - newest) * dice.uniform(0.1, 0.9)
    those = Session.objects.filter(pk__in=[session.pk for session in sessions])
    if way == "terminated":
        act = _terminated(sessions, by, ended_on, dice)
        record(those, Kind.TERMINATED, happened_on=ended_on, termination_id=act.pk, reason=act.reason)
    else:
        kind, reason = END_OF[way]
        today = now - LONGEST_DAY
        record(those.filter(created_on__lt=today), kind, happened_on=AFTER_SOME_HOURS, reason=reason)
        record(those.filter(created_on__gte=today), kind, happened_on=ended_on, reason=reason)
    those.delete()


def earlier(sign_in: SessionEvent, dice: Random) -> SessionEvent:
    """Return how the session of a sign-in of an earlier day ended, some hours after it."""
    way = dice.choice(["signed out", "expired"])
    kind, reason = END_OF[way]
    copied = {name: getattr(sign_in, name) for name in COPIED}
    after = LONGEST_DAY * dice.uniform(0.1, 0.9)
    labels = {"user_key": sign_in.user_key, "user_label": sign_in.user_label}
    return SessionEvent(**copied, **labels, kind=kind, reason=reason, happened_on=sign_in.happened_on + after)


def _terminated(sessions: list[Session], by: Any, ended_on: datetime, dice: Random) -> Termination:
    pks = [session.pk for session in sessions]
    return Termination.objects.create(
        actor=by,
        actor_label=record_name(by),
        conditions={"sessions": pks},
        reach=ALL,
        in_words=in_words(sessions),
        cut_off=max(pks),
        matched=len(pks),
        ended=len(pks),
        reason=dice.choice(REASONS),
        note=dice.choice(NOTES),
        created_on=ended_on,
        finished_on=ended_on,
    )


def failed(user: Any, application: Application, origin: Origin, happened_on: datetime, dice: Random) -> SessionEvent:
    """Return a sign-in that failed, mostly under the name of this user."""
    is_unknown = dice.random() < UNKNOWN_SHARE
    label = dice.choice(UNKNOWN) if is_unknown else user.get_username()
    parts = {"username": label, **searchable_application(application), **searchable_origin(origin)}
    return SessionEvent(
        kind=Kind.SIGN_IN_FAILED,
        happened_on=happened_on,
        user_key="" if is_unknown else str(user.pk),
        user_label=label,
        application_id=application.pk,
        application_label=application.name,
        search_text=search_text(parts),
        **asdict(origin),
    )
