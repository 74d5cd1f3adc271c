"""The cast: who acts on the pages, and on whose sessions."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sessions_ui.models import Account

from .cast import make_account, make_person, permit, signed_in


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test of a page asks the database."""


@pytest.fixture
def root() -> User:
    return make_person("root", email="root@example.com", first_name="Ruth", last_name="Root", is_superuser=True)


@pytest.fixture
def anna() -> User:
    return make_person("anna", email="anna@example.com", first_name="Anna", last_name="Brandt")


@pytest.fixture
def ben() -> User:
    return make_person("ben", email="ben@example.com", first_name="Ben", last_name="Ortiz")


@pytest.fixture
def ada() -> User:
    """The administrator of acme."""
    return make_person("ada", email="ada@example.com", first_name="Ada", last_name="Acker")


@pytest.fixture
def vera() -> User:
    """A holder of view_session and nothing else."""
    vera = make_person("vera", email="vera@example.com")
    permit(vera, "view_session")
    return vera


@pytest.fixture
def acme(ada: User, anna: User) -> Account:
    return make_account("acme", admin=ada, member=anna)


@pytest.fixture
def bolt(ben: User) -> Account:
    return make_account("bolt", member=ben)


@pytest.fixture
def console(root: User) -> Client:
    """A browser in which the superuser is signed in."""
    return signed_in(root)
