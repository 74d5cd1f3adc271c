"""How login records are found by what became of them, at a cost that no table is too large for.

A record never changes, so what became of it stands elsewhere: in the event that ended the session, or in the session
itself. Only few records are asked for their outcome one by one. Where there may be many, what tells of the outcome is
walked instead, in the order of the sessions' ids: a rare outcome is found without a look at the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.models import OuterRef, Q, QuerySet, Subquery

from sessions_ui.login_records import came_out, public_id_in, with_outcome
from sessions_ui.models import Fence, Session, SessionEvent
from sessions_ui.models.conditions import any_of
from sessions_ui.models.events import on_events
from sessions_ui.models.scopes import Reach, conditions_q, reach_branches
from sessions_ui.paging import COUNTED, first_of
from sessions_ui.time_limit import in_time

from .narrow import on_walk
from .plan import IN_ORDER, Search

# So many records are asked for their outcome; more take longer than to walk what tells of it.
FEW = 4_000
# What the search index does not find within this time is held by so many that a walk soon meets it.
INDEX_SECONDS = 0.1

Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class OutcomeSearch(Search[SessionEvent]):
    """The login records of sessions that came out so, in the order of the ids of their sessions."""

    outcome: str
    fence: Fence
    reach: Reach  # that of the branches
    # Where the index was too slow for the page, it is not asked for the number.
    too_slow: list[bool] = field(default_factory=list)

    @property
    def may_take_long(self) -> bool:
        return True

    def place_of(self, row: SessionEvent) -> int:
        return row.session_id or 0

    @property
    def _window(self) -> int:
        return FEW

    def first(self, bounds: Q, order: str, most: int, *, by_index: bool = True) -> list[SessionEvent]:
        asked = self._asked.filter(on_events(bounds)).order_by(order.replace("id", "session_id"))
        if (few := self._few()) is not None:
            return list(asked.filter(few)[:most])
        if by_index and (at_once := self._in_time(lambda: list(self._found_by_index(asked)[:most]))) is not None:
            return at_once
        # The sessions before the events: what ends meanwhile is found twice, and not missed.
        told = reversed(came_out(self.outcome, self.fence))
        found = {found for one in told for found in self._told(one, bounds, order, most)}
        first = sorted(found, reverse=order == "-id")[:most]
        rows = self.rows.in_bulk([pk for _, pk in first])
        left = [rows[pk] for _, pk in first if pk in rows]
        if len(left) == len(first) or len(first) < most:
            return left
        # Old records have gone meanwhile. A page that is not full would be taken for the last.
        last, _ = first[-1]
        beyond = Q(id__gt=last) if order == "id" else Q(id__lt=last)
        return left + self.first(bounds & beyond, order, most - len(left), by_index=by_index)

    def count(self, shown: Sequence[SessionEvent] = ()) -> int:
        if (few := self._few()) is not None:
            return self._asked.filter(few).order_by()[: COUNTED + 1].count()
        number = self._in_time(lambda: int(self._found_by_index(self._asked).order_by()[: COUNTED + 1].count()))
        if number is not None:
            return number
        told = came_out(self.outcome, self.fence)
        return sum(self._walked(one, Q(), "-id", COUNTED + 1).count() for one in told)

    @property
    def _asked(self) -> QuerySet[SessionEvent]:
        return self.rows.filter(with_outcome(self.outcome, self.fence))

    def _few(self) -> Q | None:
        """Return the condition on the records where they are so few that each can be asked, else None."""
        if self._last_of_window(Q(), "-id") is not None:
            return None
        records = self.index.rows(self.rows.db).filter(self.in_order).order_by("-id")
        sought = on_walk(self._meeting(self.sought)) if self.sought else Q()
        return sought & Q(pk__in=first_of(records, self.branches, FEW).values("pk"))

    def _in_time(self, by_index: Callable[[], Found]) -> Found | None:
        """Return what the index finds; None where nothing is sought, or it is too slow."""
        if not self.sought or self.too_slow:
            return None
        found = in_time(INDEX_SECONDS, self.rows.db, by_index)
        if found is None:
            self.too_slow.append(True)
        return found

    def _found_by_index(self, records: QuerySet[SessionEvent]) -> Any:
        within = records.filter(self.in_order, any_of(self.branches))
        match = self._match
        return (
            self._joined(within.filter(self._meeting(self.sought)), match) if match else within.filter(self._on_index)
        )

    def _told(self, told: QuerySet[Any], bounds: Q, order: str, most: int) -> list[tuple[int, int]]:
        """Return the ids of the first sessions of which this tells, each with the id of its record."""
        place = "pk" if told.model is Session else "session_id"
        return list(self._walked(told, bounds, order, most).values_list(place, "record"))

    def _walked(self, told: QuerySet[Any], bounds: Q, order: str, most: int) -> QuerySet[Any]:
        given = {name: value for name, value in self.conditions.items() if name in IN_ORDER}
        in_order = conditions_q(given) if given else Q()
        branches, is_session = reach_branches(self.reach), told.model is Session
        if not is_session:
            in_order, bounds, order = on_events(in_order), on_events(bounds), order.replace("id", "session_id")
            branches = [on_events(branch) for branch in branches]
        # A value and not a condition: PostgreSQL would make a join of that, and walk the records.
        of_same = self.rows.filter(session_public_id=OuterRef(public_id_in(told)))
        of_same = of_same.filter(on_walk(self._meeting(self.sought))) if self.sought else of_same
        recorded = told.filter(in_order, bounds).annotate(record=Subquery(of_same.order_by().values("pk")[:1]))
        return first_of(recorded.filter(record__isnull=False).order_by(order), branches, most)
