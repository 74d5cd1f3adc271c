"""How the first rows of a search are found, and how many there are, at a cost that no table is too large for.

Neither database guesses well how many rows hold a word, nor where in the list
they lie: PostgreSQL walked five million rows for a word of old ones. So nothing
here depends on a guess. The newest rows are walked first; only if they do not
fill the page, an index finds the rest, from the nearest rows on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from django.db import connections
from django.db.models import F, Model, Q, QuerySet

from sessions_ui.models.conditions import any_of
from sessions_ui.models.functions import ERA_BITS
from sessions_ui.models.scopes import Conditions, conditions_q, is_range_of_ids, substrings
from sessions_ui.paging import COUNTED, are_cut_off_apart, first_of
from sessions_ui.time_limit import planned_anew

from .eras import FEW, NEAR, by_index_alone, eras, first_matches, holding
from .index import SESSIONS, SearchIndex
from .named import named
from .narrow import INDEXED, match_of, on_index, on_walk

# So many rows are walked where no index helps, and where one does before it is asked: it finds the nearest soon.
WINDOW = 20_000
WINDOW_OF_INDEX = 2_000
# PostgreSQL's search index gives the matches of all accounts, of which those of one are sorted out row by row.
WINDOW_WITHIN = 8_000
# In so many eras it is counted, and then in so many, before it is in all.
FEW_COUNTED, MANY_COUNTED = 4, 32
LOOKED_AT = 1_000
# Of so many rows of what a word names, for each that is wanted, it is seen whether they meet all else.
NAMED = 2
# The rows of these stand in an index in the order of the list.
IN_ORDER = frozenset({"everything", "sessions", "user", "account", "application"})
MOMENTS = frozenset({"created_before", "created_after", "dormant_since"})

Row = TypeVar("Row", bound=Model)
Limit = tuple[str, int]
SIGNS = {"id__lt": "<", "id__gt": ">"}


@dataclass(frozen=True)
class Search(Generic[Row]):
    """The rows, of sessions or of login records, that meet the conditions, in any of the branches of a reach."""

    rows: QuerySet[Row]
    conditions: Conditions
    branches: Sequence[Q] = ()
    index: SearchIndex = SESSIONS

    @property
    def sought(self) -> Conditions:
        """The conditions for which no index holds the rows in the order of the list."""
        return {name: value for name, value in self.conditions.items() if not _is_in_order(name, value)}

    @property
    def in_order(self) -> Q:
        given = {name: value for name, value in self.conditions.items() if _is_in_order(name, value)}
        return self._meeting(given) if given else Q()

    @property
    def may_take_long(self) -> bool:
        return bool(self.sought)

    def place_of(self, row: Row) -> int:
        """Return where the row stands in the order of the list."""
        return int(row.pk)

    def _meeting(self, conditions: Conditions) -> Q:
        return self.index.translated(conditions_q(conditions))

    def first(self, bounds: Q, order: str, most: int, *, by_index: bool = True) -> list[Row]:
        """Return the first rows within the bounds, in the order of their ids, up or down.

        Without the index only those within the window.
        """
        rows = self.rows.filter(self.in_order, bounds).order_by(order)
        if not self.sought:
            with planned_anew(rows.db):
                return list(first_of(rows, self.branches, most))
        near, far = self._window_within(bounds, order)
        found = list(first_of(rows.filter(near), self.branches, most))
        if far is None or len(found) == most or not by_index:
            return found
        limits: Any = (bounds & far).children
        return found + self._by_index(limits, order, most - len(found), is_rare=not found)

    def sample(self, columns: Sequence[str], most: int) -> list[tuple[Any, ...]]:
        """Return the values that the newest rows have in these columns, and how many have them.

        Of a search, those within the window. Counted by the database, where 10,000 rows take half as long. Each
        branch is asked for itself: to look the keys of all up again would take as long as all else.
        """
        rows: Any = self.rows.filter(self.in_order).order_by("-id").values_list("pk", *columns)
        if self.sought:
            rows = rows.filter(self._window_within(Q(), "-id")[0])
        apart = self.branches if are_cut_off_apart(self.branches) else [any_of(self.branches)]
        parts = [rows.filter(branch)[:most].query.get_compiler(rows.db).as_sql() for branch in apart]
        # What lies in two branches is one row.
        of_all = " UNION ".join(f"SELECT * FROM ({sql}) AS part" for sql, _ in parts)  # noqa: S608
        names = ", ".join(columns)
        with connections[rows.db].cursor() as cursor:
            cursor.execute(
                f"SELECT {names}, COUNT(*) FROM ({of_all} ORDER BY 1 DESC LIMIT {most}) AS newest GROUP BY {names}",  # noqa: S608
                [param for _, params in parts for param in params],
            )
            return cast(list[tuple[Any, ...]], cursor.fetchall())

    def count(self, shown: Sequence[Row] = ()) -> int:
        """Return the number of rows, COUNTED + 1 at most; those that are shown tell whether there can be so many."""
        rows, most = self.rows.filter(self.in_order), COUNTED + 1
        if not self.sought:
            with planned_anew(rows.db):
                return first_of(rows.order_by("-id"), self.branches, most).count()
        match = self._match
        if match and self._last_of_window(Q(), "-id") is not None:
            matching = self._joined(rows.filter(self._meeting(self.sought), any_of(self.branches)), match)
            return int(matching.order_by()[:most].count())
        matching = rows.filter(self._on_index, any_of(self.branches)).order_by()
        if not _are_far_apart(shown) and self._number_of_newest(matching, most) == most:
            return most
        return matching[:most].count()

    def _number_of_newest(self, matching: QuerySet[Row], most: int) -> int:
        """Return how many are in the newest eras, `most` where there are more; 0 where no index knows eras.

        All matches would be looked up before the first of them is counted. Of a common word, the newest will do.
        """
        if not self._is_indexed or connections[self.rows.db].vendor != "postgresql":
            return 0
        of, number = eras(*self._ends([]), "-id"), 0
        with by_index_alone(self.rows.db):
            for newest in (of[:FEW_COUNTED], of[FEW_COUNTED:MANY_COUNTED]):
                if newest and number < most:
                    number += matching.filter(id__in_eras=newest)[:most].count()
        return min(number, most)

    def broadest(self) -> str:
        """Return the word of the search that most of the newest rows hold; nothing where no word is sought."""
        newest = self.index.rows(self.rows.db).order_by("-id")
        texts = list(newest.values_list("search_text", flat=True)[:LOOKED_AT])
        words = [text for one in substrings(self.conditions) for text in one]
        return max(words, key=lambda word: (sum(word in text for text in texts), -len(word)), default="")

    @property
    def _match(self) -> str:
        return match_of(self.sought, self.index, self.rows.db)

    @property
    def _on_index(self) -> Q:
        return self.index.translated(on_index(self.sought))

    @property
    def _is_indexed(self) -> bool:
        """Whether the search index narrows the search."""
        needed = substrings(self.sought)
        return self.index.is_there(self.rows.db) and any(all(len(text) >= INDEXED for text in one) for one in needed)

    @property
    def _is_narrowed(self) -> bool:
        """Whether it is of few rows among many others, which an index holds in the order of the list."""
        return bool(self.in_order) or not all(map(is_range_of_ids, self.branches))

    @property
    def _window(self) -> int:
        if not self._is_indexed:
            return WINDOW
        is_within = self._is_narrowed and connections[self.rows.db].vendor == "postgresql"
        return WINDOW_WITHIN if is_within else WINDOW_OF_INDEX

    def _window_within(self, bounds: Q, order: str) -> tuple[Q, Q | None]:
        """Return what is sought within the window, and the bounds of what lies beyond, None where nothing does."""
        last = self._last_of_window(bounds, order)
        near, far = (Q(), None) if last is None else _around(last, order)
        return on_walk(self._meeting(self.sought)) & near, far

    def _last_of_window(self, bounds: Q, order: str) -> int | None:
        """Return the id at which the walk ends, or None where there are so few rows that it sees them all."""
        # Whoever administers more accounts than the window has rows sees one of each.
        most = max(1, self._window // max(1, len(self.branches)))
        rows = self.index.rows(self.rows.db).filter(self.in_order, bounds).order_by(order)
        return next(iter(_pks(first_of(rows, self.branches, most)[most - 1 :], 1)), None)

    def _by_index(self, limits: list[Limit], order: str, most: int, *, is_rare: bool) -> list[Row]:
        """Return rows by their ids: what is sorted before the first of them are known must be narrow.

        What the walk has not met at all is rare: the nearest eras will not do.
        """
        if match := self._match:
            first = _pks(self._ids_by_match(match, limits, order), most)
        elif self._is_indexed:
            first = self._ids_by_eras(limits, order, most, near=0 if is_rare else NEAR)
        elif MOMENTS & self.sought.keys() and not self._is_narrowed:
            return self._of_the_time(limits, order, most)
        else:
            first = _pks(self._ids_sorted(limits, order), most)
        found = list(self.rows.filter(pk__in=first).order_by(order)) if first else []
        if len(found) == len(first) or len(first) < most:
            return found
        # Some have ended meanwhile. A page that is not full would be taken for the last.
        beyond: Limit = ("id__gt", max(first)) if order == "id" else ("id__lt", min(first))
        return found + self._by_index([*limits, beyond], order, most - len(found), is_rare=is_rare)

    def _of_the_time(self, limits: list[Limit], order: str, most: int) -> list[Row]:
        """Walk the eras that hold rows of the time that is sought."""
        first, last = self._ends(limits)
        of_time = {name: value for name, value in self.sought.items() if name in MOMENTS}
        held = holding(self.index.rows(self.rows.db).filter(self._meeting(of_time)), eras(first, last, order))
        # Without the branches, which are ranges of ids: SQLite walks by the first one that it is told.
        rows, found = self.rows.filter(on_walk(self._meeting(self.sought))).order_by(order), list[Row]()
        for era in held:
            if len(found) == most:
                break
            ids = max(first, era << ERA_BITS), min(last, (era + 1 << ERA_BITS) - 1)
            found += rows.filter(pk__range=ids)[: most - len(found)]
        return found

    def _ends(self, limits: list[Limit]) -> tuple[int, int]:
        """Return the lowest and the highest id within the limits."""
        above = [value + 1 for lookup, value in limits if lookup == "id__gt"]
        below = [value - 1 for lookup, value in limits if lookup == "id__lt"]
        rows = self.index.rows(self.rows.db)
        first, last = above or _pks(rows.order_by("id"), 1), below or _pks(rows.order_by("-id"), 1)
        return max(first, default=0), min(last, default=0)

    def _ids_by_match(self, match: str, limits: list[Limit], order: str) -> Any:
        """FTS5 gives its rows in the order of the list by itself, and begins where it is told to."""
        rows = self.rows.filter(self.in_order, self._meeting(self.sought), any_of(self.branches))
        where = [f"{self.index.name}.rowid {SIGNS[lookup]} %s" for lookup, _ in limits]
        bounded = self._joined(rows, match).extra(where=where, params=[value for _, value in limits])  # noqa: S610
        return bounded.extra(order_by=[f"{order.removesuffix('id')}{self.index.name}.rowid"])

    def _joined(self, rows: QuerySet[Row], match: str) -> Any:
        # The plus keeps SQLite from walking an account and asking for each of its rows whether the index holds it.
        same_row = f"{self.index.table}.id = +{self.index.name}.rowid"
        return rows.extra(tables=[self.index.name], where=[same_row, self.index.match], params=[match])  # noqa: S610

    def _ids_by_eras(self, limits: list[Limit], order: str, most: int, *, near: int) -> list[int]:
        """PostgreSQL's index gives its rows in no order: it is asked for so many of the nearest eras first."""
        if nearer := self._no_farther_than_named(limits, order, most):
            of = eras(*self._ends(limits + nearer), order)
            with by_index_alone(self.rows.db):
                found = self._ids_within(of, limits + nearer, order, most)
            # One of those that told how far to look may have ended since.
            if len(found) == most:
                return found
        of = eras(*self._ends(limits), order)
        with by_index_alone(self.rows.db):
            found = self._ids_within(of[:near], limits, order, most)
            if len(found) == most:
                return found
            return found + self._ids_within(of[near:], limits, order, most - len(found), is_rest=True)

    def _ids_within(
        self, span: range, limits: list[Limit], order: str, most: int, *, is_rest: bool = False
    ) -> list[int]:
        rows = self._ids_sorted(limits, order)

        def some(part: range) -> list[int]:
            # Each match is compared with each era. Of all that are left, none needs to be named.
            unnamed = is_rest and part[-1] == span[-1]
            within = rows.filter(_from(part[0], order)) if unnamed else rows.filter(id__in_eras=part)
            return _pks(within.order_by(), FEW + 1)

        def sort(part: range) -> list[int]:
            return _pks(rows.filter(id__in_eras=part), most)

        return first_matches(some, sort, span, most) if span else []

    def _no_farther_than_named(self, limits: list[Limit], order: str, most: int) -> list[Limit]:
        """Return how far the index need look where a word names whose rows another index holds in their order.

        An application that nobody uses any more has all its rows far away, and too many to be sorted.
        """
        # A word may name both an application and an account, and a row be of both.
        within, found = Q(*limits), set[int]()
        rows = self.rows.filter(self.in_order, on_walk(self._meeting(self.sought)), any_of(self.branches))
        for owner in named(self.sought.get("words", []), self.rows.db):
            nearest = self.index.rows(self.rows.db).filter(owner, within).order_by(order).values("pk")
            found |= set(_pks(rows.filter(pk__in=nearest[: NAMED * most]).order_by(order), most))
        if len(found) < most:
            return []
        last = sorted(found, reverse=order != "id")[most - 1]
        return [("id__lt", last + 1) if order == "id" else ("id__gt", last - 1)]

    def _ids_sorted(self, limits: list[Limit], order: str) -> Any:
        """Sorted, not walked: an index of the ids gives neither range nor order of an expression."""
        rows: Any = self.rows.alias(place=F("pk") + 0)
        rows = rows.filter(self.in_order, self._on_index, any_of(self.branches))
        rows = rows.filter(*(Q(**{lookup.replace("id", "place", 1): value}) for lookup, value in limits))
        return rows.order_by(order.replace("id", "place"))


def _are_far_apart(shown: Sequence[Model]) -> bool:
    """Return whether a page reaches farther than common words are counted in: what it shows is rare."""
    return bool(shown) and abs(shown[0].pk - shown[-1].pk) >> ERA_BITS >= MANY_COUNTED


def _from(era: int, order: str) -> Q:
    return Q(place__gte=era << ERA_BITS) if order == "id" else Q(place__lt=era + 1 << ERA_BITS)


def _pks(rows: Any, most: int) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:most])


def _is_in_order(name: str, value: Any) -> bool:
    # What needs a look is indexed, and not the many others.
    return name in IN_ORDER or (name, value) == ("needs_look", True)


def _around(last: int, order: str) -> tuple[Q, Q]:
    """Return the bounds of what was walked, and of what lies beyond."""
    return (Q(id__lte=last), Q(id__gt=last)) if order == "id" else (Q(id__gte=last), Q(id__lt=last))
