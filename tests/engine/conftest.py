"""The engine's fixtures: a site, people and accounts, and a database that can be taken away."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.urls import path
from pytest_django import Settings

from sessions_ui import bounded_wait
from sessions_ui.models import Account, Membership

from . import site
from .browser import Browser
from .database import Database
from .hold import Hold


@pytest.fixture(autouse=True)
def _site(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.engine.site"


@pytest.fixture
def serve(settings: Settings) -> Callable[[site.View], None]:
    """Put a view at /view/, beside the site's own."""

    def put(view: site.View) -> None:
        settings.ROOT_URLCONF = (path("view/", view), *site.urlpatterns)

    return put


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna", "anna@example.com", "of anna")


@pytest.fixture
def ben(db: None) -> User:
    return User.objects.create_user("ben", "ben@example.com", "of ben")


@pytest.fixture
def acme(anna: User) -> Account:
    """The account of which anna is the only member."""
    account = Account.objects.create(name="Acme", slug="acme")
    Membership.objects.create(user=anna, account=account)
    return account


@pytest.fixture
def visitor() -> Browser:
    return Browser()


@pytest.fixture
def signed_in(visitor: Browser, anna: User) -> Browser:
    """A browser in which anna is signed in."""
    return visitor.sign_in(anna)


@pytest.fixture
def other(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    """Somebody who holds what a test lets him hold, and for whom nobody waits long."""
    monkeypatch.setattr(bounded_wait, "MAX_WAIT", "50ms")
    hold = Hold()
    yield hold
    hold.close()


@pytest.fixture
def database(transactional_db: None) -> Iterator[Database]:
    """The database, to be taken away from Django's connection."""
    taken = Database()
    yield taken
    taken.restore()
