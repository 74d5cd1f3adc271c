"""The engine's small site and its people, for what goes wrong around them."""

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _site(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.engine.site"


@pytest.fixture
def anna(transactional_db: None) -> User:
    return User.objects.create(username="anna", password="!")
