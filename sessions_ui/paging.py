"""Keyset pages of the list: each costs the same, however deep it lies."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

from .models.conditions import any_of

ROWS = 50
COUNTED = 10_000
MOST_BRANCHES = 20
NEWEST, OLDEST = "newest", "oldest"
PARAMETERS = frozenset({"sort", "below", "above"})
Row = TypeVar("Row", bound=Model)
ID = re.compile(r"[0-9]{1,18}")


class UnreadablePosition(Exception):
    """A parameter of paging has a value that it cannot have."""

    def __init__(self, parameter: str, sentence: str) -> None:
        super().__init__(sentence)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the list a page begins: below or above an id, newest or oldest first."""

    sort: str = NEWEST
    below: int | None = None
    above: int | None = None

    @property
    def is_first(self) -> bool:
        """Whether the list begins here."""
        return self.below is None and self.above is None

    @classmethod
    def of(cls, params: QueryDict) -> Position:
        """Read the parameters sort, below and above; raises UnreadablePosition."""
        for name in sorted(PARAMETERS & params.keys()):
            if len(params.getlist(name)) > 1:
                raise UnreadablePosition(name, f"“{name}” is given more than once.")
        sort = params.get("sort") or NEWEST
        if sort not in (NEWEST, OLDEST):
            raise UnreadablePosition("sort", f"The list is sorted “{NEWEST}” or “{OLDEST}” first, not “{sort[:20]}”.")
        ids = {name: str(params[name]) for name in ("below", "above") if params.get(name)}
        if len(ids) > 1:
            raise UnreadablePosition("above", "A page begins below or above a session, not both.")
        for name, text in ids.items():
            if not ID.fullmatch(text):
                raise UnreadablePosition(name, f"“{text[:20]}” is not a place in the list.")
        return cls(sort, **{name: int(text) for name, text in ids.items()})


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of rows, and where the neighbouring pages begin."""

    rows: list[Row]
    previous: Position | None
    next: Position | None

    @property
    def is_all(self) -> bool:
        """Whether there are no other pages."""
        return not (self.previous or self.next)


def page(
    first: Callable[[Q, str, int], list[Row]],
    position: Position,
    place: Callable[[Row], int] = attrgetter("pk"),
) -> Page[Row]:
    """Return the page at the position.

    `first` gives so many rows within bounds, in the order "id" or "-id"; `place` tells where a row stands in it.
    """
    descending = position.above is None if position.sort == NEWEST else position.below is not None
    bounds = Q()
    if position.below is not None:
        bounds &= Q(id__lt=position.below)
    if position.above is not None:
        bounds &= Q(id__gt=position.above)
    rows = first(bounds, "-id" if descending else "id", ROWS + 1)
    more, rows = len(rows) > ROWS, rows[:ROWS]
    backward = descending is not (position.sort == NEWEST)
    if backward:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    top, bottom = place(rows[0]), place(rows[-1])
    newest = position.sort == NEWEST
    has_next = backward or more
    has_previous = more if backward else not position.is_first
    return Page(
        rows,
        Position(position.sort, **{"above" if newest else "below": top}) if has_previous else None,
        Position(position.sort, **{"below" if newest else "above": bottom}) if has_next else None,
    )


def first_of(rows_of: QuerySet[Row], branches: Sequence[Q], most: int) -> QuerySet[Row]:
    """Return the first rows that lie in any of the branches, or of all if there are none."""
    if are_cut_off_apart(branches):
        return rows_of.filter(pk__in=first_pks(rows_of, branches, most))[:most]
    return rows_of.filter(any_of(branches))[:most]


def are_cut_off_apart(branches: Sequence[Q]) -> bool:
    return 1 < len(branches) <= MOST_BRANCHES


def first_pks(rows_of: QuerySet[Row], branches: Sequence[Q], most: int) -> QuerySet[Any, Any]:
    """Return the primary keys of the first rows of each branch.

    Each is cut off by itself, since no index holds several of them in one order:
    the database would walk past everybody else's rows, or sort all of these.
    """
    cut = [rows_of.filter(branch).values("pk")[:most] for branch in branches]
    if not connections[rows_of.db].features.supports_slicing_ordering_in_compound:
        cut = [rows_of.model._base_manager.filter(pk__in=pks).order_by().values("pk") for pks in cut]
    first, *others = cut
    return first.union(*others)
