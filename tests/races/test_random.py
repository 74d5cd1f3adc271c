"""Races as chance makes them: threads and processes that end, load, change and save (F02, F03)."""

import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import sleep

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection

from sessions_ui import services, sign_in_lock
from sessions_ui.backends.db import SessionStore
from sessions_ui.models.scopes import Scope
from tests.engine.endings import USING
from tests.test_reports import database_address, environment

from .test_every_order import opens, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS, ROUNDS_OF_SOAK = 100, 5_000
LONGEST_DELAY = 0.005


def end(user: User, delay: float = 0.0) -> None:
    sleep(delay)
    services.terminate(Scope({"user": user.pk}, {"all": True}, sign_in_lock.cut_off(USING)), None)


def change(key: str, delay: float, *, rotate: bool) -> str:
    """Load the session, change it and save it, as a request does; return the key that it left."""
    store = SessionStore(key)
    sleep(delay)
    store["visits"] = 1
    if rotate:
        store.cycle_key()
    sleep(delay)
    try:
        if SESSION_KEY in store:
            store.save()
    except UpdateError:
        pass
    return store.session_key or ""


def close_connection(everyone: Barrier) -> None:
    """Close the thread's own; all at once, or one thread may do it for all and a later test fails for the others."""
    everyone.wait()
    connection.close()


def delay() -> float:
    return random.uniform(0, LONGEST_DELAY)  # noqa: S311 chance is all that is wanted of it


class ThreadsTests:
    def test_nothing_is_accepted_after_its_end(self, anna: User, soak: bool) -> None:
        """F02."""
        accepted = 0
        with ThreadPoolExecutor(3) as pool:
            for number in range(ROUNDS_OF_SOAK if soak else ROUNDS):
                key = str(sign_in(anna).session_key)
                ending = pool.submit(end, anna, delay())
                saves = [pool.submit(change, key, delay(), rotate=bool((number + n) % 2)) for n in range(2)]
                ending.result()
                accepted += sum(opens(one) for one in {key, *(save.result() for save in saves)})
            list(pool.map(close_connection, [Barrier(3)] * 3))
        assert accepted == 0

    def test_nothing_comes_back_late(self, anna: User, soak: bool) -> None:
        """F03, as Keycloak tests it: eight loops of checks while one session after the other is ended."""
        keys = [str(sign_in(anna).session_key) for _ in range(1_000 if soak else 60)]
        ended: set[str] = set()
        revived: list[str] = []
        done = Event()

        def look() -> None:
            try:
                while not done.is_set():
                    for key in keys:
                        was_ended = key in ended
                        if opens(key) and was_ended:
                            revived.append(key)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            loops = [pool.submit(look) for _ in range(8)]
            try:
                for key in keys:
                    row = SessionStore(key)
                    row.load()
                    scope = Scope({"sessions": [row.row_id]}, {"all": True}, sign_in_lock.cut_off(USING))
                    services.terminate(scope, None)
                    ended.add(key)
            finally:
                done.set()
            for loop in loops:
                loop.result()
        assert revived == []
        assert not any(opens(key) for key in keys)


class ProcessesTests:
    @pytest.fixture
    def saver(self, transactional_db: None) -> Iterator[subprocess.Popen[str]]:
        """A process that saves the session of each key that it is told."""
        own = environment(
            DATABASE_URL=database_address(), DJANGO_SETTINGS_MODULE="tests.settings", SECRET_KEY=settings.SECRET_KEY
        )
        with subprocess.Popen(
            [sys.executable, "-m", "tests.races.saver"],
            env=own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            yield process
            process.communicate()
        assert process.returncode == 0

    def test_nothing_is_accepted_after_its_end(self, anna: User, saver: subprocess.Popen[str], soak: bool) -> None:
        """F02, where the save comes from another process."""
        assert saver.stdin is not None
        assert saver.stdout is not None
        accepted = 0
        for _ in range(ROUNDS_OF_SOAK if soak else ROUNDS):
            key = str(sign_in(anna).session_key)
            print(key, file=saver.stdin, flush=True)
            end(anna, delay())
            accepted += sum(opens(one) for one in {key, saver.stdout.readline().strip()})
        assert accepted == 0
