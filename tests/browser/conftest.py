"""The served site, and browsers that are watched wherever they go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.pages import sign_in_as
from tests.browser.servers import Site, serving
from tests.browser.watch import Watch
from tests.test_reports import database_address

# Five seconds, the default, are too few for a password on a machine that does something else as well.
expect.set_options(timeout=30_000)

STORED = "[localStorage.length, sessionStorage.length]"


@pytest.fixture(scope="package")
def site(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, browser_type_launch_args: dict[str, Any]
) -> Iterator[Site]:
    """Serve both applications on the database of the tests, which all tests of this folder use without rollback."""
    with django_db_blocker.unblock(), serving(database_address(), settings.SECRET_KEY) as served:
        yield served
        call_command("flush", interactive=False, verbosity=0)
        connection.close()


@dataclass
class Visits:
    """Opens browsers; what is true of every page is asserted of all of them at the end."""

    browser: Browser
    site: Site
    cookies: dict[str, Any]
    contexts: list[tuple[BrowserContext, Watch]] = field(default_factory=list)

    def __call__(self, person: str | User = "", **options: Any) -> Page:
        """Return a page in a new browser, signed in to the console as this demo person or user."""
        context = self.browser.new_context(base_url=self.site.console, **options)
        self.contexts.append((context, Watch(context)))
        if isinstance(person, User):
            context.add_cookies([self.signed_in(person)])
        elif person:
            context.add_cookies(self._cookies_of(person))
        return context.new_page()

    @property
    def watches(self) -> list[Watch]:
        return [watch for _, watch in self.contexts]

    def signed_in(self, user: User) -> Any:
        """Return the cookie of a new session of this user, made without his password."""
        client = Client()
        client.force_login(user)
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        return {"name": settings.SESSION_COOKIE_NAME, "value": key, "url": self.site.console}

    def _cookies_of(self, person: str) -> Any:
        if person not in self.cookies:
            context = self.browser.new_context(base_url=self.site.console)
            sign_in_as(context, self.site, person)
            self.cookies[person] = context.cookies()
            context.close()
        return self.cookies[person]

    def close(self) -> None:
        """Close all browsers, and tell what no page may do: speak, ask, call elsewhere, store (R134, R140, R142)."""
        stored = [
            page.url for context, _ in self.contexts for page in context.pages if page.evaluate(STORED) != [0, 0]
        ]
        for context, _ in self.contexts:
            context.close()
        for watch in self.watches:
            assert (watch.messages, watch.dialogs, watch.foreign, watch.canaries) == ([], [], [], [])
        assert stored == []


@pytest.fixture(scope="package")
def cookies() -> dict[str, Any]:
    """Keep the cookies of the demo people: signing in takes a second, and each of them does it once."""
    return {}


@pytest.fixture
def visit(browser: Browser, site: Site, cookies: dict[str, Any]) -> Iterator[Callable[..., Page]]:
    visits = Visits(browser, site, cookies)
    yield visits
    visits.close()
