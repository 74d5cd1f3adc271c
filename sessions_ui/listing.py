"""What a page of a list says: its rows, how many there are, or what was too broad to be found in time."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from .paging import COUNTED, PARAMETERS, Page, Position, page
from .search.plan import Search
from .time_limit import TookTooLong, in_time, time_limit

PAGE_SECONDS = 3.0
COUNT_SECONDS = 0.2


def listed(search: Search[Any], position: Position) -> dict[str, Any]:
    """Return the page and the number of rows, or what was too broad to be found in time."""
    if not search.may_take_long:
        found = page(search.first, position, search.place_of)
        return {"page": found} | _number(search.count())
    try:
        with time_limit(PAGE_SECONDS, search.rows.db):
            found = page(search.first, position, search.place_of)
    except TookTooLong:
        return {"page": Page([], None, None), "stopped": True, "too_broad": search.broadest(), "seconds": PAGE_SECONDS}
    is_all = found.is_all and position.is_first
    number = len(found.rows) if is_all else in_time(COUNT_SECONDS, search.rows.db, lambda: search.count(found.rows))
    slow = not search.index.is_there(search.rows.db)
    # Where counting took too long, what is sure: there are other pages.
    number_said = {"number": len(found.rows), "capped": True} if number is None else _number(number)
    return {"page": found, "unindexed": slow} | number_said


def _number(number: int) -> dict[str, Any]:
    return {"number": min(number, COUNTED), "capped": number > COUNTED}


def without_paging(params: QueryDict) -> QueryDict:
    """Return the parameters less those that only say which page is shown, and the empty ones of the form."""
    kept = params.copy()
    for name in [name for name, values in kept.lists() if name in PARAMETERS or values == [""]]:
        del kept[name]
    return kept
