"""What a termination would end, counted and sampled before anything happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from django.core import signing
from django.core.serializers.json import DjangoJSONEncoder
from django.db import router
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from . import sign_in_lock
from .geoip import country_name
from .models import Session, SessionQuerySet, Termination
from .models.conditions import any_of
from .models.scopes import Conditions, Reach, Scope, conditions_q, moving, reach_branches
from .search.narrow import narrowed, on_walk
from .search.plan import Search
from .time_limit import Answer, in_time

COUNTING_SECONDS = 2.0
SAMPLE_SECONDS = 2.0
TYPED_ABOVE = 100
# Up to so many are counted again before they end; more take longer to count than to end.
COUNTED_AGAIN = 1_000
MOST_BARS = 5
SALT = "sessions_ui.preview"
VALID_SECONDS = 3600

Bars = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Figures:
    """How many sessions, people, accounts and applications; and the sessions of each account, application, country."""

    sessions: int
    people: int
    accounts: int
    applications: int
    by_account: Bars
    by_application: Bars
    by_country: Bars


@dataclass(frozen=True, slots=True)
class Preview:
    """What was shown to the person who decides: he ends exactly this, or nothing."""

    conditions: Conditions
    in_words: str
    cut_off: int
    at: datetime
    newest_termination: int
    matched: int | None = None
    reach: Reach | None = None
    sessions: list[int] | None = None

    @classmethod
    def of(cls, conditions: Conditions, in_words: str) -> Self:
        """Fix the cut-off: sessions that begin after this moment are not meant."""
        using = router.db_for_write(Session)
        newest = Termination.objects.using(using).aggregate(newest=Max("id"))["newest"] or 0
        return cls(conditions, in_words, sign_in_lock.cut_off(using), timezone.now(), newest)

    def scope(self, reach: Reach, spared: int | None) -> Scope:
        return Scope(self.conditions, reach, self.cut_off, spared)

    def as_shown(self, scope: Scope) -> Scope:
        """Return the scope without what came into it since, or into the reach: few sessions are named one by one."""
        scope = replace(scope, reach=self._reach_of_both(scope.reach))
        if self.sessions is None:
            return scope
        still = {} if scope.stands else scope.conditions
        return replace(scope, conditions={**still, "sessions": self.sessions})

    def _reach_of_both(self, reach: Reach) -> Reach:
        """Return the part of somebody's reach of now that he had when this was shown."""
        if self.reach is None or "all" in self.reach:
            return reach
        if "all" in reach:
            return self.reach
        return {**reach, "accounts": [pk for pk in reach["accounts"] if pk in self.reach["accounts"]]}

    @property
    def moving(self) -> frozenset[str]:
        """The conditions that a session may cease to meet before its turn comes."""
        return moving(self.conditions)

    def need_not_be_counted_again(self, scope: Scope) -> bool:
        """Whether a number of now would say nothing: there is none to compare it with, or many cannot have grown."""
        if _as_json(scope.reach) != _as_json(self.reach):
            return False
        return self.matched is None or (self.matched > COUNTED_AGAIN and not scope.may_grow)

    def signed(self, actor_pk: Any, matched: int | None) -> str:
        """Return this as text that only this actor can hand in again."""
        fixed = [self.conditions, self.in_words, self.cut_off, self.at.isoformat(), self.newest_termination]
        said = [*fixed, matched, self.reach, self.sessions, str(actor_pk)]
        return signing.dumps(said, salt=SALT, compress=True, serializer=Serializer)

    @classmethod
    def read(cls, text: str, actor_pk: Any) -> Self | None:
        """Return the preview that was signed for this actor within the last hour, or None."""
        try:
            said = signing.loads(text, salt=SALT, max_age=VALID_SECONDS, serializer=Serializer)
            conditions, in_words, cut_off, at, newest, matched, reach, sessions, actor = said
        except (signing.BadSignature, ValueError):
            # An earlier version signed fewer values.
            return None
        if actor != str(actor_pk):
            return None
        return cls(conditions, in_words, cut_off, datetime.fromisoformat(at), newest, matched, reach, sessions)


def _as_json(value: Any) -> str:
    # The primary key of a user may be a UUID.
    return json.dumps(value, separators=(",", ":"), sort_keys=True, cls=DjangoJSONEncoder)


class Serializer(signing.JSONSerializer):
    def dumps(self, obj: Any) -> bytes:
        return _as_json(obj).encode()


def sessions_in(scope: Scope) -> SessionQuerySet:
    """Return the live sessions that a termination of this scope would end."""
    live = Session.objects.using(router.db_for_write(Session)).live()
    return narrowed(live.filter(scope.bounds), scope.conditions)


def _counted(ask: Callable[[], Answer]) -> Answer | None:
    # Also what narrows the sessions may take long: SQLite's index is asked for that.
    return in_time(COUNTING_SECONDS, router.db_for_write(Session), ask)


def is_only_of(scope: Scope, user_pk: Any) -> bool:
    """Return whether all sessions in the scope are of this user; False when looking takes too long."""
    return bool(_counted(lambda: not sessions_in(scope).exclude(user_id=user_pk).exists()))


def is_empty(scope: Scope) -> bool:
    """Return whether no session is left in the scope; False when looking takes too long."""
    return bool(_counted(lambda: not sessions_in(scope).exists()))


def sample(scope: Scope, most: int) -> list[Session]:
    """Return the newest sessions in the scope, with what a row shows; none when that takes too long."""
    live = Session.objects.using(router.db_for_write(Session)).live().filter(scope.bounds)
    search = Search(live.select_related("user", "account", "application"), scope.conditions)
    return in_time(SAMPLE_SECONDS, live.db, lambda: search.first(Q(), "-id", most)) or []


def count(scope: Scope, most: int | None = None) -> int | None:
    """Return the number of sessions in the scope, `most` at most, or None when counting takes too long."""
    return _counted(lambda: sessions_in(scope).order_by()[:most].count())  # noqa: PLW0108


def one_by_one(scope: Scope) -> list[int] | None:
    """Return the ids of the sessions in a scope that may grow; None where it cannot, and where they are many."""
    if not scope.may_grow:
        return None
    # One's own may be among them.
    most = COUNTED_AGAIN + 1
    ids = _counted(lambda: list(sessions_in(scope).order_by().values_list("id", flat=True)[: most + 1]))
    return None if ids is None or len(ids) > most else sorted(ids)


def figures(scope: Scope) -> Figures | None:
    """Return the figures of the scope, or None when counting takes too long."""
    return _counted(lambda: _figures(sessions_in(scope).order_by()))


def _figures(sessions: SessionQuerySet) -> Figures:
    totals = sessions.aggregate(
        sessions=Count("pk"),
        people=Count("user_id", distinct=True),
        accounts=Count("account_id", distinct=True),
        applications=Count("application_id", distinct=True),
    )
    countries = _by(sessions, "country", "country", "Unknown")
    return Figures(
        **totals,
        by_account=_by(sessions, "account_id", "account__name", "No account"),
        by_application=_by(sessions, "application_id", "application__name", "Unknown"),
        by_country=[(country_name(code), number) for code, number in countries],
    )


def _by(sessions: SessionQuerySet, column: str, name: str, nameless: str) -> Bars:
    counted = sessions.values(column).annotate(number=Count("pk")).order_by("-number", F(name).asc(nulls_last=True))
    bars = [(name or nameless, number) for name, number in counted.values_list(name, "number")]
    if len(bars) <= MOST_BARS:
        return bars
    others = bars[MOST_BARS - 1 :]
    return [*bars[: MOST_BARS - 1], (f"{len(others):,} others", sum(number for _, number in others))]


def begun_since(scope: Scope) -> int:
    """Return how many sessions meet the conditions but began after the preview; 0 when counting takes too long."""
    live = Session.objects.using(router.db_for_write(Session)).live().signed_in()
    within_reach = any_of(reach_branches(scope.reach, scope.cut_off))
    since = live.filter(on_walk(conditions_q(scope.conditions)), within_reach)
    return _counted(since.count) or 0
