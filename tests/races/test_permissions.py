"""An administrator who loses his rights between the preview and the click, in every order (F05)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from sessions_ui.models import Account, Membership, Termination
from tests.engine.test_orders import orders
from tests.pages.cast import TERMINATE, decide, live, make_account, make_person, make_session, permit, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _console(settings: Settings) -> None:
    settings.ROOT_URLCONF = "sessionadmin.urls"


def lose_permission(user: User, account: Account) -> None:
    user.user_permissions.clear()


def lose_staff_rights(user: User, account: Account) -> None:
    User.objects.filter(pk=user.pk).update(is_superuser=False)


def lose_membership(user: User, account: Account) -> None:
    Membership.objects.filter(user=user, account=account).delete()


def become_a_member(user: User, account: Account) -> None:
    Membership.objects.filter(user=user, account=account).update(role="member")


def be_disabled(user: User, account: Account) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


LOSSES = [lose_permission, lose_staff_rights, lose_membership, become_a_member, be_disabled]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("number", [1, 3])
def test_ends_nothing_after_he_has_lost_them(loss: Callable[[User, Account], None], number: int) -> None:
    for order in orders([0, 1], [2]):
        name = "".join(map(str, order))
        actor, victim = make_person(f"actor{name}"), make_person(f"victim{name}")
        account = make_account(f"account{name}", admin=actor, member=victim)
        if loss is lose_permission:
            permit(actor, "view_session", "delete_session")
        User.objects.filter(pk=actor.pk).update(is_superuser=loss is lose_staff_rights)
        if loss in (lose_permission, lose_staff_rights):
            Membership.objects.filter(user=actor).delete()
        sessions = [make_session(victim, account) for _ in range(number)]
        lost_first = play(order, signed_in(actor), f"user=victim{name}", partial(loss, actor, account))
        assert live(*sessions) == ({one.pk for one in sessions} if lost_first else set())
        assert Termination.objects.filter(actor=actor).exists() == (not lost_first)


def play(order: list[int], browser: Any, query: str, lose: Callable[[], None]) -> bool:
    """Preview, decide and lose the rights in this order; return whether they were lost before the decision."""
    page, lost, lost_first = None, False, False
    for step in order:
        if step == 0:
            page = browser.get(f"{TERMINATE}?{query}")
        elif step == 1:
            lost_first = lost
            if page is not None and page.status_code == 200:
                decide(browser, page)
        else:
            lose()
            lost = True
    return lost_first
