"""`make run`, in a copy of the checkout, on its own SQLite database."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(
    "sqlite" not in os.environ.get("DATABASE_URL", "sqlite"), reason="make run brings its own database: once is enough"
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("examples", "sessionadmin", "sessions_ui", "static", "templates"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "manage.py", folder)
    return folder


def free_ports() -> int:
    """Return the first of two neighbouring ports that nobody listens on."""
    for port in range(20000, 30000, 2):
        with ExitStack() as stack:
            try:
                for number in (port, port + 1):
                    stack.enter_context(socket.create_server(("127.0.0.1", number)))
            except OSError:
                continue
            return port
    raise AssertionError("no two free ports")


def start(checkout: Path, port: int, empty_database: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sessionadmin.run", "--port", str(port), *(["--empty"] if empty_database else [])],
        cwd=checkout,
        env={"PATH": os.environ["PATH"]} | ({"DATABASE_URL": empty_database} if empty_database else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running(checkout: Path, port: int, empty_database: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give the running process and what it said until it was ready; press Ctrl-C in the end."""
    with start(checkout, port, empty_database) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        try:
            yield process, "".join(said)
        finally:
            process.send_signal(signal.SIGINT)


def processes_of(*words: str) -> list[str]:
    """Return the command lines that hold one of the words."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        # It may end meanwhile.
        with suppress(OSError):
            lines.append(process.joinpath("cmdline").read_text())
    return [line for line in lines if any(word in line for word in words)]


def servers_on(port: int) -> list[str]:
    """Return the command lines that name this port or the next."""
    return processes_of(f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}")


def workers_of(checkout: Path) -> list[str]:
    return processes_of(f"{checkout}/manage.py\0work")


@pytest.fixture(scope="module")
def served(checkout: Path) -> Iterator[tuple[int, str]]:
    """Give the port of a running `make run` and what it said."""
    port = free_ports()
    with running(checkout, port) as (_, said):
        yield port, said


class FirstRunTests:
    def test_both_applications_answer_where_it_says(self, served: tuple[int, str]) -> None:
        port, said = served
        for number in (port, port + 1):
            assert f"http://127.0.0.1:{number}/" in said
            with urlopen(f"http://127.0.0.1:{number}/sign-in/") as page:
                assert b"Sign in" in page.read()

    def test_nobody_else_can_read_the_keys_and_the_password(self, checkout: Path, served: tuple[int, str]) -> None:
        names = ("", "secret_key", "reports_secret_key", "demo_password")
        modes = [(checkout / "var" / name).stat().st_mode & 0o777 for name in names]
        assert modes == [0o700, 0o600, 0o600, 0o600]

    def test_the_applications_have_different_keys(self, checkout: Path, served: tuple[int, str]) -> None:
        keys = {(checkout / "var" / name).read_text() for name in ("secret_key", "reports_secret_key")}
        assert len(keys) == 2


class LaterRunTests:
    def test_the_password_is_shown_again(self, checkout: Path, served: tuple[int, str]) -> None:
        password = (checkout / "var" / "demo_password").read_text().strip()
        with running(checkout, free_ports()) as (_, said):
            assert re.search(rf"password {re.escape(password)}$", said, re.MULTILINE)
            assert re.search(rf"password {re.escape(password)}$", served[1], re.MULTILINE)

    @pytest.mark.parametrize("place", [0, 1])
    def test_a_taken_port_is_one_sentence(self, checkout: Path, place: int) -> None:
        port = free_ports()
        with socket.create_server(("127.0.0.1", port + place)), start(checkout, port) as process:
            said, _ = process.communicate()
        assert said == f"Port {port + place} is taken. Choose another one: make run PORT={port + place + 100}\n"
        assert process.returncode == 1


class EmptyRunTests:
    def test_it_says_how_to_make_the_first_administrator_and_ctrl_c_leaves_no_process(
        self, checkout: Path, served: tuple[int, str], tmp_path: Path
    ) -> None:
        port = free_ports()
        with running(checkout, port, f"sqlite:///{tmp_path}/db") as (process, said):
            assert "manage.py createsuperuser" in said
            assert len(servers_on(port)) >= 4
            workers = workers_of(checkout)
        assert process.returncode == 0
        assert servers_on(port) == []
        # That of the other run works on.
        assert len(workers_of(checkout)) == len(workers) - 1 == 1

    def test_when_one_application_dies_the_other_is_stopped(
        self, checkout: Path, served: tuple[int, str], tmp_path: Path
    ) -> None:
        port = free_ports()
        with running(checkout, port, f"sqlite:///{tmp_path}/db") as (process, said):
            master = int(re.findall(r"Listening at: \S+ \((\d+)\)", said)[0])
            os.kill(master, signal.SIGKILL)
            assert process.wait() == 1
        assert servers_on(port) == []
