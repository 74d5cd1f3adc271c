"""What `make run` does: prepare Session Admin on this machine, then serve it and the example until told to stop."""

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import SimpleQueue

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_TO_START = 30
SECONDS_TO_STOP = 10

Children = dict[str, subprocess.Popen[bytes]]


def keep_secret(name: str, size: int) -> Path:
    """Return the file in var/ that keeps a random secret, mode 0600; make it if it is not there."""
    file = VAR / name
    if not file.exists():
        # Whole or not at all, and never readable by others, not even for a moment.
        with tempfile.NamedTemporaryFile("w", dir=VAR, delete=False) as fresh:
            fresh.write(secrets.token_urlsafe(size))
        Path(fresh.name).rename(file)
    return file


def prepare(demo: bool) -> str:
    """Make what is missing: keys, database, static files, demo people if nobody is there; return who may sign in."""
    VAR.mkdir(mode=0o700, exist_ok=True)
    VAR.chmod(0o700)
    keep_secret("secret_key", 48)
    keep_secret("reports_secret_key", 48)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sessionadmin.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if demo and not settings.PRODUCTION and not get_user_model()._default_manager.exists():
        call_command("seed_demo", "--password-file", str(keep_secret("demo_password", 9)))
    people = sign_ins()
    connections.close_all()
    return people


def sign_ins() -> str:
    """Return in words who may sign in."""
    from sessions_ui.management.commands.seed_demo import SIGN_INS

    people = get_user_model()._default_manager
    if not people.exists():
        return "There is nobody yet. Make the first administrator: .venv/bin/python manage.py createsuperuser"
    demo = [f"    {name:<10} {role}" for name, role in SIGN_INS if people.filter(username=name).exists()]
    password = VAR / "demo_password"
    if not demo or not password.exists():
        return "Sign in with your own account."
    return "\n".join([f"Demo people, all with the password {password.read_text()}", *demo])


def refuse_taken(port: int) -> None:
    """Exit with a sentence if something else listens on this port of this machine."""
    with socket.socket() as probe:
        # As gunicorn does, or a server that has just stopped would still seem to be there.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            sys.exit(f"Port {port} cannot be used ({error.strerror}). Choose another one: make run PORT={port + 100}")


def serve(application: str, port: int, folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start gunicorn in a process group of its own, so that Ctrl-C reaches only this program."""
    command = [sys.executable, "-m", "gunicorn", "--config", str(BASE_DIR / "sessionadmin" / "gunicorn.conf.py")]
    command += ["--bind", f"127.0.0.1:{port}", "--chdir", str(folder), application]
    return subprocess.Popen(command, cwd=BASE_DIR, env=environment, process_group=0)


def start(port: int) -> Children:
    """Start the console and, beside it, the example application on the next port with a key of its own."""
    reports = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "SESSION_APPLICATION"}}
    reports |= {
        "DATABASE_URL": os.environ.get("DATABASE_URL", f"sqlite:///{VAR}/sessionadmin.sqlite3"),
        "DJANGO_SETTINGS_MODULE": "reports.settings",
        "PYTHONPATH": str(BASE_DIR),
        "SECRET_KEY_FILE": str(VAR / "reports_secret_key"),
    }
    return {
        "Session Admin": serve("sessionadmin.wsgi", port, BASE_DIR, dict(os.environ)),
        "Reports": serve("reports.wsgi", port + 1, BASE_DIR / "examples" / "reports", reports),
    }


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def announce(port: int, people: str, children: Children) -> None:
    """Wait until both servers answer, then say where they are and who may sign in."""
    until = time.monotonic() + SECONDS_TO_START
    while not (answers(port) and answers(port + 1)) and time.monotonic() < until and all_alive(children):
        time.sleep(0.1)
    if all_alive(children):
        print(f"\nSession Admin      http://127.0.0.1:{port}/")
        print(f"Reports (example)  http://127.0.0.1:{port + 1}/")
        print(f"{people}\nCtrl-C stops everything.\n", flush=True)


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


def run(port: int, people: str) -> int:
    """Serve until a signal comes or a server ends by itself; return the exit code."""
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (*ENDINGS, signal.SIGCHLD):
        signal.signal(number, lambda caught, frame: signals.put(caught))
    children = start(port)
    try:
        announce(port, people, children)
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
        people = prepare(demo=not options.empty)
    except (CommandError, ImproperlyConfigured, OperationalError, OSError) as error:
        sys.exit(f"Session Admin cannot be prepared: {error}")
    except KeyboardInterrupt:
        return 130
    return run(options.port, people)


if __name__ == "__main__":
    sys.exit(main())
