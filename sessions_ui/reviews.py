"""Access reviews: sessions that somebody looks through, keeping or ending each, and signs.

Source: OWASP ASVS 5.0, 7.1.2, 7.4.5 and 7.5.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import router, transaction
from django.db.models.functions import Now
from django.utils import timezone

from . import exports, preview, services, sign_in_lock
from .filters import SessionFilter
from .geoip import country_name
from .models import Export, Review, ReviewedSession, Session
from .models.reaches import Reaches
from .models.reviews import SignedReview
from .models.scopes import Scope
from .naming import record_name
from .sheet import BOM, Cell, lines

MOST = 1_000
LONGEST_LABEL = 254
DORMANT = timedelta(days=30)
ASVS = {
    "7.1.2": "how many sessions one person has at once was looked at",
    "7.4.5": "administrators see the sessions of all users and end them",
    "7.5.2": "active sessions are viewed and ended",
}
Decision = ReviewedSession.Decision


class CannotReview(Exception):
    """The review cannot be begun or signed as it is; its text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of the decisions on some sessions."""

    kept: int = 0
    ended: int = 0
    gone: int = 0
    stays: int = 0


def scope_of(wanted: SessionFilter) -> Scope:
    """Return what a review that begins now would hold: sessions that begin later are not in it."""
    cut_off = sign_in_lock.cut_off(router.db_for_write(Session))
    return Scope(wanted.conditions or {"everything": True}, wanted.reach, cut_off)


def number_in(scope: Scope) -> int:
    """Return how many sessions a review of this scope holds; raises CannotReview where they are none or too many."""
    number = preview.count(scope, most=MOST + 1)
    if number is None or number > MOST:
        raise CannotReview(f"A review holds {MOST:,} sessions at most, and more match. Narrow the filter.")
    if not number:
        raise CannotReview("No session matches, so there is nothing to review.")
    return number


def begin(wanted: SessionFilter, by: Any) -> Review:
    """Store a review of all live sessions that the filter keeps now, what needs a look first; raises CannotReview."""
    scope = scope_of(wanted)
    number_in(scope)
    sessions = preview.sessions_in(scope).select_related("user", "account", "application")
    sessions = sessions.defer("session_data", "key_digest", "key_digest_rest", "search_text", "user_agent")
    with transaction.atomic(sessions.db):
        review = Review.objects.create(
            reviewer_id=by.pk,
            reviewer_label=record_name(by)[:LONGEST_LABEL],
            conditions=dict(scope.conditions),
            reach=dict(scope.reach),
            cut_off=scope.cut_off,
            in_words=f"Every session {wanted.in_words}".rstrip(),
        )
        rows = [_as_it_was(review, session) for session in sessions[:MOST]]
        rows.sort(key=lambda row: (not row.look, row.last_active_on, row.session_id))
        ReviewedSession.objects.bulk_create(rows, batch_size=500)
    return review


def _as_it_was(review: Review, session: Session) -> ReviewedSession:
    origin = ["ip", "country", "location", "network", "device", "device_kind", "browser", "os"]
    return ReviewedSession(
        review=review,
        session_id=session.pk,
        session_public_id=session.public_id,
        user_key=str(session.user_id),
        user_label=record_name(session.user)[:LONGEST_LABEL],
        account_id=session.account_id,
        account_label=session.account.name if session.account else "",
        application_label=session.application.name,
        created_on=session.created_on,
        last_active_on=session.last_active_on,
        look=look_at(session),
        **{name: getattr(session, name) for name in origin},
    )


def look_at(session: Session) -> str:
    """Return why the session needs a look, in sentences; nothing where nothing stands out."""
    said = [hint["said"] for hint in session.standing_hints]
    idle = timezone.now() - session.last_active_on
    if idle >= DORMANT:
        said.append(f"Not active for {idle.days} days.")
    return " ".join(said)


def decide(review: Review, decisions: dict[int, str], by: Any, reaches: Reaches, own: int | None) -> Decided:
    """Keep or end the sessions of a review, in one transaction; raises SignedReview.

    The decisions are by the ids of its rows. What one may not end stays undecided, and so do one's own
    sessions: those are ended under My sessions, which asks for the password (ASVS 7.5.2).
    """
    using = router.db_for_write(Session)
    with transaction.atomic(using):
        _lock(review)
        rows = list(review.sessions.open().filter(pk__in=decisions))
        live = _live(rows)
        of_others = [row for row in rows if row.user_key != str(by.pk)]
        to_end = {row.session_id for row in of_others if decisions[row.pk] == Decision.ENDED}
        of_his = Session.objects.using(using).live().within(reaches.end).filter(pk__in=to_end & live)
        ended = set(of_his.values_list("pk", flat=True))
        termination = None
        if ended:
            scope = Scope({"sessions": sorted(ended)}, reaches.end, review.cut_off, own)
            said = f"{len(ended)} session{'' if len(ended) == 1 else 's'} of an access review: {review.in_words}"
            reason = f"Access review of {review.begun_on:%Y-%m-%d}"
            termination = services.terminate(scope, by, reason=reason, in_words=said, matched=len(ended))
        groups: dict[str, list[int]] = {Decision.KEPT: [], Decision.ENDED: [], Decision.GONE: [], "": []}
        for row in rows:
            groups[_outcome(row, decisions[row.pk], live, ended)].append(row.pk)
        signature = {"decided_by": record_name(by)[:LONGEST_LABEL], "decided_on": Now()}
        for decision in (Decision.KEPT, Decision.GONE):
            ReviewedSession.objects.filter(pk__in=groups[decision]).update(decision=decision, **signature)
        ReviewedSession.objects.filter(pk__in=groups[Decision.ENDED]).update(
            decision=Decision.ENDED, termination_id=termination and termination.pk, **signature
        )
    return Decided(*(len(groups[name]) for name in (Decision.KEPT, Decision.ENDED, Decision.GONE, "")))


def _outcome(row: ReviewedSession, decision: str, live: set[int], ended: set[int]) -> str:
    if row.session_id not in live:
        return Decision.GONE
    if decision == Decision.KEPT:
        return Decision.KEPT
    return Decision.ENDED if row.session_id in ended else ""


def note_gone(review: Review) -> int:
    """Write down which undecided sessions have ended by themselves or by others, and return how many."""
    with transaction.atomic(router.db_for_write(Session)):
        _lock(review)
        rows = list(review.sessions.filter(decision=Decision.UNDECIDED))
        live = _live(rows)
        gone = [row.pk for row in rows if row.session_id not in live]
        return ReviewedSession.objects.filter(pk__in=gone).update(decision=Decision.GONE, decided_on=Now())


def sign(review: Review, note: str, *, undecided: bool) -> None:
    """Sign the review: from then on nothing in it changes.

    Raises SignedReview, and CannotReview where sessions are undecided and that was not said.
    """
    with transaction.atomic(router.db_for_write(Session)):
        note_gone(review)
        left = review.sessions.filter(decision=Decision.UNDECIDED).count()
        if left and not undecided:
            are = " is" if left == 1 else "s are"
            raise CannotReview(f"{left} session{are} undecided. Decide on them, or tick that they stay so.")
        Review.objects.filter(pk=review.pk).update(note=note, signed_on=Now())


def _lock(review: Review) -> None:
    """Hold the review until the end of the transaction; raises SignedReview."""
    if not Review.objects.select_for_update().filter(pk=review.pk, signed_on=None).exists():
        raise SignedReview


def _live(rows: Iterable[ReviewedSession]) -> set[int]:
    ids = [row.session_id for row in rows]
    live = Session.objects.using(router.db_for_write(Session)).live()
    return set(live.filter(pk__in=ids).values_list("pk", flat=True))


COLUMNS = [
    *("Decision", "Decided by", "Decided on (UTC)", "Needs a look", "User", "Account", "Application"),
    *("IP", "Country", "Country name", "Location", "Device", "Browser", "System"),
    *("Created On (UTC)", "Last active (UTC)", "Session"),
]


def as_file(review: Any, by: Any) -> Iterator[bytes]:
    """Return the review, numbered, as CSV: what it is, then its sessions. Raises exports.TooManyExports."""
    export = exports.written_down(
        Export.What.REVIEW, f"Review: {review.in_words}", by, conditions={}, reach=dict(review.reach)
    )
    rows = list(review.sessions.all())
    text = BOM + lines([*_head(review), [], COLUMNS, *map(_cells, rows)])
    exports.finish(export, len(rows))
    return iter([text.encode()])


def _head(review: Any) -> list[list[Cell]]:
    numbers = [f"{getattr(review, name)} {label.lower()}" for name, label in Decision.choices]
    return [
        ["Access review", review.in_words],
        ["Reviewed by", review.reviewer_label],
        ["Begun (UTC)", review.begun_on],
        ["Signed (UTC)", review.signed_on or "Not signed"],
        ["Sessions", f"{review.number} of {review.people} people: {', '.join(numbers)}"],
        ["Note", review.note],
        *(["OWASP ASVS 5.0", f"{number}: {said}"] for number, said in ASVS.items()),
    ]


def _cells(row: ReviewedSession) -> list[Cell]:
    return [
        *(row.get_decision_display(), row.decided_by, row.decided_on, row.look),
        *(row.user_label, row.account_label, row.application_label),
        *(row.ip, row.country, country_name(row.country), row.location, row.device, row.browser, row.os),
        *(row.created_on, row.last_active_on, str(row.session_public_id)),
    ]
