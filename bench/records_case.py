"""Measures what is asked of the login records of one database, in a process of its own."""

import gc
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import django

from bench.search_case import SEARCHES, milliseconds

MONTH_AGO = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"
FILTERS = {
    "all": "",
    "a large account": "account=account-0",
    "a small account": "account=account-4990",
    "one user": "user=person4711",
    "an application of old": "application=legacy-portal",
    "a network": "address=10.55.1.0/24",
    "a country": "country=PT",
    "a city": "city=lisbon",
    "a browser": "browser=firefox",
    "a system": "os=ios",
    "a kind of device": "device=phone",
    "after a day": f"after={MONTH_AGO}",
    "before a day": f"before={MONTH_AGO}",
    **{f"outcome {name}": f"outcome={name}" for name in ("failed", "active", "signed-out", "replaced", "expired")},
    "outcome terminated, none of them new": "outcome=terminated",
    "outcome and large account": "outcome=terminated&account=account-0",
    "outcome and small account": "outcome=terminated&account=account-4990",
    "outcome and common word": "outcome=terminated&q=chrome",
    "outcome and rare word": "outcome=terminated&q=gonzalez",
}


def asked() -> dict[str, str]:
    """Return the query strings, by what they stand for."""
    return FILTERS | {f"word: {name}": f"q={text.replace(' ', '+')}" for name, text in SEARCHES.items()}


def measured(query: str, **position: Any) -> dict[str, Any]:
    from django.http import QueryDict

    from sessions_ui.filters import LoginRecordFilter
    from sessions_ui.listing import listed
    from sessions_ui.models import Fence
    from sessions_ui.models.reaches import ALL
    from sessions_ui.paging import Position

    print(query, file=sys.stderr, flush=True)
    wanted = LoginRecordFilter(QueryDict(query), ALL)
    assert wanted.is_valid(), wanted.problems
    search, at = wanted.search(Fence.read()), Position(**position)
    shown = listed(search, at)
    return {
        "both": milliseconds(lambda: listed(search, at)),
        "rows": len(shown["page"].rows),
        "stopped": shown.get("stopped", False),
        "number": shown.get("number"),
        "capped": shown.get("capped", False),
    }


def deep() -> dict[str, Any]:
    """Return what page 1,000 and the last page cost, without a filter and under the rarest outcome."""
    from sessions_ui.models import SessionEvent
    from sessions_ui.paging import OLDEST

    below = SessionEvent.objects.sign_ins().order_by("-id").values_list("id", flat=True)[49_950]
    return {
        "page 1,000": measured("", below=below),
        "last page": measured("", sort=OLDEST),
        "last page of an outcome": measured("outcome=terminated", sort=OLDEST),
    }


def main() -> None:
    django.setup()
    if os.environ.get("BENCH_FILL"):
        from bench.records_data import fill

        fill(int(os.environ["BENCH_SESSIONS"]))
    gc.freeze()
    print(json.dumps({name: measured(query) for name, query in asked().items()} | deep()), flush=True)


if __name__ == "__main__":
    main()
