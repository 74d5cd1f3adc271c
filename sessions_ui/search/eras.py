"""How the first matches of PostgreSQL's search index are found: by eras, so many ids each, from the nearest on.

The index gives all rows of a search at once, in no order, and each must be looked at. But it holds the eras too. So
few eras are asked first, then more, then all others; and where too many rows match to sort them, half of them.
"""

from collections.abc import Callable, Iterator, Sequence

from sessions_ui.models.lookups import ERA_BITS

# So many eras at first, and then so many more: beside all others they cost nothing.
SPANS = (8, 64)
# So many rows are sorted before half of the eras is asked.
FEW = 1_000

Matches = Callable[[Sequence[int]], list[int]]


def eras(first: int, last: int) -> range:
    """Return the eras of the ids from the first to the last, which may be the lower one."""
    start, end = first >> ERA_BITS, last >> ERA_BITS
    return range(start, end + 1) if first <= last else range(start, end - 1, -1)


def spans(of: range) -> Iterator[range]:
    """Give the eras in spans that grow."""
    begin = 0
    for length in SPANS:
        yield of[begin : begin + length]
        begin += length
    yield of[begin:]


def first_matches(some: Matches, sort: Matches, of: range, most: int) -> list[int]:
    """Return the first ids, in the order of the eras.

    `some` gives matches within eras, in any order, FEW + 1 at most; `sort` all of them, in the order of the eras.
    """
    found: list[int] = []
    for span in spans(of):
        if span and len(found) < most:
            found += _within(span, some, sort, most - len(found))
    return found


def _within(span: range, some: Matches, sort: Matches, most: int, *, many: bool = False) -> list[int]:
    if len(span) == 1:
        return sort(span)[:most]
    if not many and len(found := some(span)) <= FEW:
        return sorted(found, reverse=span.step < 0)[:most]
    half = len(span) // 2
    near = _within(span[:half], some, sort, most)
    if len(near) == most:
        return near
    # What is not near is far: nobody has to ask whether that is much.
    return near + _within(span[half:], some, sort, most - len(near), many=True)
