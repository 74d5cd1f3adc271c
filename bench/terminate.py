"""Time to terminate, and what the sweep costs everybody else: `python -m bench.terminate [--quick]`."""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.databases import connect, postgres, postgres_in_words
from bench.termination.report import Run, missed, written
from tests.browser.servers import manage, variables
from tests.postgres import database_url

SIZES = [10_000, 100_000, 1_000_000]
QUICK = SIZES[:2]
HOUR = 3600.0


class Bench:
    """Runs the cases of one database after another, each in a process and on a database of its own."""

    def __init__(self, folder: Path, postgres: str, longest: float) -> None:
        self.folder, self.postgres, self.longest = folder, postgres, longest
        self.key = secrets.token_urlsafe(50)
        manage("collectstatic", self.environment(f"sqlite:///{folder}/none.sqlite3"), "--noinput")

    def environment(self, address: str) -> dict[str, str]:
        return variables(self.folder, address, self.key) | {"RESTORE_MARK_FILE": ""}

    def address(self, title: str, name: str) -> str:
        """Make an empty database and return its address."""
        if title == "SQLite":
            return f"sqlite:///{self.folder}/{name}.sqlite3"
        name = f"bench_{name}_{os.getpid()}"
        with connect(self.postgres) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return database_url(self.postgres, name)

    def drop(self, address: str) -> None:
        if address.startswith("sqlite"):
            for file in self.folder.glob(f"{Path(address).name}*"):
                file.unlink()
            return
        with connect(self.postgres) as connection:
            connection.execute(f"DROP DATABASE {address.rpartition('/')[2]} WITH (FORCE)")

    def run(self, module: str, address: str, **own: str) -> Any:
        """Run a module on this database and return what it prints; raises RuntimeError."""
        environment = self.environment(address) | own
        done = subprocess.run(
            [sys.executable, "-m", module], env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{module} ended with {done.returncode}; its last words stand above.")
        return json.loads(done.stdout)

    def case(self, title: str, size: int) -> Any:
        address = self.address(title, f"case_{size}")
        own = {"BENCH_SESSIONS": str(size), "BENCH_SECONDS_OF_SWEEP": str(self.longest)}
        try:
            return self.run("bench.termination.case", address, **own)
        finally:
            self.drop(address)

    def peers(self, title: str, size: int) -> Any:
        number = {"BENCH_SESSIONS": str(size)}
        ours, theirs = self.address(title, "ours"), self.address(title, "theirs")
        try:
            self.run("bench.termination.only_seed", ours, **number)
            qsessions = {"BENCH_PEER": "qsessions", "BENCH_CASE": "qsessions", "BENCH_VALKEY_URL": "redis://"}
            settings = {"DJANGO_SETTINGS_MODULE": "bench.settings"}
            return {
                "bare": self.run("bench.termination.peers", ours, BENCH_PEER="bare", **number),
                "qsessions": self.run("bench.termination.peers", theirs, **number, **qsessions, **settings),
            }
        finally:
            self.drop(ours)
            self.drop(theirs)


def run(sizes: list[int], longest: float, titles: list[str]) -> Run:
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="sessionadmin-bench-"))
    try:
        with postgres() as address:
            bench = Bench(folder, address, longest)
            cases: dict[str, list[Any]] = {title: [] for title in titles}
            for title in titles:
                for size in sizes:
                    cases[title].append(bench.case(title, size))
                    print(title, json.dumps(cases[title][-1]), file=sys.stderr, flush=True)
            peers = {title: bench.peers(title, sizes[-1]) for title in titles}
            return Run(cases, peers, postgres_in_words(address), time.monotonic() - begun, os.getloadavg()[1])
    finally:
        shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the million; TERMINATE.md stays as it is")
    parser.add_argument("--only", choices=["PostgreSQL", "SQLite"], help="one database; TERMINATE.md stays as it is")
    parser.add_argument("--seconds-of-sweep", type=float, help="stop each sweep after so long")
    options = parser.parse_args()
    longest = options.seconds_of_sweep or (30.0 if options.quick else HOUR)
    # A signal must not leave PostgreSQL behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        result = run(
            QUICK if options.quick else SIZES, longest, [options.only] if options.only else ["PostgreSQL", "SQLite"]
        )
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    text = written(result)
    print(text)
    if not options.quick and not options.only:
        (Path(__file__).parent / "TERMINATE.md").write_text(text)
    return 1 if missed(result) else 0


if __name__ == "__main__":
    sys.exit(main())
