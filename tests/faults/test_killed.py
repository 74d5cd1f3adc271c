"""Server and worker killed at any moment of a termination: it completes by itself (F09, F10, F48)."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F

from sessions_ui import services, sign_in_lock
from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Beat, Letter, Session, SessionEvent, Termination
from sessions_ui.models.events import record
from sessions_ui.models.scopes import Scope
from tests.engine.browser import Browser
from tests.engine.endings import EVERYTHING, USING, forget_all
from tests.mail.server import mail_server
from tests.pages.cast import make_sessions
from tests.test_reports import database_address, environment

pytestmark = pytest.mark.django_db(transaction=True)

MANAGE = Path(__file__).parent.parent.parent / "manage.py"
KNOWN = 5
LONG_ENOUGH = 1_800


@contextmanager
def process(*command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start a program on the database of this test; kill it in the end if it is still there."""
    variables |= {"DATABASE_URL": database_address(), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    own = environment(SECRET_KEY=settings.SECRET_KEY, **variables)
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *command], env=own, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def worker(**variables: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return process(str(MANAGE), "work", **variables)


def ender() -> AbstractContextManager[subprocess.Popen[str]]:
    return process("-m", "tests.faults.ender")


def fill(user: User, number: int) -> list[str]:
    """Make so many sessions, and return the keys of some of them."""
    keys = [Browser().sign_in(user).key for _ in range(KNOWN)]
    first = Session.objects.order_by("-id").values_list("pk", flat=True)[0]
    make_sessions(number - KNOWN, user)
    record(Session.objects.filter(pk__gt=first), SessionEvent.Kind.SIGNED_IN)
    return keys


def accepted(keys: list[str]) -> int:
    return sum(SESSION_KEY in SessionStore(key).load() for key in keys)


def ended() -> int:
    return Termination.objects.values_list("ended", flat=True).latest("id")


def is_finished() -> bool:
    return not Termination.objects.unfinished().exists()


def wait_until(what: str, number: int = 0) -> None:
    """Wait until the termination is finished, or until it has ended more than so many."""
    wait_for(lambda: is_finished() or (what != "finished" and ended() > number), what)


def wait_until_sent() -> None:
    wait_for(lambda: not Letter.objects.exists(), "sent")


def wait_for(has_come: Callable[[], bool], what: str) -> None:
    until = monotonic() + LONG_ENOUGH
    while not has_come():
        assert monotonic() < until, f"not {what}"
        sleep(0.005)


def is_whole(number: int) -> None:
    """Assert that each session has ended once, that the record says so, and that nothing is left."""
    assert not Session.objects.exists()
    termination = Termination.objects.get()
    assert termination.finished_on is not None
    events = SessionEvent.objects.filter(kind=SessionEvent.Kind.TERMINATED)
    assert termination.ended == events.count() == number
    assert events.values("session_public_id").distinct().count() == number


def terminate() -> None:
    scope = Scope(EVERYTHING, {"all": True}, sign_in_lock.cut_off(USING))
    services.terminate(scope, None, matched=10**6)


class WorkerTests:
    def test_killed_again_and_again_it_completes_by_itself(self, anna: User, soak: bool) -> None:
        """F10."""
        number, kills = (100_000, 50) if soak else (3_000, 3)
        keys = fill(anna, number)
        terminate()
        killed = 0
        while killed < kills and not is_finished():
            with worker() as running:
                wait_until("going on", ended())
                sleep(random.uniform(0, 0.05))  # noqa: S311 the moment is left to chance
                running.kill()
            killed += 1
            assert accepted(keys) == 0
        with worker():
            wait_until("finished")
        assert killed > 0
        is_whole(number)

    def test_told_to_stop_it_leaves_the_rest_to_the_next(self, anna: User) -> None:
        number = 3_000
        fill(anna, number)
        terminate()
        with worker() as running:
            wait_until("going on")
            running.send_signal(signal.SIGTERM)
            assert running.wait() == 0
        with worker():
            wait_until("finished")
        is_whole(number)

    def test_two_at_once_do_no_work_twice(self, anna: User) -> None:
        """F48."""
        number = 2_000
        fill(anna, number)
        terminate()
        with worker(), worker():
            wait_until("finished")
        is_whole(number)


class PostTests:
    def test_killed_between_sending_and_removing_a_letter_comes_again(self, anna: User) -> None:
        """F11."""
        User.objects.filter(pk=anna.pk).update(email="anna@kestrel.example")
        fill(anna, KNOWN)
        services.terminate(Scope(EVERYTHING, {"all": True}, sign_in_lock.cut_off(USING)), "root")
        Letter.objects.filter(termination=None).delete()
        with mail_server() as server:
            taken, go_on = Event(), Event()

            def hold() -> None:
                taken.set()
                go_on.wait(LONG_ENOUGH)

            server.before_answering = hold
            with worker(EMAIL_URL=f"smtp://127.0.0.1:{server.port}") as running:
                assert taken.wait(LONG_ENOUGH)
                running.kill()
                running.wait()
            go_on.set()
            assert Letter.objects.get().tries == 1
            Letter.objects.update(due_on=F("created_on"))
            with worker(EMAIL_URL=f"smtp://127.0.0.1:{server.port}") as running:
                wait_until_sent()
                running.send_signal(signal.SIGTERM)
                assert running.wait() == 0
            first, second = server.taken
        assert first["Message-ID"] == second["Message-ID"]


class PriorityTests:
    def test_of_the_worker_is_below_that_of_whom_people_wait_for(self) -> None:
        """But not on SQLite, where it would hold the lock of all writers while it waits for the processor."""
        with worker() as running:
            wait_for(Beat.objects.exists, "beating")
            lower = os.getpriority(os.PRIO_PROCESS, running.pid) - os.getpriority(os.PRIO_PROCESS, 0)
        assert (lower > 0) == (connection.vendor == "postgresql")


class ServerTests:
    def test_killed_at_any_moment_what_it_claimed_is_so(self, anna: User, soak: bool) -> None:
        """F09."""
        number, rounds = (2_000, 50) if soak else (200, 3)
        for _ in range(rounds):
            forget_all()
            keys = fill(anna, number)
            with ender() as server:
                assert server.stdin is not None
                assert server.stdout is not None
                assert server.stdout.readline() == "ready\n"
                print(file=server.stdin, flush=True)
                sleep(random.uniform(0, 0.03))  # noqa: S311 the moment is left to chance
                os.kill(server.pid, signal.SIGKILL)
                claimed = "claimed" in server.stdout.read()
                server.wait()
            in_effect = Termination.objects.exists()
            assert in_effect or not claimed
            assert accepted(keys) == (0 if in_effect else KNOWN)
            if in_effect:
                with worker():
                    wait_until("finished")
                is_whole(number)
