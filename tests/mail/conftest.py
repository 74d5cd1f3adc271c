"""People who sign in from here and there, an administrator who ends their sessions, and a mail server."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from sessions_ui import services, sign_in_lock
from sessions_ui.models import Session, Termination
from sessions_ui.models.scopes import Conditions, Scope
from sessions_ui.postman import Postman

from .server import MailServer, mail_server

PASSWORD = "tea with the lighthouse keeper"
MUNICH, BERGEN, CHICAGO = "203.0.113.7", "198.51.100.7", "192.0.2.99"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture(autouse=True)
def _public_url(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://console.example"


@pytest.fixture
def anna(db: None) -> User:
    return make_person("anna", first_name="Anna", last_name="Brandt")


@pytest.fixture
def marta(db: None) -> User:
    return make_person("marta", first_name="Marta", last_name="Lindqvist", is_superuser=True)


@pytest.fixture
def postman(db: None) -> Postman:
    return Postman("default", Event())


@pytest.fixture
def server(settings: Settings, db: None) -> Iterator[MailServer]:
    """A real mail server, to which mail goes from here on."""
    with mail_server() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", running.port, 5
        yield running


def make_person(username: str, **columns: Any) -> User:
    columns = {"email": f"{username}@kestrel.example", "password": PASSWORD} | columns
    return User.objects.create_user(username, **columns)


def sign_in(user: User, ip: str = MUNICH, agent: str = FIREFOX) -> Session:
    """Sign in on the page, and return the session."""
    form = {"username": user.username, "password": PASSWORD}
    assert Client(headers={"User-Agent": agent}).post("/sign-in/", form, REMOTE_ADDR=ip).status_code == 302
    return Session.objects.latest("id")


def end(by: User | str | None, note: str = "", **conditions: Any) -> Termination:
    """End what meets the conditions, everything without one."""
    meant: Conditions = conditions or {"everything": True}
    scope = Scope(meant, {"all": True}, sign_in_lock.cut_off("default"))
    return services.terminate(scope, by, note=note, reason="INC-2214: never in a mail")


def outbox() -> list[Any]:
    """Return the mails that were sent, in which both parts can be read."""
    return mail.outbox


def html_of(message: Any) -> str:
    ((content, mimetype),) = message.alternatives
    assert mimetype == "text/html"
    return str(content)
