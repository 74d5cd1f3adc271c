"""Measures the searches of one database, in a process of its own."""

import gc
import json
import os
import secrets
import sys
from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import django
from django.core.management import call_command

ROUNDS = 15
# In each turn fewer than fill the pending list: the worker clears it between.
INSERTS, TURNS = 150, 12
# Of so many sessions, whole answers are asked in turns with the peers.
COMPARED = 1_000_000
LIST = "/security/active-user-sessions/"
# What is typed into the box, after what it stands for.
SEARCHES = {
    "a common word": "chrome",
    "8 % of the sessions": "firefox",
    "1 %": "lisbon",
    "0.7 %": "gonzalez",
    "no hit": "zzyzx",
    "two words": "gonzalez lisbon",
    "a rare and a common word": "gonzalez chrome",
    "an e-mail": "person4711@company.example",
    "the beginning of an address": "10.55.1",
    "a network": "ip:10.55.1.0/24",
    "only in old rows": "legacy-portal",
    "word and large account": "gonzalez account:account-0",
    "word and small account": "chrome account:account-4990",
    "word less word": "lisbon -chrome",
}


class Stopwatch:
    """Adds up how long the database takes for its answers."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        begun = perf_counter()
        try:
            return execute(*statement)
        finally:
            self.seconds += perf_counter() - begun


def milliseconds(ask: Callable[[], object], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median and the 95th percentile of how long it takes, fetching included, after one time to warm up."""
    ask()
    return middle([took(ask) for _ in range(rounds)])


def took(ask: Callable[[], object]) -> float:
    """Return the milliseconds until it is answered."""
    begun = perf_counter()
    ask()
    return (perf_counter() - begun) * 1000


def middle(times: list[float]) -> dict[str, float]:
    return {"median": median(times), "p95": quantiles(times, n=20)[-1]}


def search_of(text: str) -> Any:
    from django.http import QueryDict

    from sessions_ui.filters import SessionFilter
    from sessions_ui.models import Fence, Session
    from sessions_ui.models.reaches import ALL
    from sessions_ui.search.plan import Search
    from sessions_ui.views.sessions import shown

    wanted = SessionFilter(QueryDict(urlencode({"q": text} if text else {})), ALL)
    assert wanted.is_valid(), wanted.problems
    fence = Fence.read()
    return Search(shown(Session.objects.live(fence).signed_in()), wanted.conditions, fence.branches(ALL))


def page_of(search: Any, position: Any) -> Any:
    from sessions_ui.listing import PAGE_SECONDS
    from sessions_ui.paging import page
    from sessions_ui.time_limit import time_limit

    if not search.sought:
        return page(search.first, position)
    with time_limit(PAGE_SECONDS, search.rows.db):
        return page(search.first, position)


def measured(text: str) -> dict[str, Any]:
    from sessions_ui.listing import COUNT_SECONDS
    from sessions_ui.paging import Position
    from sessions_ui.time_limit import in_time

    def count() -> int | None:
        return in_time(COUNT_SECONDS, search.rows.db, lambda: search.count(found.rows))

    search, first = search_of(text), Position()
    print(text, file=sys.stderr, flush=True)
    found = page_of(search, first)
    return {
        "page": milliseconds(lambda: page_of(search, first)),
        "count": None if found.is_all else milliseconds(count),
        "rows": len(found.rows),
        "number": len(found.rows) if found.is_all else count(),
    }


def pages() -> dict[str, Any]:
    """Return what the first page, the thousandth and the last cost, found as the links of the pages lead to them."""
    from sessions_ui.models import Session
    from sessions_ui.paging import OLDEST, Position

    ids = Session.objects.order_by("-id").values_list("id", flat=True)
    search, deep = search_of(""), Position(below=ids[49_950])
    asked = {"first": Position(), "page 1,000": deep, "last": Position(sort=OLDEST)}
    # In turns: what they are beside each other is not a matter of when they were asked. The first one warms up.
    turns = [{name: took(lambda at=at: page_of(search, at)) for name, at in asked.items()} for _ in range(61)]  # type: ignore[misc]
    return {name: middle([turn[name] for turn in turns[1:]]) for name in asked}


def whole_pages() -> dict[str, Any]:
    """Return what a whole request costs, and what is left of it without the database."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    root, _ = User.objects.get_or_create(username="root", defaults={"is_superuser": True, "password": "!"})
    client = Client(headers={"host": "localhost"})
    client.force_login(root)
    oldest = {"sort": "oldest"}
    asked = {"first": {}, "last": oldest, "one user": {"q": "person4711"}, "one user's filter": {"user": "person4711"}}
    found: dict[str, Any] = {}
    for name, params in asked.items():
        url = f"{LIST}?{urlencode(params)}"
        assert client.get(url).status_code == 200
        watch = Stopwatch()
        with connection.execute_wrapper(watch):
            times = milliseconds(lambda url=url: client.get(url))  # type: ignore[misc]
        found[name] = times | {"render": times["median"] - watch.seconds * 1000 / (ROUNDS + 1)}
    for typed in ("a", "an", "gonz", "zzz"):
        url = f"{LIST}suggest/user/?user={typed}"
        found[f"suggestions for {typed}"] = milliseconds(lambda url=url: client.get(url))  # type: ignore[misc]
    return found


def insert_costs() -> dict[str, Any]:
    """Return the microseconds of an insert with the search index and without it, in turns; and the sizes."""
    from django.db import connection

    from sessions_ui.models import Session
    from sessions_ui.search import index

    def clear_pending() -> None:
        index.clear_pending("default")

    sizes, times, cleared = index_sizes(), {True: list[float](), False: list[float]()}, list[float]()
    newest = Session.objects.latest("id").pk
    # The first ones read pages that all others find in memory.
    insert_times()
    clear_pending()
    for _ in range(TURNS):
        times[True] += insert_times()
        cleared.append(took(clear_pending))
        keep_index(False)
        times[False] += insert_times()
        keep_index(True)
    # The next run finds what this one found; the index lacks what was inserted without it.
    Session.objects.filter(pk__gt=newest).delete()
    index.drop()
    index.install()
    costs = {"with": summary(times[True]), "without": summary(times[False])}
    return costs | {"cleared": median(cleared), "sizes": sizes, "vendor": connection.vendor}


def keep_index(keeps: bool) -> None:
    """Let the database keep the search index of sessions with each insert, or let inserts pass it by."""
    from django.db import connection

    from sessions_ui.search.index import SESSIONS

    trigger = f"{SESSIONS.name}_insert"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # What CREATE INDEX CONCURRENTLY sets before sessions that begin from then on are put into it.
            ready = "UPDATE pg_index SET indisready = %s WHERE indexrelid = %s::regclass"
            cursor.execute(ready, [keeps, SESSIONS.name])
            return
        cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        if keeps:
            cursor.execute(f"CREATE TRIGGER {trigger} {SESSIONS.triggers[trigger]}")


def insert_times() -> list[float]:
    from django.db import connection

    from bench.search_data import COLUMNS, as_text
    from sessions_ui.models import Session

    columns = ", ".join(COLUMNS)
    template = list(Session.objects.order_by("-id").values_list(*COLUMNS)[:1][0])
    marks = ", ".join(["%s"] * len(COLUMNS))
    times = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET synchronous_commit = off")
        texts = list(Session.objects.order_by("-id").values_list("search_text", flat=True)[: INSERTS * 10 : 10])
        for text in texts:
            own = [secrets.token_hex(16), secrets.token_bytes(16), secrets.token_bytes(16)]
            row = [*own, *template[3:-1], text]
            row = [as_text(value) if connection.vendor == "sqlite" else value for value in row]
            begun = perf_counter()
            cursor.execute(f"INSERT INTO {Session._meta.db_table} ({columns}) VALUES ({marks})", row)
            times.append((perf_counter() - begun) * 1_000_000)
    return times


def summary(times: list[float]) -> dict[str, float]:
    return {"mean": sum(times) / len(times), "p99": quantiles(times, n=100)[-1], "max": max(times)}


def index_sizes() -> dict[str, int]:
    """Return the bytes of the table and of the search index."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_table_size('sessions_ui_session'), pg_relation_size('sessions_ui_search')")
            table, found = cursor.fetchone()
            return {"table": table, "index": found}
        cursor.execute("SELECT sum(length(block)) FROM sessions_ui_search_data")
        return {"index": cursor.fetchone()[0]}


def main() -> None:
    django.setup()
    size = int(os.environ["BENCH_SESSIONS"])
    if os.environ.get("BENCH_FILL"):
        from bench.search_data import fill

        fill(size)
    else:
        call_command("migrate", verbosity=0)
    gc.freeze()
    if os.environ.get("BENCH_WHOLE"):
        print(json.dumps(whole_pages()), flush=True)
        return
    found: dict[str, Any] = {"pages": pages(), "searches": {text: measured(text) for text in SEARCHES.values()}}
    if size == COMPARED:
        found["insert"] = insert_costs()
    else:
        found["whole"] = whole_pages()
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
