"""Every order in which the steps of a request and of a termination can come (F01, F05).

One process plays both sides, each with a store or a termination of its own; that
is enough wherever a step is one statement or one transaction.
"""

from collections.abc import Callable, Iterator, Sequence
from math import factorial

import pytest
from django.contrib.auth import SESSION_KEY, login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.db import transaction
from django.http import HttpRequest

from sessions_ui import limits, services, sweep
from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Limit, Session, SessionEvent, Termination
from sessions_ui.models.scopes import Conditions
from sessions_ui.origin import Origin

from . import site
from .browser import Browser
from .endings import EVERYTHING, USING, begun

Step = Callable[[], object]
SCOPES = ["person", "everything"]
REFUSE = Limit.AtLimit.REFUSE


class Request:
    """A request of one browser: it loads, changes something, and saves."""

    def __init__(self, browser: Browser, change: Callable[[SessionStore], object]) -> None:
        self.store = browser.store
        self.change = change
        self.keys = {browser.key}

    def load(self) -> None:
        self.store.get(SESSION_KEY)

    def modify(self) -> None:
        self.change(self.store)
        self.keep_the_key()

    def load_and_modify(self) -> None:
        self.load()
        self.modify()

    def save(self) -> None:
        if self.store.modified and not self.store.is_empty():
            try:
                self.store.save()
            except UpdateError:
                return
        self.keep_the_key()

    def keep_the_key(self) -> None:
        if self.store.session_key:
            self.keys.add(self.store.session_key)

    @property
    def steps(self) -> list[Step]:
        return [self.load, self.modify, self.save]


class Ending:
    """A termination in the steps that may each be its last before a crash."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.termination: Termination | None = None

    def begin(self) -> None:
        anna = User.objects.get(username="anna")
        ids = list(Session.objects.filter(user=anna).values_list("pk", flat=True))
        of: dict[str, Conditions] = {"row": {"sessions": ids}, "person": {"user": anna.pk}, "everything": EVERYTHING}
        self.termination = begun(of[self.scope])

    def sweep(self) -> None:
        assert self.termination
        sweep.sweep_batch(self.termination, USING, 0)

    def finish(self) -> None:
        assert self.termination
        assert sweep.finish(self.termination, USING)

    @property
    def pk(self) -> int:
        assert self.termination
        return self.termination.pk

    @property
    def steps(self) -> list[Step]:
        return [self.begin, self.sweep, self.finish]


def orders(*programs: Sequence[int]) -> Iterator[list[int]]:
    """Give every merge of the programs, which are the places of their steps; each keeps its own order."""
    if not any(programs):
        yield []
    for place, program in enumerate(programs):
        if program:
            rest = [*programs[:place], program[1:], *programs[place + 1 :]]
            yield from ([program[0], *others] for others in orders(*rest))


def write(store: SessionStore) -> None:
    store["visits"] = 1


def rotate(store: SessionStore) -> None:
    store.cycle_key()


def touch(store: SessionStore) -> None:
    store.touch(Origin(ip="192.0.2.9"))


def sign_out(store: SessionStore) -> None:
    store.flush()


def sign_in_anew(store: SessionStore) -> None:
    """What login() leaves when the session is anna's, and what it leaves when it was refused."""
    if SESSION_KEY in store:
        store.sign_in = services.SignIn(User.objects.get(username="anna"))
        store.modified = True


CHANGES = [write, rotate, touch, sign_out, sign_in_anew]


@pytest.mark.django_db
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("change", CHANGES)
class OneRequestTests:
    def test_ended_means_ended_in_every_order(
        self, signed_in: Browser, ben: User, scope: str, change: Callable[[SessionStore], object]
    ) -> None:
        other, tried = Browser().sign_in(ben), 0
        Session.objects.update(last_active_on="2026-01-01T00:00:00+00:00")
        for places in orders(range(3), range(3, 6)):
            with transaction.atomic():
                request, ending = Request(signed_in, change), Ending(scope)
                self.play(places, request, ending)
                assert opens(other.key) == (scope != "everything")
                assert not Session.objects.filter(user__username="anna").exists()
                transaction.set_rollback(True)
            tried += 1
        assert tried == 20

    def play(self, places: Sequence[int], request: Request, ending: Ending) -> None:
        steps = [*request.steps, *ending.steps]
        for place in places:
            steps[place]()
            if ending.termination:
                self.all_are_refused(request)
        ended = list(SessionEvent.objects.filter(user_label="anna", kind__in=SessionEvent.ENDS))
        assert len({event.session_id for event in ended}) == len(ended)
        assert len(ended) == SessionEvent.objects.filter(user_label="anna", kind="signed_in").count()

    def all_are_refused(self, request: Request) -> None:
        assert not any(opens(key) for key in request.keys)
        assert not Session.objects.live().filter(user__username="anna").exists()


def opens(key: str) -> bool:
    """Return whether somebody is signed in under the key; a late save may have made a visitor of a refused one."""
    return SESSION_KEY in SessionStore(key).load()


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [(rotate, rotate), (rotate, sign_in_anew)])
class TwoRequestsTests:
    def test_ended_means_ended_in_every_order(
        self, signed_in: Browser, changes: Sequence[Callable[[SessionStore], object]]
    ) -> None:
        """Two requests of one browser, one of which may have changed the key, against a termination."""
        tried = 0
        for places in orders(range(2), range(2, 4), range(4, 6)):
            with transaction.atomic():
                first, second = (Request(signed_in, change) for change in changes)
                ending = Ending("person")
                steps = [first.load_and_modify, first.save, second.load_and_modify, second.save]
                steps += [ending.begin, ending.finish]
                for place in places:
                    steps[place]()
                    if ending.termination:
                        assert not any(opens(key) for key in first.keys | second.keys)
                assert not Session.objects.signed_in().exists()
                transaction.set_rollback(True)
            tried += 1
        assert tried == factorial(6) // 2**3


@pytest.mark.django_db
class TwoTerminationsTests:
    @pytest.mark.parametrize("scopes", [("person", "everything"), ("everything", "row")])
    def test_each_session_ends_once_in_every_order(
        self, signed_in: Browser, ben: User, scopes: tuple[str, str]
    ) -> None:
        """F06."""
        Browser().sign_in(ben)
        for places in orders(range(3), range(3, 6)):
            with transaction.atomic():
                first, second = (Ending(scope) for scope in scopes)
                steps = [*first.steps, *second.steps]
                for place in places:
                    steps[place]()
                    assert not signed_in.store.load()
                counted = sum(Termination.objects.values_list("ended", flat=True))
                assert counted == SessionEvent.objects.filter(kind="terminated").count()
                assert not Termination.objects.unfinished().exists()
                transaction.set_rollback(True)

    def test_the_older_one_is_counted_wherever_both_had_begun(self, signed_in: Browser) -> None:
        for sweeps in orders(range(2), range(2, 4)):
            with transaction.atomic():
                older, newer = Ending("row"), Ending("everything")
                older.begin()
                newer.begin()
                steps = [older.sweep, older.finish, newer.sweep, newer.finish]
                for place in sweeps:
                    steps[place]()
                by = SessionEvent.objects.get(kind="terminated").termination_id
                assert by == older.pk
                transaction.set_rollback(True)


class NewSignIn:
    """A sign-in of anna in a new browser: the password was right, and the session is saved."""

    def __init__(self) -> None:
        self.store = SessionStore()
        self.refused = False

    def log_in(self) -> None:
        request = HttpRequest()
        request.session = self.store
        login(request, User.objects.get(username="anna"), site.BACKEND)

    def save(self) -> None:
        try:
            self.store.save()
        except UpdateError:
            self.refused = True

    @property
    def steps(self) -> list[Step]:
        return [self.log_in, self.save]


def set_limit(at_limit: str) -> None:
    limits.set_limit(Limit(parallel=1, at_limit=at_limit), User(username="ruth"))


def live() -> int:
    return Session.objects.live().filter(user__username="anna").count()


@pytest.mark.django_db
@pytest.mark.parametrize("at_limit", Limit.AtLimit)
class LimitOfOneTests:
    """R013; tests/races plays the statements of the same on connections of their own."""

    def test_two_sign_ins_leave_one_in_every_order(self, anna: User, at_limit: str) -> None:
        set_limit(at_limit)
        for places in orders(range(2), range(2, 4)):
            with transaction.atomic():
                first, second = NewSignIn(), NewSignIn()
                steps = [*first.steps, *second.steps]
                for place in places:
                    steps[place]()
                    assert live() <= 1
                assert live() == 1
                assert first.refused + second.refused == (at_limit == REFUSE)
                transaction.set_rollback(True)

    def test_a_termination_makes_room_from_its_commit_on(self, signed_in: Browser, at_limit: str) -> None:
        set_limit(at_limit)
        for places in orders(range(3), range(3, 5)):
            with transaction.atomic():
                ending, sign_in = Ending("person"), NewSignIn()
                steps = [*ending.steps, *sign_in.steps]
                for place in places:
                    steps[place]()
                    assert live() <= 1
                came_after = places.index(4) > places.index(0)
                assert live() == came_after
                assert sign_in.refused == (at_limit == REFUSE and not came_after)
                counted = SessionEvent.objects.filter(termination_id=ending.pk).count()
                assert Termination.objects.get().ended == counted
                transaction.set_rollback(True)

    def test_a_limit_holds_for_every_sign_in_after_it(self, anna: User, at_limit: str) -> None:
        for places in orders(range(2), range(2, 4), [4]):
            with transaction.atomic():
                first, second = NewSignIn(), NewSignIn()
                steps: list[Step] = [*first.steps, *second.steps, lambda: set_limit(at_limit)]
                for place in places:
                    steps[place]()
                judged = sum(places.index(save) > places.index(4) for save in (1, 3))
                assert live() == (1 if judged else 2)
                assert first.refused + second.refused == (1 if judged and at_limit == REFUSE else 0)
                transaction.set_rollback(True)
