"""Every order of the steps of a request and a termination, on connections of their own (F01, F04, F05, F06)."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.contrib.auth import SESSION_KEY, login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest

from sessions_ui import bounded_wait, services, sign_in_lock, sweep
from sessions_ui.backends import lookup
from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Session, SessionEvent, Termination
from sessions_ui.models.scopes import Conditions, Scope
from sessions_ui.origin import Origin
from tests.engine.endings import EVERYTHING, USING, forget_all
from tests.engine.hold import only_postgresql

from .isolation import COMMIT, Actor, every_order, number_of_orders, play

pytestmark = [only_postgresql, pytest.mark.django_db(transaction=True)]

Connect = Callable[[int], list[BaseDatabaseWrapper]]
BACKEND = "django.contrib.auth.backends.ModelBackend"
CHECK = r'FROM "sessions_ui_session".*key_digest'
UPDATE = r'^UPDATE "sessions_ui_session"'
INSERT = r'^INSERT INTO "sessions_ui_session"'
BEGIN = r'^INSERT INTO "sessions_ui_termination"'
LOCK_ROWS = r"FOR NO KEY UPDATE|FOR UPDATE"
LOCK_ALONE = r"pg_advisory_xact_lock\("
SCOPES = ["one", "bulk", "everything"]


def sign_in(user: User) -> SessionStore:
    """Sign in as login() does, and return the saved store."""
    request = HttpRequest()
    request.session = store = SessionStore()
    login(request, user, BACKEND)
    store.save()
    return store


def opens(key: str | None) -> bool:
    return SESSION_KEY in SessionStore(key).load()


@dataclass
class Scene:
    """A session of anna, one of ben, and every key that an actor held."""

    anna: User
    ben: User
    keys: set[str] = field(default_factory=set)
    began_knowing: list[bool] = field(default_factory=list)
    """Before each step of the request: whether the termination was in effect."""
    accepted: bool = False

    def set_up(self) -> None:
        forget_all()
        self.began_knowing.clear()
        self.accepted = False
        self.of_ben = str(sign_in(self.ben).session_key)
        self.old = str(sign_in(self.anna).session_key)
        self.keys = {self.old}
        Session.objects.update(last_active_on="2026-01-01T00:00:00+00:00")
        # As a process that has checked nothing yet: it reads the fence first, then the row.
        lookup._lookups.clear()

    def keep(self, store: SessionStore) -> None:
        self.keys |= {key for key in (store.session_key, store.committed_key) if key}

    # The requests: what a view does inside of its transaction

    def load(self) -> None:
        self.accepted = SESSION_KEY in SessionStore(self.old).load()

    def save(self) -> None:
        self._change(lambda store: store.__setitem__("visits", 1))

    def rotate(self) -> None:
        self._change(lambda store: store.cycle_key())

    def _change(self, change: Callable[[SessionStore], object]) -> None:
        store = SessionStore(self.old)
        try:
            with transaction.atomic():
                store.load()
                change(store)
                self.keep(store)
                if SESSION_KEY in store:
                    store.save()
        except UpdateError:
            assert store.fate is not None
        self.keep(store)

    def touch(self) -> None:
        with transaction.atomic():
            store = SessionStore(self.old)
            store.get(SESSION_KEY)
            store.touch(Origin(ip="192.0.2.9"))

    def sign_in(self) -> None:
        self.keep(sign_in(self.anna))

    # The terminations

    def scope(self, which: str) -> Scope:
        one = list(Session.objects.filter(user=self.anna).order_by("id").values_list("pk", flat=True)[:1])
        of: dict[str, Conditions] = {"one": {"sessions": one}, "bulk": {"user": self.anna.pk}}
        return Scope(of.get(which, EVERYTHING), {"all": True}, sign_in_lock.cut_off(USING))

    def end_small(self, which: str) -> None:
        services.terminate(self.scope(which), None)

    def end_large(self, which: str) -> None:
        termination = services.terminate(self.scope(which), None, matched=1_000_000)
        with transaction.atomic():
            sweep.sweep_batch(termination, USING, 0)
        sweep.finish(termination, USING)

    # What must be so

    def covered(self, key: str, which: str) -> bool:
        """Return whether the termination meant the session of this key, as its event or row tells."""
        termination = Termination.objects.get()
        row = lookup_id(key)
        if which == "one":
            return row is None or row in termination.conditions["sessions"]
        return row is None or row <= termination.cut_off

    def check(self, which: str) -> None:
        """Assert that what is covered is refused, whatever the step."""
        if not Termination.objects.exists():
            return
        for key in self.keys:
            assert opens(key) != self.covered(key, which), key
        assert opens(self.of_ben) == (which != "everything")

    def check_at_the_end(self, which: str) -> None:
        self.check(which)
        sweep.tidy(USING)
        self.check(which)
        assert not Termination.objects.unfinished().exists()
        ends = SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).values_list("session_public_id", flat=True)
        assert len(ends) == len(set(ends))
        ended = SessionEvent.objects.filter(kind=SessionEvent.Kind.TERMINATED).count()
        assert Termination.objects.get().ended == ended
        started = SessionEvent.objects.filter(kind=SessionEvent.Kind.SIGNED_IN).count()
        assert Session.objects.count() == started - len(ends)


def lookup_id(key: str) -> int | None:
    """Return the id of the row of this key, if there is one still."""
    from sessions_ui.backends.keys import halves

    return Session.objects.filter(key_digest=halves(key)[0]).values_list("pk", flat=True).first()


REQUESTS = {
    "load": (Scene.load, [CHECK]),
    "save": (Scene.save, [UPDATE, COMMIT]),
    "rotate": (Scene.rotate, [UPDATE, COMMIT]),
    "touch": (Scene.touch, [UPDATE, COMMIT]),
    "sign-in": (Scene.sign_in, [INSERT, COMMIT]),
}
# The first commit is that of the cut-off.
SMALL = (Scene.end_small, [COMMIT, BEGIN, LOCK_ROWS, COMMIT])
LARGE = (Scene.end_large, [COMMIT, COMMIT, LOCK_ROWS, COMMIT, LOCK_ALONE, COMMIT])


@pytest.fixture
def scene(anna: User, ben: User) -> Scene:
    return Scene(anna, ben)


def play_all(scene: Scene, connect: Connect, request: str, ending: str, which: str) -> int:
    """Play every order of this request and this termination, and return how often one waited for the other."""
    (asks, its_stops), (ends, stops) = REQUESTS[request], {"small": SMALL, "large": LARGE}[ending]
    first, second = connect(2)
    waits = played = 0
    for order in every_order(len(its_stops) + 1, len(stops) + 1):
        scene.set_up()
        asking = Actor(lambda: asks(scene), its_stops, first)
        actors = [asking, Actor(lambda: ends(scene, which), stops, second)]

        def note(actor: Actor, asking: Actor = asking) -> None:
            scene.check(which)
            if actor is asking:
                scene.began_knowing.append(Termination.objects.exists())

        waits += play(actors, order, note)
        assert not (scene.accepted and scene.began_knowing[-1])
        scene.check_at_the_end(which)
        played += 1
    assert played == number_of_orders(len(its_stops) + 1, len(stops) + 1)
    return waits


IN_SHORT = {
    ("small", "bulk"): REQUESTS.keys(),
    ("small", "everything"): {"save"},
    ("large", "bulk"): {"save", "sign-in"},
}


class EveryOrderTests:
    @pytest.mark.parametrize("which", SCOPES)
    @pytest.mark.parametrize("ending", ["small", "large"])
    @pytest.mark.parametrize("asked", REQUESTS)
    def test_ended_means_ended(
        self, scene: Scene, connect: Connect, asked: str, ending: str, which: str, soak: bool
    ) -> None:
        """At once, or in effect at once and swept later."""
        if asked not in IN_SHORT.get((ending, which), ()) and not soak:
            pytest.skip("these orders are played by make soak")
        play_all(scene, connect, asked, ending, which)

    def test_some_of_them_do_wait_for_each_other(self, scene: Scene, connect: Connect) -> None:
        """Otherwise the actors would not act at once at all."""
        assert play_all(scene, connect, "touch", "small", "bulk") > 0

    @pytest.mark.parametrize("ending", ["small", "large"])
    def test_a_sign_in_that_is_not_waited_for_is_covered(
        self, scene: Scene, connect: Connect, ending: str, monkeypatch: pytest.MonkeyPatch, soak: bool
    ) -> None:
        """F04: the sign-in is stuck for longer than anybody waits, across the termination and its finish."""
        if ending == "large" and not soak:
            pytest.skip("these orders are played by make soak")
        monkeypatch.setattr(bounded_wait, "MAX_WAIT", "1ms")
        play_all(scene, connect, "sign-in", ending, "bulk")


class ThreeActorsTests:
    def test_a_save_that_waits_for_a_row_while_it_is_covered_opens_nothing(
        self, scene: Scene, connect: Connect
    ) -> None:
        """Somebody holds the row, a save waits for it, and a large termination commits meanwhile."""
        played = 0
        for order in every_order(2, 3, 2):
            scene.set_up()
            first, second, third = connect(3)
            actors = [
                Actor(scene.touch, [COMMIT], first),
                Actor(scene.save, [UPDATE, COMMIT], second),
                Actor(lambda: services.terminate(scene.scope("bulk"), None, matched=10**6), [COMMIT], third),
            ]
            play(actors, order, lambda actor: scene.check("bulk"))
            scene.check_at_the_end("bulk")
            played += 1
        assert played == number_of_orders(2, 3, 2) == 210

    def test_two_rotations_and_a_termination(self, scene: Scene, connect: Connect) -> None:
        played = 0
        for order in every_order(2, 2, 2):
            scene.set_up()
            first, second, third = connect(3)
            actors = [
                Actor(scene.rotate, [UPDATE], first),
                Actor(scene.rotate, [UPDATE], second),
                Actor(lambda: scene.end_small("bulk"), [LOCK_ROWS], third),
            ]
            play(actors, order, lambda actor: scene.check("bulk"))
            scene.check_at_the_end("bulk")
            played += 1
        assert played == number_of_orders(2, 2, 2) == 90

    def test_two_terminations_and_two_sweepers_end_each_session_once(self, scene: Scene, connect: Connect) -> None:
        """F06, F48: two administrators at once, and two workers."""
        played = 0
        for order in every_order(4, 4):
            scene.set_up()
            one = services.terminate(scene.scope("bulk"), None, matched=10**6)
            two = services.terminate(scene.scope("everything"), None, matched=10**6)

            def work(first: Termination = one, second: Termination = two) -> None:
                for termination in (first, second):
                    with transaction.atomic():
                        sweep.sweep_batch(termination, USING, 0)
                    sweep.finish(termination, USING)

            actors = [Actor(work, [COMMIT, LOCK_ROWS, COMMIT], own) for own in connect(2)]
            play(actors, order)
            sweep.tidy(USING)
            counted = sorted(Termination.objects.values_list("ended", flat=True))
            assert counted == [1, 1]
            assert SessionEvent.objects.filter(kind=SessionEvent.Kind.TERMINATED).count() == 2
            assert not Session.objects.exists()
            played += 1
        assert played == number_of_orders(4, 4) == 70


def test_the_database_really_runs_them_side_by_side(connect: Connect, anna: User) -> None:
    """A tester that played them one after the other would find nothing."""
    first, second = connect(2)
    table = User._meta.db_table

    def write(own: BaseDatabaseWrapper) -> Callable[[], None]:
        def program() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                assert connection.connection is own.connection
                cursor.execute(f"UPDATE {table} SET first_name = 'x' WHERE id = %s", [anna.pk])

        return program

    actors = [Actor(write(own), [COMMIT], own) for own in (first, second)]
    assert play(actors, [0, 1, 1, 0]) > 0
