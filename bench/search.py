"""Time to find sessions among millions: `python -m bench.search [--small]`."""

import argparse
import json
import secrets
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench import records_report
from bench.databases import connect, postgres_in_words
from bench.search_report import missed, written
from tests.browser.servers import manage, variables
from tests.postgres import database_url, kept_server

FOLDER = Path(__file__).parent.parent / "var" / "bench"
MILLION = 1_000_000
SIZES = {"PostgreSQL": [100_000, MILLION, 5 * MILLION], "SQLite": [100_000, MILLION]}
SMALL = {"PostgreSQL": [100_000], "SQLite": [100_000]}
PEERS = ["qsessions", "user_sessions"]


class Bench:
    """Measures one database after another, each filled once and kept."""

    def __init__(self, postgres: str) -> None:
        self.postgres, self.key = postgres, secrets.token_urlsafe(50)

    def address(self, title: str, name: str) -> tuple[str, bool]:
        """Return the address of the database and whether it is there already."""
        filled = self.mark(title, name).exists()
        if title == "SQLite":
            return f"sqlite:///{FOLDER}/{name}.sqlite3", filled
        with connect(self.postgres) as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if not there:
                connection.execute(f"CREATE DATABASE {name}")
        return database_url(self.postgres, name), filled and bool(there)

    def mark(self, title: str, name: str) -> Path:
        """Return the file that is there when the database was filled to its end."""
        return FOLDER / f"{name}.{title.lower()}"

    def run(self, module: str, address: str, **own: str) -> Any:
        """Run a module on this database and return what it prints; raises RuntimeError."""
        environment = variables(FOLDER, address, self.key) | {"RESTORE_MARK_FILE": ""} | own
        done = subprocess.run(
            [sys.executable, "-m", module], env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{module} ended with {done.returncode}; its last words stand above.")
        return json.loads(done.stdout)

    def in_turns(self, title: str, size: int) -> dict[str, Any]:
        """Measure our whole answers and those of the peers: what else the machine does slows all alike."""
        turns = [{app: self.case(title, size, app, whole=True) for app in ["sessions_ui", *PEERS]} for _ in range(3)]
        return {app: _middle([turn[app] for turn in turns]) for app in turns[0]}

    def case(self, title: str, size: int, app: str = "sessions_ui", *, whole: bool = False) -> Any:
        """Fill the database if it is empty, and measure it, or its whole answers alone."""
        name = f"search_{app}_{size}"
        address, filled = self.address(title, name)
        module = "bench.search_case" if app == "sessions_ui" else "bench.search_peers"
        own = {"BENCH_SESSIONS": str(size), "BENCH_FILL": "" if filled else "1"}
        own["BENCH_WHOLE"] = "1" if whole else ""
        if app != "sessions_ui":
            own |= {
                "BENCH_CASE": app,
                "BENCH_VALKEY_URL": "redis://",
                "DJANGO_SETTINGS_MODULE": "bench.admin_settings",
            }
        found = self.run(module, address, **own)
        self.mark(title, name).touch()
        print(title, app, size, json.dumps(found), file=sys.stderr, flush=True)
        return found


def _middle(turns: list[Any]) -> Any:
    """Return of each figure the median of the turns."""
    return {
        name: {which: median(turn[name][which] for turn in turns) for which in figures}
        for name, figures in turns[0].items()
    }


def records(small: bool) -> int:
    """Measure the login records instead; return 1 if a goal was missed."""
    begun, found = time.monotonic(), {}
    sizes = {title: several[-1] for title, several in (SMALL if small else SIZES).items()}
    with kept_server(FOLDER) as address:
        bench = Bench(address)
        for title, size in sizes.items():
            name = f"records_{size}"
            url, filled = bench.address(title, name)
            own = {"BENCH_SESSIONS": str(size), "BENCH_FILL": "" if filled else "1"}
            found[f"{title} {size}"] = bench.run("bench.records_case", url, **own)
            bench.mark(title, name).touch()
        text = records_report.written(found, f"PostgreSQL {postgres_in_words(address)}", time.monotonic() - begun)
    print(text)
    if not small:
        (Path(__file__).parent / "RECORDS.md").write_text(text)
    return 1 if records_report.missed(found) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", action="store_true", help="login records instead; RECORDS.md holds the result")
    parser.add_argument("--small", action="store_true", help="a hundred thousand only; SEARCH.md stays as it is")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    # PostgreSQL as nobody must reach what is its own below.
    FOLDER.chmod(0o711)
    if options.records:
        return records(options.small)
    sizes, begun = SMALL if options.small else SIZES, time.monotonic()
    try:
        with kept_server(FOLDER) as address:
            bench = Bench(address)
            manage("collectstatic", variables(FOLDER, "sqlite:///:memory:", bench.key), "--noinput")
            ours, peers, compared = dict[str, Any](), dict[str, Any](), sizes["SQLite"][-1]
            for title, size in [(of, number) for of, numbers in sizes.items() for number in numbers]:
                ours[f"{title} {size}"] = bench.case(title, size)
                if size == compared:
                    peers[title] = bench.in_turns(title, size)
                    ours[f"{title} {size}"]["whole"] = peers[title].pop("sessions_ui")
            said = postgres_in_words(address)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    text = written(ours, peers, compared, f"PostgreSQL {said}", time.monotonic() - begun)
    print(text)
    if not options.small:
        (Path(__file__).parent / "SEARCH.md").write_text(text)
    return 1 if missed(ours, peers, compared) else 0


if __name__ == "__main__":
    sys.exit(main())
