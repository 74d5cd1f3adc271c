import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.contrib.auth.models import Group, User
from pytest_django import Settings

from sessionadmin.startup import REFUSED, faults

ROOT = Path(__file__).parent.parent
STRONG = "correct-horse-battery-staple-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CANARIES = ("canary", "k3y0f4s3ss10nth4tn0b0dymays33abc", "0123456789abcdef0123456789abcdef")
GUNICORN = [sys.executable, "-m", "gunicorn", "--config", "sessionadmin/gunicorn.conf.py"]
IN_EVENT_LOOP = "import asyncio\nasync def main():\n    import sessionadmin.asgi\nasyncio.run(main())"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with a short name, whoever runs the tests: the path of a Unix socket has 107 bytes at most."""
    with TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A console of its own, with an empty database."""
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": STRONG,
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "DEMO_PASSWORD_FILE": str(tmp_path / "demo_password"),
        "WEB_BIND": f"unix:{tmp_path}/socket",
    }


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command or (sys.executable, "-c", "import sessionadmin.wsgi"),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class WsgiTests:
    """R171"""

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"SESSION_APPLICATION": "two words"}, "sessions_ui.E001: SESSION_APPLICATION is 'two words'"),
            ({"SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere"}, "There is no secret key: set SECRET_KEY"),
            ({"WEB_THREADS": "many"}, "WEB_THREADS is 'many', which is not a whole number"),
            ({"PRODUCTION": "enabled"}, "PRODUCTION is 'enabled'. Set it to 1 for on"),
        ],
    )
    def test_fault_stops_the_start_in_words(
        self, wrong: dict[str, str], sentence: str, environment: dict[str, str]
    ) -> None:
        done = run(environment | wrong)
        assert done.returncode == REFUSED
        assert done.stderr.startswith("Session Admin does not start:\n")
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr + done.stdout

    def test_production_starts(self, environment: dict[str, str]) -> None:
        done = run(environment | {"PRODUCTION": "1"})
        assert (done.returncode, done.stderr) == (0, "")

    def test_database_that_is_away_does_not_stop_the_start(self, environment: dict[str, str]) -> None:
        away = {"PRODUCTION": "1", "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
        done = run(environment | away)
        assert (done.returncode, done.stderr) == (0, "")
        assert "WARNING sessionadmin.startup The database does not answer" in done.stdout

    def test_missing_location_file_is_a_warning(self, environment: dict[str, str]) -> None:
        done = run(environment | {"PRODUCTION": "1", "GEOIP_PATH": "/nowhere.mmdb"})
        assert (done.returncode, done.stderr) == (0, "")
        assert "WARNING sessionadmin.startup sessions_ui.W002:" in done.stdout


class AsgiTests:
    """R171"""

    def test_starts_inside_an_event_loop(self, environment: dict[str, str]) -> None:
        done = run(environment | {"PRODUCTION": "1"}, sys.executable, "-c", IN_EVENT_LOOP)
        assert (done.returncode, done.stderr) == (0, "")

    def test_fault_stops_the_start_in_words(self, environment: dict[str, str]) -> None:
        done = run(environment | {"SESSION_APPLICATION": "?"}, sys.executable, "-c", IN_EVENT_LOOP)
        assert (done.returncode, "sessions_ui.E001" in done.stderr) == (REFUSED, True)


@pytest.mark.django_db(transaction=True)
class FaultTests:
    """R171"""

    def test_demo_people_stop_the_start(self, settings: Settings, tmp_path: Path) -> None:
        settings.PRODUCTION, settings.DEMO_PASSWORD_FILE = True, str(tmp_path / "none")
        assert not [fault for fault in faults(production=True) if "E014" in fault]
        User.objects.create(username="anna").groups.add(Group.objects.create(name="Demo people"))
        assert [fault for fault in faults(production=True) if fault.startswith("sessions_ui.E014: There are demo")]

    @pytest.mark.parametrize("key", ["short", "a" * 60, f"django-insecure-{STRONG}"])
    def test_weak_key_stops_the_start(self, key: str, settings: Settings) -> None:
        settings.SECRET_KEY = key
        assert [fault for fault in faults(production=True) if fault.startswith("security.W009")]
        assert faults(production=False) == []

    def test_silenced_check_does_not(self, settings: Settings) -> None:
        settings.SESSION_APPLICATION, settings.SILENCED_SYSTEM_CHECKS = "", ["sessions_ui.E001"]
        assert faults(production=False) == []


class GunicornTests:
    def test_stops_when_its_worker_refuses(self, environment: dict[str, str]) -> None:
        done = run(environment | {"SESSION_APPLICATION": "?"}, *GUNICORN)
        assert done.returncode == REFUSED
        assert "sessions_ui.E001" in done.stderr
        assert "Traceback" not in done.stderr + done.stdout

    def test_unreadable_settings_are_told_once(self, environment: dict[str, str]) -> None:
        done = run(environment | {"SECRET_KEY": "", "SECRET_KEY_FILE": "/nowhere"}, *GUNICORN)
        assert (done.returncode, done.stdout) == (REFUSED, "")
        assert done.stderr.count("There is no secret key") == 1

    def test_knobs_reach_it(self, environment: dict[str, str]) -> None:
        knobs = {"WEB_WORKERS": "3", "WEB_THREADS": "5", "WEB_TIMEOUT": "7", "WEB_GRACEFUL_TIMEOUT": "9"}
        told = run(environment | knobs, *GUNICORN, "--print-config").stdout
        shown = dict(line.split("=", 1) for line in told.replace(" ", "").splitlines() if "=" in line)
        names = ["workers", "threads", "timeout", "graceful_timeout", "worker_class", "control_socket_disable"]
        assert [shown[name] for name in names] == ["3", "5", "7", "9", "gthread", "True"]


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A real gunicorn that listens on tmp_path/socket; its standard error is its standard output."""
    with subprocess.Popen(
        GUNICORN, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        while "Listening" not in process.stdout.readline():
            assert process.poll() is None
        yield process
        process.terminate()


def send(request: bytes, path: Path) -> bytes:
    """Send a raw request and return the status line; whoever asks first waits for the worker."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(request)
        return client.makefile("rb").readline()


def ask(path: Path, method: str, target: str, body: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("10.1.2.3")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))
    headers = {"Cookie": f"console={CANARIES[1]}", "Authorization": "Bearer canary", "Referer": "http://x/?canary"}
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


class OutputTests:
    def test_no_secret_and_no_second_line(self, server: subprocess.Popen[str], tmp_path: Path) -> None:
        """R153, R154: whatever is sent, each line of the output is an event, and no canary is in it."""
        path = tmp_path / "socket"
        assert ask(path, "GET", "/healthz?canary").status == 200
        for method in ("GET", "POST"):
            ask(path, method, f"/a%0a%1b%c2%85%e2%80%a8/{CANARIES[1]}?canary", "password=canary")
            ask(path, method, f"/password/reset/MQ/c0ffee-{CANARIES[2]}/?x='canary", "token=canary")
        for line in (b"GET /?canary x y HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nCookie console=canary\r\n", b"canary\r\n"):
            assert b" 400 " in send(line + b"Host: x\r\n\r\n", path)
        server.terminate()
        lines = server.communicate()[0].splitlines()
        assert server.returncode == 0
        assert len([line for line in lines if " INFO gunicorn.access " in line]) >= 5
        assert all(line[:4].isdigit() and line.isprintable() for line in lines)
        assert not [line for line in lines if any(canary in line for canary in CANARIES)]
