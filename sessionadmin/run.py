"""What `make run` does: prepare Session Admin on this machine, then serve it and the example until told to stop."""

import argparse
import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from io import StringIO
from pathlib import Path
from queue import SimpleQueue

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_TO_START = 30
SECONDS_TO_STOP = 10

Children = dict[str, subprocess.Popen[bytes]]


def keep_secret_key(name: str) -> None:
    """Put a random secret key into this file in var/, mode 0600, if there is none."""
    if not (VAR / name).exists():
        # Whole or not at all, and never readable by others, not even for a moment.
        with tempfile.NamedTemporaryFile("w", dir=VAR, delete=False) as fresh:
            fresh.write(secrets.token_urlsafe(48))
        Path(fresh.name).rename(VAR / name)


def prepare(demo: bool) -> str:
    """Make what is missing: keys, database, static files and, where nobody is yet, demo people; return `people`."""
    VAR.mkdir(mode=0o700, exist_ok=True)
    VAR.chmod(0o700)
    keep_secret_key("secret_key")
    keep_secret_key("reports_secret_key")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sessionadmin.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    collect_static_files()
    try:
        return people(demo and not settings.PRODUCTION)
    finally:
        connections.close_all()


def collect_static_files() -> None:
    """Collect the static files if one of them has changed since: compressing them takes ten seconds."""
    sources = [storage.path(name) for finder in get_finders() for name, storage in finder.list([])]
    state = sha256(repr(sorted((file, Path(file).stat().st_mtime_ns) for file in sources)).encode()).hexdigest()
    stamp = settings.STATIC_ROOT / ".collected"
    if not stamp.exists() or stamp.read_text() != state:
        print("Collecting the static files ...", flush=True)
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(state)


def people(demo: bool) -> str:
    """Return in words who may sign in."""
    # Models may be imported only when Django is set up.
    from django.contrib.auth.models import Group

    from sessions_ui.checks import DEMO_GROUP

    nobody = not get_user_model()._default_manager.exists()
    if nobody and not demo:
        return "There is nobody yet. Make the first administrator: .venv/bin/python manage.py createsuperuser"
    if not nobody and not Group.objects.filter(name=DEMO_GROUP).exists():
        return "Sign in with your own account."
    # Where the demo people are there already, it only says so and who they are.
    words = StringIO()
    call_command("seed_demo", "--password-file", str(VAR / "demo_password"), stdout=words)
    return words.getvalue()


def refuse_taken(port: int) -> None:
    """Exit with a sentence if something else listens on this port of this machine."""
    with socket.socket() as probe:
        # As gunicorn does, or a server that has just stopped would still seem to be there.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            sys.exit(f"Port {port} is taken. Choose another one: make run PORT={port + 100}")


def serve(application: str, port: int, folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start gunicorn in a process group of its own, so that Ctrl-C reaches only this program."""
    command = [sys.executable, "-m", "gunicorn", "--config", str(BASE_DIR / "sessionadmin" / "gunicorn.conf.py")]
    command += ["--bind", f"127.0.0.1:{port}", "--chdir", str(folder), application]
    return subprocess.Popen(command, cwd=BASE_DIR, env=environment, process_group=0)


def work() -> subprocess.Popen[bytes]:
    """Start the worker, which tidies after terminations and expiry."""
    return subprocess.Popen([sys.executable, str(BASE_DIR / "manage.py"), "work"], cwd=BASE_DIR, process_group=0)


def start(port: int) -> Children:
    """Start the console with its worker and, beside it, the example application on the next port."""
    # For the links in mail.
    os.environ.setdefault("PUBLIC_URL", f"http://127.0.0.1:{port}")
    reports = os.environ | {"DJANGO_SETTINGS_MODULE": "reports.settings", "PYTHONPATH": str(BASE_DIR)}
    return {
        "Session Admin": serve("sessionadmin.wsgi", port, BASE_DIR, dict(os.environ)),
        "The worker": work(),
        "Reports": serve("reports.wsgi", port + 1, BASE_DIR / "examples" / "reports", reports),
    }


def answers(port: int) -> bool:
    """Tell whether an application answers here; gunicorn accepts connections even before it could load one."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def announce(port: int, who: str, children: Children) -> None:
    """Wait until both servers answer, then say where they are and who may sign in."""
    until = time.monotonic() + SECONDS_TO_START
    while not (answers(port) and answers(port + 1)) and time.monotonic() < until and all_alive(children):
        time.sleep(0.1)
    if all_alive(children):
        print(f"\nSession Admin      http://127.0.0.1:{port}/")
        print(f"Reports (example)  http://127.0.0.1:{port + 1}/")
        print(who)
        if not os.environ.get("EMAIL_URL"):
            print("Mail, such as about a sign-in from a new place, is written below.")
        print("Ctrl-C stops everything.\n", flush=True)


def all_alive(children: Children) -> bool:
    return all(child.poll() is None for child in children.values())


def stop(children: Children) -> None:
    """End every child and all that it started, by force what takes too long."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    until = time.monotonic() + SECONDS_TO_STOP
    for child in children.values():
        try:
            child.wait(max(0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            continue
        finally:
            end_group(child.pid)


def end_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def run(port: int, who: str) -> int:
    """Serve until a signal comes or a server ends by itself; return the exit code."""
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (*ENDINGS, signal.SIGCHLD):
        signal.signal(number, lambda caught, frame: signals.put(caught))
    children = start(port)
    try:
        announce(port, who, children)
        while all_alive(children) and signals.get() not in ENDINGS:
            continue
        dead = [name for name, child in children.items() if child.poll() is not None]
    finally:
        stop(children)
    for name in dead:
        print(f"{name} ended by itself, so everything was stopped.", file=sys.stderr)
    return 1 if dead else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--empty", action="store_true", help="no demo people")
    options = parser.parse_args()
    if not 1024 <= options.port < 65535:
        sys.exit(f"Port {options.port} cannot be used: choose one from 1024 to 65534, for the next one is used too.")
    refuse_taken(options.port)
    refuse_taken(options.port + 1)
    try:
        who = prepare(demo=not options.empty)
    except (CommandError, ImproperlyConfigured, OperationalError, OSError) as error:
        sys.exit(f"Session Admin cannot be prepared: {error}")
    except KeyboardInterrupt:
        return 130
    return run(options.port, who)


if __name__ == "__main__":
    sys.exit(main())
