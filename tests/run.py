"""Everything that `make test` runs: `python -m tests.run`, with CI=true if nothing may be left out."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.contract.source import django_tests
from tests.postgres import database_url, server

CONTRACT_TESTS = 65
AT_ONCE = 2
SECONDS_TO_STOP = 10
# What is set on this machine for a real console must not reach the tests.
KEPT_VARIABLES = {"CI", "HOME", "LANG", "LC_ALL", "PATH", "PYTEST_ADDOPTS", "TERM", "USER"}


@dataclass
class Outcome:
    """What one part came to."""

    passed: int
    failed: int
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    code: int = 0


@dataclass(frozen=True)
class Part:
    """A process that runs some of the tests, and how to count them from what it leaves in its folder."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    count: Callable[[Path], Outcome]


@dataclass(frozen=True)
class Running:
    """A part under way."""

    part: Part
    process: subprocess.Popen[bytes]
    since: float

    @classmethod
    def start(cls, part: Part) -> "Running":
        part.folder.mkdir()
        kept = {name: value for name, value in os.environ.items() if name in KEPT_VARIABLES}
        with (part.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                part.command,
                env=kept | {"TMPDIR": str(part.folder)} | part.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        return cls(part, process, time.monotonic())

    def finish(self) -> Outcome:
        """Wait for the end and count; a process that failed without a failed test is one failure."""
        code = self.process.wait()
        outcome = self.part.count(self.part.folder)
        if code and not outcome.failed:
            outcome.failed = 1
        outcome.code = code
        outcome.seconds = time.monotonic() - self.since
        return outcome

    def stop(self) -> None:
        """Interrupt the process, so that it tidies up, and end by force what does not."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def pytest_outcome(folder: Path) -> Outcome:
    report = folder / "report.xml"
    if not report.exists():
        return Outcome(0, 1)
    cases = ElementTree.parse(report).findall(".//testcase")
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = Counter(skip.get("message", "") for case in cases if (skip := case.find("skipped")) is not None)
    return Outcome(len(cases) - failed - skipped.total(), failed, skipped)


def contract_outcome(folder: Path) -> Outcome:
    """Count from the lines of Django's runner; each test that is not there is a failure."""
    log = (folder / "log").read_text()
    ran = sum(map(int, re.findall(r"^Ran (\d+) tests", log, re.MULTILINE)))
    failed = sum(map(int, re.findall(r"(?:failures|errors)=(\d+)", log)))
    return Outcome(ran - failed, failed + max(0, CONTRACT_TESTS - ran))


def pytest_part(name: str, address: str, scratch: Path, selection: list[str]) -> Part:
    folder = scratch / name.lower().replace(", ", "-")
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={folder}/report.xml", *selection]
    return Part(name, command, {"DATABASE_URL": address}, folder, pytest_outcome)


def database_parts(databases: dict[str, str], scratch: Path) -> Iterator[Part]:
    """Give the tests on each database in two parts: one that is left at the end keeps a single core busy."""
    for name, address in databases.items():
        yield pytest_part(name, address, scratch, ["--ignore=tests/browser", "--ignore=tests/pages"])
        yield pytest_part(f"{name}, pages", f"{address}_pages", scratch, ["tests/pages"])


def contract_parts(databases: dict[str, str], scratch: Path, tests: Path) -> Iterator[Part]:
    command = [sys.executable, "-W", "error", "-m", "django", "test", "tests.contract.engine", "--noinput"]
    for name, address in databases.items():
        for zones in ("on", "off"):
            environment = {
                "CONTRACT_USE_TZ": zones,
                "DATABASE_URL": f"{address}_{zones}",
                "DJANGO_SETTINGS_MODULE": "tests.contract.settings",
                "PYTHONPATH": f"{tests}{os.pathsep}{Path.cwd()}",
            }
            folder = scratch / f"contract-{name.lower()}-{zones}"
            title = f"Django's session tests, {name}, USE_TZ {zones}"
            yield Part(title, command, environment, folder, contract_outcome)


def lacking_for_a_browser() -> list[str]:
    """Return the Debian packages that must be installed before chromium can be driven."""
    lacking = [] if shutil.which("chromium") else ["chromium"]
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        lacking.append("libatomic1")
    return lacking


def plan(postgres: str, scratch: Path) -> tuple[list[Part], list[str]]:
    """Return the parts to run, longest first, and in words what has to be left out."""
    left_out = []
    databases = {"PostgreSQL": database_url(postgres, "sessionadmin"), "SQLite": f"sqlite:///{scratch}/db"}
    parts = list(database_parts(databases, scratch))
    if lacking := lacking_for_a_browser():
        left_out.append(f"browser tests; they need: apt-get install {' '.join(lacking)}")
    else:
        parts.insert(0, pytest_part("Browser", databases["SQLite"], scratch, ["tests/browser"]))
        if not shutil.which("java"):
            left_out.append("HTML checker; it needs: apt-get install default-jre-headless")
    if tests := django_tests():
        parts.extend(contract_parts(databases, scratch, tests))
    else:
        left_out.append("Django's session tests; their source is fetched once, and the network is not there")
    return parts, left_out


def run_all(parts: list[Part]) -> dict[str, Outcome]:
    """Run the parts, some at once; tell of each as it ends, with its whole output if anything failed."""
    waiting, running, outcomes = list(reversed(parts)), dict[int, Running](), dict[str, Outcome]()
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                started = Running.start(waiting.pop())
                running[started.process.pid] = started
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            assert ended is not None, "without WNOHANG it waits"
            part, outcome = running[ended.si_pid].part, running[ended.si_pid].finish()
            del running[ended.si_pid]
            outcomes[part.name] = outcome
            if outcome.failed:
                print((part.folder / "log").read_text())
            print(f"{part.name}: {f'FAILED (exit code {outcome.code})' if outcome.failed else 'passed'}", flush=True)
    finally:
        for left in running.values():
            left.stop()
    return outcomes


def summarise(outcomes: dict[str, Outcome], left_out: list[str]) -> int:
    """Print a line for each part, what did not run and why, then the totals alone on a line; return the failures."""
    print()
    for name, outcome in outcomes.items():
        verdict = f"{outcome.failed} FAILED" if outcome.failed else "all passed"
        print(f"{name}: Ran {outcome.passed + outcome.failed} tests in {outcome.seconds:.1f} s, {verdict}")
        for reason, count in outcome.skipped.items():
            print(f"    {count} skipped: {reason}")
    must_be_whole = os.environ.get("CI") == "true"
    for reason in left_out:
        print(f"LEFT OUT{', which CI=true makes a failure' if must_be_whole else ''}: {reason}")
    passed = sum(outcome.passed for outcome in outcomes.values())
    failed = sum(outcome.failed for outcome in outcomes.values()) + (len(left_out) if must_be_whole else 0)
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return failed


def main() -> int:
    # A signal must not leave PostgreSQL behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="sessionadmin-tests-") as scratch, server() as postgres:
            # Tests that start a PostgreSQL of their own do so as nobody, who must get through to its folder.
            Path(scratch).chmod(0o711)
            parts, left_out = plan(postgres, Path(scratch))
            outcomes = run_all(parts)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped before the end.", file=sys.stderr)
        return 130
    return 1 if summarise(outcomes, left_out) else 0


if __name__ == "__main__":
    sys.exit(main())
