"""The long form of the race and fault tests, by hand: `python -m tests.soak`, hours on both databases."""

import os
import subprocess
import sys
import tempfile

from tests.postgres import database_url, server

LONG = {"SOAK": "1", "DJANGO_SETTINGS_MODULE": "tests.settings"}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="sessionadmin-soak-") as scratch, server() as postgres:
        pytest = ["-m", "pytest", "-v", "-p", "no:playwright", "tests/races", "tests/faults"]
        runs = [(pytest, database_url(postgres, "soak")), (pytest, f"sqlite:///{scratch}/db")]
        runs.append((["-m", "tests.guards"], database_url(postgres, "guards")))
        codes = [
            subprocess.run(
                [sys.executable, *command], env=os.environ | LONG | {"DATABASE_URL": address}, check=False
            ).returncode
            for command, address in runs
        ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
