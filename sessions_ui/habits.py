"""The hints on sessions: made from what is on record of a person, and quieted by who says that they are expected.

Somebody is compared with himself in one account only: a hint quotes what it compared with, and whoever
administers the account reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, cast

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.db.models import CharField, QuerySet, Subquery
from django.db.models.functions import Now

from . import geoip
from .hints import LABELS, MANY, MOST, Hint, Seen, of_sign_in, of_touch
from .models import Expected, Session, SessionEvent, SessionQuerySet
from .models.reaches import Reaches
from .models.statements import Select, Slot
from .naming import record_name
from .origin import Origin

# Nobody looks through more sessions of one person than this.
COUNTED = 1_000
SEEN = ["ip", "country", "location", "network", "device", "browser", "os"]


def at_sign_in(user_pk: Any, account_id: int | None, origin: Origin, using: str) -> dict[str, Any]:
    """Return the columns of a new session that say what is unusual about this sign-in."""
    earlier, is_crowded = _earlier(user_pk, account_id, using)
    if not earlier:
        return {}
    live = _live(user_pk, using).count(account_id) + 1 if is_crowded else 0
    return _columns(user_pk, account_id, using, of_sign_in(_seen(origin), earlier, live))


def at_touch(session: Session, origin: Origin, using: str) -> dict[str, Any]:
    """Return the columns of a session whose origin has changed that say what is unusual about that.

    A hint that it has already, of that kind from that network, stays as it is.
    """
    begun = Seen(session.created_on, *(getattr(session, name) or "" for name in SEEN))
    place = geoip.locate(session.last_ip or "")
    # The name of a network, which is no guess, is what the last location is called instead.
    named = session.last_location if session.last_location != place.location else ""
    last = Seen(
        session.last_active_on,
        session.last_ip or "",
        place.country,
        session.last_location,
        named,
        session.device,
        session.last_browser,
    )
    earlier, _ = _earlier(session.user_id, session.account_id, using)
    found = of_touch(_seen(origin), last, begun, earlier)
    had = session.hints or []
    known = {(one["kind"], one["network"]) for one in had}
    fresh = [hint for hint in found if (hint.kind, hint.network) not in known]
    return _columns(session.user_id, session.account_id, using, fresh, had) if fresh else {}


def _seen(origin: Origin) -> Seen:
    return Seen(datetime.now(UTC), *(getattr(origin, name) or "" for name in SEEN))


def _of(user_pk: Any, using: str) -> SessionQuerySet:
    return Session.objects.using(using).filter(user_id=user_pk, expire_date__gt=Now()).order_by("-id")


def _earlier(user_pk: Any, account_id: int | None, using: str) -> tuple[list[Seen], bool]:
    """Return those of the last sign-ins of the person that were in this account, and whether he has many sessions.

    Sorted out here: whoever signs in everywhere has a long history, and an account may have a million sessions.
    """
    rows = _select_earlier(using).rows(user_key=str(user_pk), user=user_pk)
    earlier = [Seen(when, ip or "", *texts) for _, within, when, ip, *texts in rows if within == account_id]
    return earlier, bool(rows and rows[0][0])


def _live(user_pk: Any, using: str) -> list[int | None]:
    """Return the account of each session of the person."""
    return [within for (within,) in _select_live(using).rows(user=user_pk)]


@cache
def _select_earlier(using: str) -> Select:
    many = Subquery(_of(Slot("user"), using).values("id")[MANY - 2 : MANY - 1])
    events = SessionEvent.objects.using(using).filter(user_key=Slot("user_key", CharField()))
    sign_ins = events.filter(kind=SessionEvent.Kind.SIGNED_IN).order_by("-id")
    return Select(sign_ins.annotate(many=many).values_list("many", "account_id", "happened_on", *SEEN)[:MOST])


@cache
def _select_live(using: str) -> Select:
    return Select(_of(Slot("user"), using).values_list("account_id")[:COUNTED])


def _columns(
    user_pk: Any, account_id: int | None, using: str, found: Iterable[Hint], had: Iterable[dict[str, Any]] = ()
) -> dict[str, Any]:
    stored = [*had, *(asdict(hint) for hint in found)]
    if not stored:
        return {}
    expected = set(_standing(user_pk, account_id, using).values_list("kind", "network"))
    return _with_expected(stored, expected)


def _with_expected(stored: list[dict[str, Any]], expected: set[tuple[str, str]]) -> dict[str, Any]:
    hints = [one | {"expected": (one["kind"], one["network"]) in expected} for one in stored]
    return {"hints": hints, "needs_look": not all(one["expected"] for one in hints)}


def _words(user_pk: Any, account_id: Any, using: str) -> QuerySet[Expected]:
    return Expected.objects.using(using).filter(user_id=user_pk, account_id=account_id)


def _standing(user_pk: Any, account_id: Any, using: str) -> QuerySet[Expected]:
    return _words(user_pk, account_id, using).filter(taken_back_on=None)


class HintShown(NamedTuple):
    """A hint as the session's page shows it, with who called it expected, the last word first."""

    kind: str
    label: str
    said: str
    network: str
    words: list[Expected]

    @property
    def standing(self) -> Expected | None:
        """The word by which it is expected now."""
        return next((word for word in self.words if word.taken_back_on is None), None)


def hints_on(session: Session) -> list[HintShown]:
    """Return the hints of the session, all of them."""
    if not session.hints:
        return []
    words = list(_words(session.user_id, session.account_id, router.db_for_read(Expected)))
    return [
        HintShown(
            one["kind"],
            LABELS.get(one["kind"], "Unusual"),
            one["said"],
            one["network"],
            [word for word in words if (word.kind, word.network) == (one["kind"], one["network"])],
        )
        for one in session.hints
    ]


def may_teach(by: AbstractBaseUser, reach: Reaches, session: Session) -> bool:
    """Whether somebody's word on the session counts: not on his own, or a thief would call himself expected."""
    return session.user_id != by.pk and reach.may_end(session)


def expect(session: Session, kind: str, by: AbstractBaseUser) -> Expected | None:
    """Write down that hints of this kind are expected of the person from the network of the session's hint.

    Returns None where the session has no such hint that still stands.
    """
    hint = next((one for one in session.standing_hints if one["kind"] == kind), None)
    if hint is None:
        return None
    with transaction.atomic(router.db_for_write(Session)):
        word = Expected.objects.create(
            user_id=cast(Any, session.user_id),
            account_id=session.account_id,
            kind=kind,
            network=hint["network"],
            said=hint["said"],
            session_public_id=session.public_id,
            actor_label=record_name(by),
        )
        _look_again(session)
    return word


def take_back(session: Session, word_pk: int, by: AbstractBaseUser) -> bool:
    """Let hints of that kind stand again; return whether there was such a word."""
    using = router.db_for_write(Session)
    with transaction.atomic(using):
        standing = _standing(session.user_id, session.account_id, using).filter(pk=word_pk)
        taken = standing.update(taken_back_on=Now(), taken_back_label=record_name(by))
        if taken:
            _look_again(session)
    return bool(taken)


def _look_again(session: Session) -> None:
    """Say of each session of the person in this account which of its hints are expected now."""
    using = router.db_for_write(Session)
    expected = set(_standing(session.user_id, session.account_id, using).values_list("kind", "network"))
    of_account: Any = {"account_id": session.account_id}
    with_hints = _of(session.user_id, using).filter(hints__isnull=False, **of_account)
    newest = list(with_hints.values_list("id", flat=True)[:COUNTED])
    # In the order in which everybody locks sessions, or two could wait for each other.
    locked = Session.objects.using(using).filter(pk__in=newest).select_for_update(no_key=True)
    for one in locked.only("hints").order_by("id"):
        columns = _with_expected(one.hints or [], expected)
        Session.objects.using(using).filter(pk=one.pk).update(**columns)
