"""What `bench.terminate` prints and keeps: goals, tables, the machine, how to repeat it."""

import os
import platform
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

Figures = dict[str, Any]
KINDS = {"row": "one row", "user": "one user's 20", "account": "one account (28 %)", "everything": "everything"}
SIGN_IN_P99 = {"PostgreSQL": 0.050, "SQLite": 0.250}


@dataclass(frozen=True)
class Run:
    """All that one run found: for each database its cases from the smallest to the largest, and the peers' rates."""

    cases: dict[str, list[Figures]]
    peers: dict[str, Figures]
    postgres: str
    seconds: float
    load: float


def goals(run: Run) -> list[tuple[bool, str]]:
    """Return of each goal whether it was reached, and what was found in words."""
    return [goal for title, cases in run.cases.items() for goal in goals_of(title, cases)]


def goals_of(title: str, cases: list[Figures]) -> list[tuple[bool, str]]:
    small, large = cases[0], cases[-1]
    everything, user = large["clicks"]["everything"], large["clicks"]["user"]
    grown = {kind: large["clicks"][kind] / small["clicks"][kind] for kind in KINDS}
    accepted = sum(sum(case["accepted"]) for case in cases)
    p99, limit = max(case["sign_ins"]["p99"] for case in cases), SIGN_IN_P99[title]
    failures = sum(case["sign_ins"]["failures"] for case in cases)
    rise = max(case["memory"][1] - case["memory"][0] for case in cases)
    sizes = f"{large['sessions']:,} beside {small['sessions']:,}"
    found = [
        (accepted == 0, f"probes accepted after the answer, 0 wanted: **{accepted}**"),
        (grown["everything"] <= 2, f"everything at {sizes}, at most 2 ×: **{grown['everything']:.2f}**"),
        (everything < 0.1, f"everything at {large['sessions']:,}, under 100 ms: **{everything * 1e3:.0f} ms**"),
        (grown["user"] <= 2, f"one user's 20 at {sizes}, at most 2 ×: **{grown['user']:.2f}** ({user * 1e3:.0f} ms)"),
        (failures == 0, f"sign-ins that failed during the sweep, 0 wanted: **{failures}**"),
        (p99 <= limit, f"99 % of sign-ins during the sweep within {limit * 1e3:.0f} ms: **{p99 * 1e3:.0f} ms**"),
        (rise <= 30, f"memory of the worker, at most 30 MiB between least and most: **{rise:.0f} MiB**"),
    ]  # fmt: skip
    for when in ("during", "after"):
        times = max(case["pages"][when][0] / case["pages"]["before"][0] for case in cases)
        found.append((times <= 2, f"first page {when} the sweep, at most 2 × before: **{times:.2f}**"))
    return [(ok, f"{title}, {said}, {'reached' if ok else '**MISSED**'}") for ok, said in found]


def missed(run: Run) -> bool:
    return not all(reached for reached, _ in goals(run))


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms"


def clicks_table(cases: list[Figures]) -> str:
    lines = [
        f"| sessions | {' | '.join(KINDS.values())} | probes accepted |",
        f"| ---: |{' ---: |' * len(KINDS)} ---: |",
    ]
    for case in cases:
        times = " | ".join(milliseconds(case["clicks"][kind]) for kind in KINDS)
        asked = f"{sum(case['accepted'])} of {case['probes'] * len(case['accepted'])}"
        lines.append(f"| {case['sessions']:,} | {times} | {asked} |")
    return "\n".join(lines)


def sweep_table(cases: list[Figures]) -> str:
    lines = [
        "| sessions | rows a second | worker's memory | sign-ins: failed, median, 99 %, longest (99 % before) "
        "| first page before | during | after |",
        "| ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for case in cases:
        least, most = case["memory"]
        sign_ins, pages = case["sign_ins"], case["pages"]
        times = ", ".join(milliseconds(sign_ins[name]) for name in ("median", "p99", "max"))
        idle = milliseconds(case["sign_ins_before"]["p99"])
        shown = " | ".join(f"{milliseconds(pages[when][0])} ({milliseconds(pages[when][1])})" for when in pages)
        whole = "" if case["whole"] else f" (stopped at {case['swept']:,})"
        lines.append(
            f"| {case['sessions']:,} | {case['rate']:,.0f}{whole} | {least:.0f} to {most:.0f} MiB "
            f"| {sign_ins['failures']} of {sign_ins['number']:,}, {times} ({idle}) | {shown} |"
        )
    return "\n".join(lines)


def peers_in_words(title: str, run: Run) -> str:
    rates, largest = run.peers[title], run.cases[title][-1]
    return (
        f"Rows a second at {largest['sessions']:,} sessions: the worker **{largest['rate']:,.0f}** (with an event for "
        "each row, in batches, beside the sign-ins); a bare `DELETE` of the same table "
        f"**{rates['bare']:,.0f}** (no event, nobody else gets in); `queryset.delete()` of django-qsessions on its "
        f"own table **{rates['qsessions']:,.0f}** (no event)."
    )


def written(run: Run) -> str:
    """Return the whole report in Markdown."""
    parts = ["# Terminating", METHOD, "## Goals", "\n".join(f"* {said}" for _, said in goals(run))]
    for title, cases in run.cases.items():
        parts += [f"## {title}", CLICKS, clicks_table(cases), SWEEP, sweep_table(cases), peers_in_words(title, run)]
    parts += ["## The machine", machine(run), REPEAT]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def machine(run: Run) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("Django", "psycopg", "gunicorn", "django-qsessions"))
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.freedesktop_os_release()['PRETTY_NAME']}, "
        f"Python {platform.python_version()}, PostgreSQL {run.postgres}, SQLite {sqlite3.sqlite_version} (WAL, "
        f"synchronous NORMAL); {packages}. {datetime.now(UTC):%d %B %Y}. The run took {run.seconds / 60:.0f} minutes, "
        f"and {run.load:.1f} processes were running or waiting on average at its end."
    )


METHOD = """
Each size is a database of its own, filled with sessions of a fifth as many people in twenty accounts, each with its
event in the history. Two servers (gunicorn, one process each) run the console on it as it is delivered; an
administrator's browser talks to the first. The worker is stopped until the sweep.
"""
CLICKS = """
From the click on the confirmation's button to the last byte of the answer, median: the time for one row and
one user's 20 includes removing them; the others are in effect with their answer and swept later. After the last
"everything", 100 browsers with sessions all over the table ask each server process; all had been let in before.
"""
SWEEP = """
Then the worker sweeps "everything" while another process signs people in without a pause of more than 50 ms (from
`login()` to the commit, no password hashing) and the administrator's browser loads the first page five times a
second. First page: median, and in brackets the 95th percentile.
"""
REPEAT = """
## Again

`make bench-terminate` (or `python -m bench.terminate` in the environment that it makes). It starts PostgreSQL from its
wheel and writes this file. On SQLite the worker rests twice as long as each of its batches takes, so that sign-ins get
in: a million rows take a good part of an hour there, by design. `python -m bench.terminate --quick` leaves out the
million, stops each sweep after half a minute, and writes nothing. The exit status is 1 if a goal was missed.
"""
