"""The console and Reports, each a process of its own, on free ports and on one database."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
REPORTS = ROOT / "examples" / "reports"
GUNICORN = ["-m", "gunicorn", "--config", str(ROOT / "sessionadmin" / "gunicorn.conf.py")]
SECONDS_TO_STOP = 10
SECRET_KEY = "for the servers of the browser tests only: whoever reads this file knows it"


@dataclass(frozen=True)
class Site:
    """Where the servers are, the password of the demo people, and what the servers leave behind."""

    console: str
    reports: str
    outage: str
    """The console once more, without a database."""
    password: str
    mails: Path
    logs: Path


@contextmanager
def serving(database_url: str, secret_key: str = SECRET_KEY, sessions: int = 240) -> Iterator[Site]:
    """Fill this empty database with demo people and their sessions, and serve both applications on it."""
    with tempfile.TemporaryDirectory(prefix="sessionadmin-browser-") as name, ExitStack() as stack:
        folder = Path(name)
        environment = variables(folder, database_url, secret_key)
        manage("migrate", environment)
        manage("collectstatic", environment, "--noinput")
        password = folder / "password"
        manage("seed_demo", environment, f"--sessions={sessions}", f"--password-file={password}")
        away = environment | {"DATABASE_URL": f"sqlite:///{folder}/nowhere/db.sqlite3"}
        reports = environment | {"DJANGO_SETTINGS_MODULE": "reports.settings"}
        yield Site(
            console=stack.enter_context(served("sessionadmin.wsgi", ROOT, environment, folder / "console.log")),
            reports=stack.enter_context(served("reports.wsgi", REPORTS, reports, folder / "reports.log")),
            outage=stack.enter_context(served("sessionadmin.wsgi", ROOT, away, folder / "outage.log")),
            password=password.read_text().strip(),
            mails=folder / "mails",
            logs=folder,
        )


def variables(folder: Path, database_url: str, secret_key: str) -> dict[str, str]:
    """Return an environment in which nothing is set that a real console on this machine uses."""
    return {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        # One slash more than in other addresses, or the folder would be below the current one.
        "EMAIL_URL": f"filemail:///{folder}/mails",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "REPORTS_SECRET_KEY": f"{secret_key}, of Reports",
        "SECRET_KEY": secret_key,
        "TEST_STATIC_ROOT": str(folder / "static"),
        "TMPDIR": str(folder),
    }


def manage(command: str, environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", command, *arguments, "--verbosity=0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}")


@contextmanager
def served(application: str, folder: Path, environment: dict[str, str], log: Path) -> Iterator[str]:
    """Start a server and give its address; it has ended when the block ends."""
    # The socket listens before the server is there, so that the first request waits for it.
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as output:
        bind = ["--bind", f"fd://{listening.fileno()}", "--chdir", str(folder), application]
        process = subprocess.Popen(
            [sys.executable, *GUNICORN, *bind],
            env=environment,
            pass_fds=[listening.fileno()],
            process_group=0,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
