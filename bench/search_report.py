"""What `bench.search` prints and keeps: goals, tables, the machine, how to repeat it."""

import os
import platform
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple

from bench.search_case import INSERTS, ROUNDS, SEARCHES, TURNS

Found = dict[str, Any]
COUNT_MS = 250.0
OLD = "only in old rows"


class Goal(NamedTuple):
    """What was wanted, what was found, and whether that is reached."""

    wanted: str
    found: str
    reached: bool

    def __str__(self) -> str:
        return f"{self.wanted}: **{self.found}**, {'reached' if self.reached else '**MISSED**'}"


def goals(ours: Found, peers: Found, compared: int) -> Iterator[Goal]:
    for where, case in ours.items():
        yield from _searches(where, case)
        yield from _paging(where, case)
        if "insert" in case:
            yield from _insert(where, case["insert"])
    small, large = (ours.get(f"PostgreSQL {size}") for size in (100_000, 5_000_000))
    if small and large:
        times = large["pages"]["first"]["median"] / small["pages"]["first"]["median"]
        yield Goal("PostgreSQL, first page at 5,000,000 beside 100,000, at most 1.5 ×", f"{times:.2f}", times <= 1.5)
    for title, theirs in peers.items():
        yield from _beside(title, ours[f"{title} {compared}"]["whole"], theirs)


def _searches(where: str, case: Found) -> Iterator[Goal]:
    million = not where.endswith("5000000")
    for name, text in SEARCHES.items():
        limit = 50 if million else 300 if name == OLD else 100
        found = case["searches"][text]
        page, count = found["page"]["median"], found["count"]
        yield Goal(f"{where}, page of “{text}” within {limit} ms", f"{page:.0f} ms", page <= limit)
        if count:
            # The cut-off itself, and the way back from it.
            spent = count["median"]
            yield Goal(
                f"{where}, count of “{text}” within {COUNT_MS:.0f} ms", f"{spent:.0f} ms", spent <= COUNT_MS + 10
            )


def _paging(where: str, case: Found) -> Iterator[Goal]:
    first = case["pages"]["first"]["median"]
    for name in ("page 1,000", "last"):
        times = case["pages"][name]["median"] / first
        yield Goal(f"{where}, {name} beside the first, at most 1.2 ×", f"{times:.2f}", times <= 1.2)


def _insert(where: str, insert: Found) -> Iterator[Goal]:
    mean = insert["with"]["mean"] / insert["without"]["mean"]
    limit = 1.25 if insert["vendor"] == "postgresql" else 3
    yield Goal(f"{where}, insert with the search index, at most {limit} × without", f"{mean:.2f}", mean <= limit)
    if insert["vendor"] == "postgresql":
        late = insert["with"]["p99"] / insert["without"]["p99"]
        yield Goal(f"{where}, its 99th percentile, at most 2 ×", f"{late:.2f}", late <= 2)


def _beside(title: str, ours: Found, peers: Found) -> Iterator[Goal]:
    limits = {"first": 0.35 if title == "PostgreSQL" else 1, "last": 0.1, "one user": 0.05}
    for name, limit in limits.items():
        fastest = min(theirs[name]["median"] for theirs in peers.values())
        times = ours[name]["median"] / fastest
        wanted = f"{title}, {name} beside the faster peer ({fastest:,.0f} ms), at most {limit} ×"
        yield Goal(wanted, f"{times:.2f}", times <= limit)


def missed(ours: Found, peers: Found, compared: int) -> bool:
    return not all(goal.reached for goal in goals(ours, peers, compared))


def written(ours: Found, peers: Found, compared: int, postgres: str, seconds: float) -> str:
    """Return the whole report in Markdown."""
    parts = [
        "# Searching",
        METHOD.format(rounds=ROUNDS),
        "## Goals",
        "\n".join(f"* {goal}" for goal in goals(ours, peers, compared)),
        "## Searches",
        "Milliseconds of the page, and of the count after it: median / 95th percentile. Without a count, the page "
        "held all.",
        "\n".join(search_rows(ours)),
        "## Pages",
        "\n".join(page_rows(ours)),
        "## Whole answers, beside the admin pages of others",
        f"{compared:,} sessions. Milliseconds of an answer, ours with 50 rows, theirs with 100; in brackets what "
        "is left without the database.",
        "\n".join(whole_rows(ours, peers, compared)),
        "## What the index costs",
        "\n".join(insert_rows(ours)),
        "## The machine",
        machine(postgres, seconds),
        REPEAT,
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def search_rows(ours: Found) -> Iterator[str]:
    yield f"| search | {' | '.join(f'{where}, page | count' for where in ours)} |"
    yield "| --- |" + " ---: |" * (2 * len(ours))
    for name, text in SEARCHES.items():
        cells = [cell for case in ours.values() for cell in _cells(case["searches"][text])]
        yield f"| {name}: `{text}` | {' | '.join(cells)} |"


def _cells(found: Found) -> list[str]:
    number = found["number"]
    many = "50+" if number is None else f"{min(number, 10_000):,}{'+' if number > 10_000 else ''}"
    return [spread(found["page"]), f"{many} in {spread(found['count'])}" if found["count"] else many]


def spread(times: Found) -> str:
    return f"{times['median']:.1f} / {times['p95']:.1f}"


def page_rows(ours: Found) -> Iterator[str]:
    names = list(next(iter(ours.values()))["pages"])
    yield f"| sessions | {' | '.join(names)} |"
    yield "| --- |" + " ---: |" * len(names)
    for where, case in ours.items():
        yield f"| {where} | {' | '.join(spread(case['pages'][name]) for name in names)} |"


def whole_rows(ours: Found, peers: Found, compared: int) -> Iterator[str]:
    for title, theirs in peers.items():
        whole = ours[f"{title} {compared}"]["whole"]
        yield f"| {title} | ours | {' | '.join(theirs)} |"
        yield "| --- |" + " ---: |" * (1 + len(theirs))
        for name, times in whole.items():
            others = [spread(one[name]) if name in one else "" for one in theirs.values()]
            rendered = f" ({times['render']:.0f})" if "render" in times else ""
            yield f"| {name} | {spread(times)}{rendered} | {' | '.join(others)} |"
        yield ""


def insert_rows(ours: Found) -> Iterator[str]:
    yield f"In {TURNS} turns of {INSERTS} inserts with the index and as many without it; PostgreSQL waits for no disk."
    yield ""
    yield "| one insert, µs: mean / 99 % / longest | with the index | without | size of the index |"
    yield "| --- | ---: | ---: | ---: |"
    for where, case in ours.items():
        if "insert" in case:
            cost = case["insert"]
            both = " | ".join(
                f"{c['mean']:.0f} / {c['p99']:.0f} / {c['max']:.0f}" for c in (cost["with"], cost["without"])
            )
            yield f"| {where} | {both} | {cost['sizes']['index'] / 1e6:,.0f} MB |"
    yield ""
    for where, case in ours.items():
        if where.startswith("PostgreSQL") and "insert" in case:
            cleared = case["insert"]["cleared"]
            yield f"{where}: the worker clears what {INSERTS} sign-ins left in the pending list in {cleared:.0f} ms."


def machine(postgres: str, seconds: float) -> str:
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("Django", "psycopg", "django-qsessions", "django-user-sessions")
    )
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.freedesktop_os_release()['PRETTY_NAME']}, "
        f"Python {platform.python_version()}, {postgres}, SQLite {sqlite3.sqlite_version} (WAL, synchronous NORMAL); "
        f"{packages}. {datetime.now(UTC):%d %B %Y}. The run took {seconds:.0f} s."
    )


METHOD = """
Each size is a database of its own: 200,000 people, 5,000 accounts (the largest has 5.7 % of the sessions), 12
applications, one of which nobody has signed in to lately; every e-mail ends alike and every address begins with 10.,
which makes searching harder than it is in most companies. Each search is asked {rounds} times, warm, in a process of
its own. Whole answers take three turns with those of the peers, which show their own ModelAdmin with as many sessions
of as many people. Ratios travel to other machines, times do not.
"""
REPEAT = """
## Again

`make bench-search` (or `python -m bench.search` in the environment that it makes). The first run fills the databases,
which takes half an hour and 15 GB in `var/bench/`; later ones keep them. `--small` measures a hundred thousand only,
and writes nothing. With `TEST_DATABASE_URL` it uses that server instead. The exit status is 1 if a goal was missed.
"""
