"""What a sign-in costs with what hangs on it, beside the row alone: `python -m bench.sign_in`.

Each case takes something out of a sign-in; the cases take turns, so that what else the machine does slows all alike.
A further case is a line in CASES: a name, what to patch for its sign-ins, and the limit for its people. Hashing a
password is not part of it.
"""

import argparse
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

from bench.databases import connect, postgres, postgres_in_words
from tests.browser.servers import variables
from tests.postgres import database_url

Patches = dict[str, Any]
# What is replaced, by its dotted name. A setting is patched the same way, as django.conf.settings.NAME.
NO_EVENT: Patches = {"sessions_ui.services.record_sign_in": lambda *args: None}
NO_LIMITS: Patches = {"sessions_ui.services.make_room": lambda *args: None}
NO_HINTS: Patches = {"sessions_ui.services.habits.at_sign_in": lambda *args: {}}
ROW, BOTH, UNHINTED = "the row alone", "with its event and a limit", "with its event and a limit, without hints"
PEOPLE = 100


@dataclass(frozen=True)
class Case:
    """What is left out of its sign-ins, and how many sessions each of its people may have; none says no limit."""

    patches: Patches
    parallel: int | None = None


CASES = {
    ROW: Case(NO_EVENT | NO_LIMITS),
    "with a limit of parallel sessions": Case(NO_EVENT, parallel=1_000),
    "with a limit that ends the oldest": Case(NO_EVENT, parallel=1),
    "with its event": Case(NO_LIMITS),
    BOTH: Case({}, parallel=1_000),
    UNHINTED: Case(NO_HINTS, parallel=1_000),
}
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
# From then on each of the people has a session.
WARM_UP = 100
LIMIT = 1.5


def signing_in(person: Any) -> Callable[[], None]:
    """Return what signs this person in, in a browser of his own, and saves, as SessionMiddleware does."""
    from django.test import RequestFactory

    from sessions_ui import services
    from sessions_ui.backends.db import SessionStore

    request: Any = RequestFactory().get("/", REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT=AGENT)

    def sign_in() -> None:
        request.session = SessionStore()
        request.session.update(DATA | {"_auth_user_id": str(person.pk)})
        services.start(request, person)
        request.session.save()

    return sign_in


DATA = {"_auth_user_backend": "django.contrib.auth.backends.ModelBackend", "_auth_user_hash": "x" * 64}


@contextmanager
def patched(patches: Patches) -> Iterator[None]:
    with ExitStack() as stack:
        for name, value in patches.items():
            stack.enter_context(patch(name, value))
        yield


def times(sign_ins: int) -> dict[str, list[float]]:
    """Return the milliseconds of so many sign-ins of each case, in turns."""
    each = {name: [signing_in(person) for person in people(case)] for name, case in CASES.items()}
    found: dict[str, list[float]] = {name: [] for name in CASES}
    for number in range(WARM_UP + sign_ins):
        for name, case in CASES.items():
            with patched(case.patches):
                begun = perf_counter()
                each[name][number % PEOPLE]()
                found[name].append((perf_counter() - begun) * 1000)
    return {name: spent[WARM_UP:] for name, spent in found.items()}


def people(case: Case) -> list[Any]:
    """Return people in an account of their own, which has the case's limit."""
    from django.contrib.auth.models import User

    from sessions_ui.models import Account, Limit, Membership

    slug = secrets.token_hex(4)
    account = Account.objects.create(slug=slug, name="Acme")
    if case.parallel is not None:
        Limit.objects.create(account=account, parallel=case.parallel)
    found = [User(username=f"{slug}-{n}", first_name="Anna", last_name=f"Brandt {n}") for n in range(PEOPLE)]
    User.objects.bulk_create(found)
    Membership.objects.bulk_create([Membership(user=person, account=account) for person in found])
    return found


def table(title: str, found: dict[str, list[float]]) -> Iterator[str]:
    middle = {case: statistics.median(spent) for case, spent in found.items()}
    yield f"| {title}, ms | median | 95 % | beside the row alone |"
    yield "| --- | ---: | ---: | ---: |"
    for case, spent in found.items():
        slow = statistics.quantiles(spent, n=20)[-1]
        yield f"| {case} | {middle[case]:.2f} | {slow:.2f} | {middle[case] / middle[ROW]:.2f} |"
    yield ""
    for without in (ROW, UNHINTED):
        ratio = middle[BOTH] / middle[without]
        said = "reached" if ratio <= LIMIT else "**MISSED**"
        yield f"* {title}, {BOTH}, beside {without}, at most {LIMIT} ×: **{ratio:.2f}**, {said}"
    yield ""


def in_a_process_of_its_own(sign_ins: int) -> None:
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    call_command("migrate", verbosity=0)
    print("\n".join(table(connection.vendor, times(sign_ins))), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sign-ins", type=int, default=2_000)
    options = parser.parse_args()
    if os.environ.get("BENCH_SIGN_IN"):
        in_a_process_of_its_own(options.sign_ins)
        return 0
    with tempfile.TemporaryDirectory(prefix="sessionadmin-bench-") as name, postgres() as server:
        folder, own = Path(name), f"bench_sign_in_{os.getpid()}"
        with connect(server) as connection:
            connection.execute(f"CREATE DATABASE {own}")
        try:
            for address in (f"sqlite:///{folder}/db.sqlite3", database_url(server, own)):
                environment = variables(folder, address, secrets.token_urlsafe(50)) | {"BENCH_SIGN_IN": "1"}
                command = [sys.executable, "-m", "bench.sign_in", f"--sign-ins={options.sign_ins}"]
                subprocess.run(command, env=environment | {"RESTORE_MARK_FILE": ""}, check=True)
        finally:
            with connect(server) as connection:
                connection.execute(f"DROP DATABASE {own} WITH (FORCE)")
        print(f"PostgreSQL {postgres_in_words(server)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
