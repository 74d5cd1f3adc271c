"""One database of one size, in a process of its own: seeds, serves, clicks, probes and sweeps it; prints JSON."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import ceil
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import django

from bench.termination.browser import LIST, Administrator
from tests.browser.servers import ROOT, served
from tests.plain_browser import Browser

LARGE_REPETITIONS = 5
ROWS = 15
PAGES = 40
PAUSE_BETWEEN_PAGES = 0.2
SIGN_INS_BEFORE = 10.0
Figures = dict[str, Any]


def clicks(browser: Administrator) -> Figures:
    """Return for each kind of termination the seconds of each click; the worker is stopped all the while."""
    from bench.termination.seed import REPETITIONS
    from sessions_ui.models import Session, Termination

    rows = Session.objects.filter(user__username__startswith="person").order_by("-id")[50 : 50 + ROWS]
    public_ids = list(rows.values_list("public_id", flat=True))
    found: Figures = {
        "row": [browser.terminate(f"session={public_id}") for public_id in public_ids],
        "user": [browser.terminate(f"user=twenty{n}") for n in range(REPETITIONS)],
    }
    for name, query in (("account", "account=account-0"), ("everything", "everything=1")):
        found[name] = []
        for _ in range(LARGE_REPETITIONS):
            found[name].append(browser.terminate(query))
            # Nothing has been swept, so without the record its sessions are live again.
            Termination.objects.unfinished().delete()
    return found


def accepted(roots: list[str], keys: list[str]) -> dict[str, int]:
    """Return how many of these keys each server process still takes for signed in."""
    return {root: sum(Browser(root, key).ask("GET", "/my-sessions/").status == 200 for key in keys) for root in roots}


def first_pages(browser: Administrator) -> list[float]:
    return [browser.ask("GET", LIST).seconds for _ in range(PAGES)]


@contextmanager
def signing_in() -> Iterator[Figures]:
    """Sign people in for as long as the block lasts; the figures are there after it."""
    command = [sys.executable, "-m", "bench.termination.sign_ins"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    found: Figures = {}
    yield found
    process.stdin.close()
    found |= json.loads(process.stdout.read())
    process.wait()


def resident(pid: int) -> float:
    """Return the resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def sweep(browser: Administrator, longest: float) -> Figures:
    """Let the worker sweep, at most so many seconds, while people sign in and the first page is looked at."""
    from sessions_ui.models import Termination

    progress: list[tuple[float, int]] = []
    memory: list[float] = []
    pages: list[float] = []
    with signing_in() as sign_ins:
        worker = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "work"], stdout=subprocess.DEVNULL)
        try:
            begun = perf_counter()
            while perf_counter() - begun < longest:
                ended, finished = Termination.objects.values_list("ended", "finished_on").latest("id")
                if ended:
                    progress.append((perf_counter(), ended))
                    memory.append(resident(worker.pid))
                if finished:
                    break
                pages.append(browser.ask("GET", LIST).seconds)
                time.sleep(PAUSE_BETWEEN_PAGES)
        finally:
            worker.terminate()
            worker.wait()
    (since, first), (until, last) = progress[0], progress[-1]
    return {
        "rate": (last - first) / max(0.001, until - since) if last > first else last / (until - begun),
        "swept": last,
        "whole": bool(finished),
        "memory": memory,
        "pages": pages,
        "after": first_pages(browser),
        "sign_ins": sign_ins,
    }


def measure(number: int, longest: float) -> Figures:
    from bench.termination.seed import seed

    begun = perf_counter()
    seeded = seed(number)
    found: Figures = {"sessions": number, "seeding": perf_counter() - begun}
    with tempfile.TemporaryDirectory(prefix="sessionadmin-bench-") as folder, ExitStack() as stack:
        logs = [Path(folder) / "1.log", Path(folder) / "2.log"]
        own = dict(os.environ) | {"WEB_WORKERS": "1"}
        # Two servers of one process each, so that it is known which process answers.
        roots = [stack.enter_context(served("sessionadmin.wsgi", ROOT, own, log)) for log in logs]
        browser = Administrator(roots[0], seeded.administrator)
        first_pages(browser)
        found["before"] = first_pages(browser)
        assert list(accepted(roots, seeded.keys).values()) == [len(seeded.keys)] * len(roots)
        with signing_in() as found["sign_ins_before"]:
            time.sleep(SIGN_INS_BEFORE)
        found["clicks"] = clicks(browser)
        browser.terminate("everything=1")
        found["accepted"] = list(accepted(roots, seeded.keys).values())
        found["probes"] = len(seeded.keys)
        found |= sweep(browser, longest)
    return found


def percentile(seconds: list[float], percent: int) -> float:
    """Return what so many percent of these are at most."""
    return sorted(seconds)[ceil(len(seconds) * percent / 100) - 1]


def summary(found: Figures) -> Figures:
    """Return the figures that the report tells."""
    told = {name: found[name] for name in ("sessions", "seeding", "accepted", "probes", "rate", "swept", "whole")}
    pages = {"before": found["before"], "during": found["pages"] or found["after"], "after": found["after"]}
    return told | {
        "clicks": {name: median(seconds) for name, seconds in found["clicks"].items()},
        "memory": (min(found["memory"]), max(found["memory"])),
        "pages": {name: (median(seconds), percentile(seconds, 95)) for name, seconds in pages.items()},
        "sign_ins_before": sign_ins_summary(found["sign_ins_before"]),
        "sign_ins": sign_ins_summary(found["sign_ins"]),
    }


def sign_ins_summary(sign_ins: Figures) -> Figures:
    seconds = sign_ins["seconds"]
    return {
        "number": len(seconds),
        "failures": len(sign_ins["failures"]),
        "median": median(seconds),
        "p99": percentile(seconds, 99),
        "max": max(seconds),
    }


def main() -> None:
    django.setup()
    found = measure(int(os.environ["BENCH_SESSIONS"]), float(os.environ["BENCH_SECONDS_OF_SWEEP"]))
    print(json.dumps(summary(found)), flush=True)


if __name__ == "__main__":
    main()
