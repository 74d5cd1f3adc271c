"""The n-th database call fails, for every n: closed and consistent each time (F46)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.db.models import F
from django.http.response import HttpResponseBase

from sessions_ui import services, sign_in_lock, sweep
from sessions_ui.backends import lookup
from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Session, SessionEvent, Termination
from sessions_ui.models.scopes import Scope
from tests.engine.browser import Browser
from tests.engine.endings import EVERYTHING, USING, begun, forget_all

pytestmark = pytest.mark.django_db(transaction=True)

Kind = SessionEvent.Kind
MANY = 10**6


class Failing:
    """Lets so many calls pass; then one fails, or all, until the end of the block."""

    def __init__(self, passing: int, *, for_good: bool) -> None:
        self.passing, self.for_good, self.has_failed = passing, for_good, False

    def call(self) -> None:
        if self.passing or (self.has_failed and not self.for_good):
            self.passing = max(0, self.passing - 1)
            return
        self.has_failed = True
        raise OperationalError("the database was taken away by the test")

    def execute(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.call()
        return execute(sql, params, many, context)

    def commit(self) -> None:
        self.call()
        type(connections[USING]).commit(connections[USING])

    def commit_without_an_answer(self) -> None:
        type(connections[USING]).commit(connections[USING])
        self.call()


@contextmanager
def failing(passing: int, how: str) -> Iterator[Failing]:
    failing = Failing(passing, for_good=how == "all that follow")
    commit = failing.commit_without_an_answer if how == "after its commit" else failing.commit
    # Made before, as that of a process that has been there for a while.
    connection.ensure_connection()
    connections[USING].commit = commit  # type: ignore[method-assign]
    try:
        with connection.execute_wrapper(failing.execute):
            yield failing
    finally:
        del connections[USING].commit
        connection.close()


def each_call(set_up: Callable[[], None], act: Callable[[], object], how: str) -> Iterator[Any]:
    """Set up, act while a later and later call fails, and give what came of it, until none fails any more."""
    for passing in range(200):
        forget_all()
        set_up()
        # As in a new process: otherwise the first calls would only be made the first time.
        lookup._lookups.clear()
        came_of_it: Any = None
        with failing(passing, how) as taken:
            try:
                came_of_it = act()
            except DatabaseError as error:
                came_of_it = error
        if not taken.has_failed:
            assert passing > 1
            assert not isinstance(came_of_it, DatabaseError)
            return
        yield came_of_it
    raise AssertionError("there is no end to the calls")


def opens(key: str) -> bool:
    return SESSION_KEY in SessionStore(key).load()


def is_consistent() -> None:
    """Assert what must hold at any moment: one end for each session, and no event without what it tells of."""
    ends = SessionEvent.objects.filter(kind__in=SessionEvent.ENDS)
    sessions: list[Any] = list(ends.values_list("session_public_id", flat=True))
    assert len(sessions) == len(set(sessions))
    assert not Session.objects.filter(public_id__in=sessions).exists()
    started = SessionEvent.objects.filter(kind=Kind.SIGNED_IN).count()
    assert Session.objects.signed_in().count() == started - len(sessions)
    for termination in Termination.objects.all():
        of_it = ends.filter(kind=Kind.TERMINATED, termination_id=termination.pk)
        assert of_it.count() == termination.ended


@pytest.fixture(params=["one", "all that follow", "after its commit"])
def how(request: pytest.FixtureRequest) -> str:
    """Whether one call fails, or the database stays away, or a commit succeeds and its answer is lost."""
    return str(request.param)


class RequestTests:
    def is_signed_out(self, answer: HttpResponseBase) -> bool:
        cookie = answer.cookies.get("console")
        return cookie is not None and not cookie.value

    @pytest.mark.parametrize("path", ["/who/", "/visit/", "/private/"])
    def test_is_a_503_that_leaves_the_cookie_alone_or_as_if_nothing_had_been(
        self, anna: User, path: str, how: str
    ) -> None:
        browser = Browser()

        def set_up() -> None:
            browser.cookies.clear()
            browser.sign_in(anna)
            Session.objects.update(last_active_on="2026-01-01T00:00:00+00:00")

        for answer in each_call(set_up, lambda: browser.get(path), how):
            assert answer.status_code in (200, 503)
            assert not self.is_signed_out(answer)
            assert opens(browser.key)
            assert browser.who() == "anna"
            is_consistent()

    def test_that_signs_in_leaves_a_whole_session_or_none(self, anna: User, how: str) -> None:
        browser = Browser()

        def sign_in() -> HttpResponseBase:
            return browser.post("/sign-in/", {"name": "anna"})

        for answer in each_call(browser.cookies.clear, sign_in, how):
            assert answer.status_code in (200, 500, 503)
            assert (browser.who() == "anna") == bool(browser.key)
            is_consistent()
            assert browser.sign_in(anna).who() == "anna"
            is_consistent()

    def test_of_an_ended_session_is_never_let_in(self, anna: User, how: str) -> None:
        browser = Browser()
        key = ""

        def set_up() -> None:
            nonlocal key
            browser.cookies.clear()
            key = browser.sign_in(anna).key
            begun()

        for answer in each_call(set_up, lambda: browser.get("/private/"), how):
            assert answer.status_code in (302, 503)
            assert not opens(key)
            sweep.tidy(USING)
            assert not opens(key)
            is_consistent()


class TerminateTests:
    @pytest.mark.parametrize("matched", [None, MANY])
    def test_happens_or_does_not(self, anna: User, matched: int | None, how: str) -> None:
        browsers = [Browser() for _ in range(3)]

        def set_up() -> None:
            for browser in browsers:
                browser.cookies.clear()
                browser.sign_in(anna)

        def terminate() -> Termination:
            scope = Scope(EVERYTHING, {"all": True}, sign_in_lock.cut_off(USING))
            return services.terminate(scope, None, matched=matched)

        for came_of_it in each_call(set_up, terminate, how):
            happened = Termination.objects.exists()
            # Whoever was told that it happened must be right.
            assert happened or isinstance(came_of_it, DatabaseError)
            assert [opens(browser.key) for browser in browsers] == [not happened] * 3
            is_consistent()
            terminate()
            sweep.tidy(USING)
            assert not any(opens(browser.key) for browser in browsers)
            assert not Termination.objects.unfinished().exists()
            assert SessionEvent.objects.filter(kind=Kind.TERMINATED).count() == 3
            is_consistent()


class SweepTests:
    def set_up(self, anna: User) -> Browser:
        browsers = [Browser().sign_in(anna) for _ in range(3)]
        return browsers[0]

    def sweep_batch(self) -> None:
        with transaction.atomic():
            sweep.sweep_batch(Termination.objects.get(), USING, 0)

    def finish(self) -> None:
        sweep.finish(Termination.objects.get(), USING)

    def tidy(self) -> None:
        sweep.tidy(USING)

    @pytest.mark.parametrize("act", [sweep_batch, finish, tidy])
    def test_goes_on_another_time(self, anna: User, act: Callable[["SweepTests"], None], how: str) -> None:
        one: Browser | None = None

        def set_up() -> None:
            nonlocal one
            one = self.set_up(anna)
            begun()

        for _ in each_call(set_up, lambda: act(self), how):
            assert one is not None
            assert not opens(one.key)
            is_consistent()
            sweep.tidy(USING)
            assert not opens(one.key)
            assert Termination.objects.get().finished_on is not None
            assert Termination.objects.get().ended == 3
            is_consistent()

    def test_of_what_has_expired_goes_on_another_time(self, anna: User, how: str) -> None:
        def set_up() -> None:
            self.set_up(anna)
            Session.objects.update(expire_date=F("created_on"))

        for _ in each_call(set_up, lambda: sweep.expire(USING), how):
            is_consistent()
            sweep.expire(USING)
            assert SessionEvent.objects.filter(kind=Kind.EXPIRED).count() == 3
            is_consistent()


def test_the_calls_do_fail(anna: User) -> None:
    """Otherwise all of this would pass without having tried anything."""
    with failing(0, "one") as taken, suppress(OperationalError):
        User.objects.exists()
    assert taken.has_failed
    assert User.objects.exists()
