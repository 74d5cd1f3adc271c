"""How the first rows are found that no index holds in the order of the list: by eras, 8,192 ids each, nearest first.

PostgreSQL's search index gives all rows of a search at once, in no order, and each must be looked at. But it holds the
eras too. So few eras are asked first, then all others; and where too many match to sort them, half of them.

Rows of a time lie together, but nothing promises that. An index of era and time tells which eras hold some.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from sessions_ui.models.functions import ERA_BITS, Era

# So many eras are asked before all others.
NEAR = 8
# So many rows are sorted before half of the eras is asked.
FEW = 1_000

# Each era is one look into an index that holds era and time.
HOLDING = """
WITH RECURSIVE walked (era) AS (SELECT %s UNION ALL SELECT era + %s FROM walked WHERE era <> %s)
SELECT era FROM walked WHERE EXISTS ({rows})
"""

SET = "SET LOCAL enable_seqscan = {0}; SET LOCAL enable_indexscan = {0}"

Matches = Callable[[range], list[int]]


def eras(first: int, last: int, order: str) -> range:
    """Return the eras of the ids from the lowest to the highest, in the order; none where there are no such ids."""
    found = range(first >> ERA_BITS, (last >> ERA_BITS) + 1) if first <= last else range(0)
    return found if order == "id" else found[::-1]


def holding(rows: QuerySet[Any], of: range) -> list[int]:
    """Return those of the eras that hold any of the rows, in their order."""
    if not of:
        return []
    within = rows.order_by().alias(era=Era("pk")).filter(era=RawSQL("walked.era", []))
    sql, params = within.values("pk").query.get_compiler(rows.db).as_sql()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(HOLDING.format(rows=sql), [of[0], of.step, of[-1], *params])
        return sorted((era for (era,) in cursor.fetchall()), reverse=of.step < 0)


@contextmanager
def by_index_alone(using: str) -> Iterator[None]:
    """Keep PostgreSQL from walking the table: it guesses that it will soon meet as many matches as are wanted."""
    with transaction.atomic(using, savepoint=False), connections[using].cursor() as cursor:
        cursor.execute(SET.format("off"))
        yield
        cursor.execute(SET.format("DEFAULT"))


def first_matches(some: Matches, sort: Matches, span: range, most: int, *, many: bool = False) -> list[int]:
    """Return the first ids, in the order of the eras.

    `some` gives matches within eras, in any order, FEW + 1 at most; `sort` all of them, in the order of the eras.
    Of many it is known that there are more.
    """
    if len(span) == 1:
        return sort(span)[:most]
    if not many and len(found := some(span)) <= FEW:
        return sorted(found, reverse=span.step < 0)[:most]
    half = len(span) // 2
    near = first_matches(some, sort, span[:half], most)
    if len(near) == most:
        return near
    # All but a few of the many lie in the other half: it need not be asked.
    return near + first_matches(some, sort, span[half:], most - len(near), many=True)
