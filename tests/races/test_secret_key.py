"""Two requests that both sign the session anew after SECRET_KEY has changed, in every order, and a termination."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import Settings

from sessions_ui import services, sign_in_lock
from sessions_ui.models import Session, Termination
from sessions_ui.models.scopes import Scope
from tests.engine.browser import Browser
from tests.engine.endings import USING, forget_all
from tests.engine.hold import only_postgresql

from .isolation import Actor, every_order, number_of_orders, play
from .test_every_order import UPDATE, opens, sign_in

pytestmark = [only_postgresql, pytest.mark.django_db(transaction=True)]

OLD, NEW = "the old key of these tests", "the new key of these tests"


@pytest.fixture
def browsers(anna: User, settings: Settings) -> Callable[[], list[Browser]]:
    """Give two tabs of one browser whose session was signed with the old key, as often as it is asked for."""

    def two_tabs() -> list[Browser]:
        forget_all()
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
        key = str(sign_in(anna).session_key)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
        tabs = [Browser(), Browser()]
        for tab in tabs:
            tab.key = key
        return tabs

    return two_tabs


def test_nobody_is_signed_out(
    browsers: Callable[[], list[Browser]], connect: Callable[[int], list[BaseDatabaseWrapper]]
) -> None:
    for order in every_order(2, 2):
        tabs = browsers()
        said: list[str] = []

        def ask(tab: Browser, said: list[str] = said) -> Callable[[], None]:
            return lambda: said.append(tab.who())

        actors = [Actor(ask(tab), [UPDATE], own) for tab, own in zip(tabs, connect(2), strict=True)]
        play(actors, order)
        assert said == ["anna", "anna"]
        assert all(opens(tab.key) for tab in tabs)
        assert Session.objects.live().count() == 1


def test_both_keys_are_refused_once_the_session_has_ended(
    browsers: Callable[[], list[Browser]], connect: Callable[[int], list[BaseDatabaseWrapper]], anna: User
) -> None:
    played = 0
    for order in every_order(2, 2, 2):
        tabs = browsers()
        old = tabs[0].key

        def end() -> None:
            scope = Scope({"user": anna.pk}, {"all": True}, sign_in_lock.cut_off(USING))
            services.terminate(scope, None)

        def check(actor: Actor, keys: tuple[Browser, ...] = tuple(tabs), old: str = old) -> None:
            if Termination.objects.exists():
                assert not any(opens(key) for key in {old, *(tab.key for tab in keys)})

        own = connect(3)
        actors = [Actor(tab.who, [UPDATE], one) for tab, one in zip(tabs, own[:2], strict=True)]
        play([*actors, Actor(end, [r"^INSERT INTO .*termination"], own[2])], order, check)
        check(actors[0])
        assert not Session.objects.signed_in().exists()
        played += 1
    assert played == number_of_orders(2, 2, 2) == 90
