"""People, their browsers, and connections for those who act at once."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import Settings

from tests.engine.database import second_connection


@pytest.fixture(autouse=True)
def _site(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.engine.site"


@pytest.fixture
def anna(transactional_db: None) -> User:
    return User.objects.create(username="anna", password="!")


@pytest.fixture
def ben(transactional_db: None) -> User:
    return User.objects.create(username="ben", password="!")


@pytest.fixture
def connect(transactional_db: None) -> Iterator[Callable[[int], list[BaseDatabaseWrapper]]]:
    """Open so many connections, once, for actors that come and go."""
    opened: list[BaseDatabaseWrapper] = []

    def several(number: int) -> list[BaseDatabaseWrapper]:
        while len(opened) < number:
            one = second_connection()
            one.inc_thread_sharing()
            one.connect()
            opened.append(one)
        return opened[:number]

    yield several
    for one in opened:
        one.close()
    connection.close()
