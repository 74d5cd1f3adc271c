"""Every order of the steps of sign-ins at a limit of one session, on connections of their own (R013, F35)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.db.backends.base.base import BaseDatabaseWrapper

from sessions_ui import bounded_wait, limits, services, sign_in_lock, sweep
from sessions_ui.models import Limit, Session, SessionEvent, Termination
from sessions_ui.models.scopes import Scope
from tests.engine.endings import USING, forget_all
from tests.engine.hold import only_postgresql

from .isolation import COMMIT, Actor, every_order, play
from .test_every_order import BEGIN, INSERT, LOCK_ROWS, opens, sign_in

pytestmark = [only_postgresql, pytest.mark.django_db(transaction=True)]

Connect = Callable[[int], list[BaseDatabaseWrapper]]
Kind = SessionEvent.Kind
REFUSE = Limit.AtLimit.REFUSE
CHOICES = [Limit.AtLimit.END_OLDEST, REFUSE]
# A sign-in that waits for its turn has read the limits.
TURN = r"hashtext"


class Scene:
    """The sign-ins of one person, by their keys; those that were refused got none."""

    def __init__(self, user: User) -> None:
        self.user = user

    def set_up(self) -> None:
        forget_all()
        Limit.objects.all().delete()
        self.keys: list[str] = []
        self.refused = 0

    def sign_in(self) -> None:
        try:
            self.keys.append(str(sign_in(self.user).session_key))
        except UpdateError:
            self.refused += 1

    def terminate(self) -> None:
        cut_off = sign_in_lock.cut_off(USING)
        services.terminate(Scope({"user": self.user.pk}, {"all": True}, cut_off), None)

    @property
    def live(self) -> int:
        """How many sessions of this person are live; as many keys open something."""
        live = Session.objects.live().filter(user=self.user).count()
        assert live == sum(opens(key) for key in self.keys)
        return live

    def check_records(self) -> None:
        """Assert that each session began once and ended once at most."""
        ends = SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).values_list("session_public_id", flat=True)
        assert len(ends) == len(set(ends))
        assert SessionEvent.objects.filter(kind=Kind.SIGNED_IN).count() == len(self.keys)
        assert Session.objects.count() == len(self.keys) - len(ends)


@pytest.fixture
def scene(anna: User, monkeypatch: pytest.MonkeyPatch) -> Scene:
    # What waits for an actor goes on when he does, and not because a slow machine took too long.
    monkeypatch.setattr(bounded_wait, "MAX_WAIT", "60s")
    return Scene(anna)


def set_limit(parallel: int | None = 1, before: Limit | None = None, **columns: Any) -> Limit:
    limit = Limit(parallel=parallel, **columns)
    limits.set_limit(limit, User(username="ruth"), before)
    return limit


@pytest.mark.parametrize("at_limit", CHOICES)
class EveryOrderTests:
    def test_of_two_sign_ins_leaves_one(self, scene: Scene, connect: Connect, at_limit: str, soak: bool) -> None:
        played = waits = 0
        stops = [TURN, INSERT, COMMIT] if soak else [TURN, COMMIT]
        for order in alike(every_order(len(stops) + 1, len(stops) + 1)):
            scene.set_up()
            set_limit(at_limit=at_limit)
            waits += play([Actor(scene.sign_in, stops, own) for own in connect(2)], order)
            assert (scene.live, scene.refused) == (1, at_limit == REFUSE)
            scene.check_records()
            played += 1
        assert played == (35 if soak else 10)
        assert waits > 0

    def test_of_a_sign_in_and_a_termination_ends_each_session_once(
        self, scene: Scene, connect: Connect, at_limit: str, soak: bool
    ) -> None:
        """What is covered leaves room, and what the limit has ended is not counted as terminated."""
        played, stops = 0, [BEGIN, LOCK_ROWS, COMMIT] if soak else [LOCK_ROWS, COMMIT]
        for order in every_order(3, len(stops) + 1):
            scene.set_up()
            set_limit(at_limit=at_limit)
            scene.sign_in()
            first, second = connect(2)
            actors = [
                Actor(scene.sign_in, [TURN, COMMIT], first),
                Actor(scene.terminate, stops, second),
            ]
            play(actors, order, lambda actor: at_most_one(scene))
            sweep.tidy(USING)
            self.check_termination(scene)
            played += 1
        assert played == (35 if soak else 20)

    def check_termination(self, scene: Scene) -> None:
        termination = Termination.objects.get()
        assert termination.finished_on
        assert termination.ended == SessionEvent.objects.filter(termination_id=termination.pk).count()
        newest = SessionEvent.objects.filter(kind=Kind.SIGNED_IN).latest("session_id").session_id
        assert scene.live == ((newest or 0) > termination.cut_off)
        # Who was refused came before the session in his way had ended.
        assert scene.live == 0 or not scene.refused
        scene.check_records()

    def test_of_two_sign_ins_and_a_limit_leaves_one_if_it_held_for_any(
        self, scene: Scene, connect: Connect, at_limit: str
    ) -> None:
        """Who signs in once it is set sees everybody who was let in before."""
        played = held = 0
        for order in alike(every_order(2, 2, 2)):
            scene.set_up()
            began: dict[Actor, bool] = {}
            actors = [Actor(act, [COMMIT], own) for act, own in zip(acts(scene, at_limit), connect(3), strict=True)]
            play(actors, order, lambda actor, began=began: began.setdefault(actor, Limit.objects.exists()))  # type: ignore[misc]
            held += any(began.values())
            assert scene.live == 1 if any(began.values()) else scene.live <= 2
            scene.check_records()
            played += 1
        assert played == 45
        assert held


def alike(orders: Iterable[list[int]]) -> Iterator[list[int]]:
    """Give of two orders that differ in which of the two sign-ins is called the first only one."""
    return (order for order in orders if order.index(0) < order.index(1))


def acts(scene: Scene, at_limit: str) -> list[Callable[[], object]]:
    return [scene.sign_in, scene.sign_in, lambda: set_limit(at_limit=at_limit)]


def at_most_one(scene: Scene) -> None:
    assert Session.objects.live().filter(user=scene.user).count() <= 1
