"""The first matches by eras: what sorting all of them would give, with fewer rows looked at."""

import random
from collections.abc import Sequence

import pytest

from sessions_ui.models.functions import EON_BITS, ERA_BITS, indexed_eras
from sessions_ui.search.eras import FEW, eras, first_matches

ALL = 3_000_000
MOST = 51


class Index:
    """Rows that match, as the search index would give them; it remembers how many were looked at."""

    def __init__(self, matching: Sequence[int]) -> None:
        self.matching, self.looked_at, self.asked = matching, 0, 0

    def some(self, span: Sequence[int]) -> list[int]:
        found = self._within(span)[: FEW + 1]
        random.Random(1).shuffle(found)  # noqa: S311
        self.looked_at += len(found)
        return found

    def sort(self, span: Sequence[int]) -> list[int]:
        found = self._within(span)
        self.looked_at += len(found)
        return found[::-1] if self.descending else found

    def first(self, *, descending: bool) -> list[int]:
        self.descending = descending
        return first_matches(self.some, self.sort, eras(1, ALL, "-id" if descending else "id"), MOST)

    def _within(self, span: Sequence[int]) -> list[int]:
        self.asked += 1
        wanted = set(span)
        return [pk for pk in self.matching if pk >> ERA_BITS in wanted]


CLUSTERS = {
    "none": [],
    "one": [1_234_567],
    "few, far apart": range(1, ALL, 60_000),
    "many everywhere": range(1, ALL, 500),
    "only old": range(1, 150_000, 20),
    "only new": range(ALL - 150_000, ALL, 20),
    "in the middle": range(1_400_000, 1_600_000, 30),
    "a new one, and many old": [*range(1, 150_000, 20), ALL],
    "either end": [*range(1, 100), *range(ALL - 20, ALL)],
}


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("matching", CLUSTERS.values(), ids=CLUSTERS)
class FirstMatchesTests:
    def test_are_those_that_sorting_all_would_give(self, matching: Sequence[int], descending: bool) -> None:
        found = Index(matching).first(descending=descending)
        assert found == sorted(matching, reverse=descending)[:MOST]

    def test_are_found_with_a_look_at_few(self, matching: Sequence[int], descending: bool) -> None:
        index = Index(matching)
        index.first(descending=descending)
        assert index.looked_at < 20 * FEW
        assert index.asked < 20


@pytest.mark.parametrize("first", [0, 1, 15, 16, 17, 40])
@pytest.mark.parametrize("number", [1, 15, 16, 17, 33, 64])
@pytest.mark.parametrize("step", [1, -1])
class IndexedErasTests:
    """What the index holds of an id: its era, and the complement of its eon."""

    def test_cover_exactly_those_that_are_asked(self, first: int, number: int, step: int) -> None:
        span = range(first, first + number)[::step]
        keys = indexed_eras(span)
        found = [era for era in range(120) if era in keys or ~(era >> EON_BITS - ERA_BITS) in keys]
        assert found == sorted(span)

    def test_are_few(self, first: int, number: int, step: int) -> None:
        keys = indexed_eras(range(first, first + number)[::step])
        assert len(keys) == len(set(keys)) <= min(number, 30 + number // 16)
