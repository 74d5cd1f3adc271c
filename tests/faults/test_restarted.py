"""PostgreSQL restarted under load: no wrong accept, no false sign-out, 503 in between (F13)."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from time import sleep

import pytest

from tests.browser.servers import Site, serving
from tests.plain_browser import Answer, Browser, hidden
from tests.postgres import Postgres, database_url, own_server

pytestmark = pytest.mark.skipif(
    "postgres" not in os.environ.get("DATABASE_URL", ""), reason="SQLite has no server that could be restarted"
)

PAGE = "/my-sessions/"
RESTARTS, RESTARTS_OF_SOAK = 2, 20


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with own_server() as own:
        yield own


@pytest.fixture(scope="module")
def site(postgres: Postgres) -> Iterator[Site]:
    with serving(database_url(postgres.address, "postgres"), sessions=20) as site:
        yield site


def signed_in(site: Site) -> Browser:
    browser = Browser(site.console)
    token = hidden(browser.ask("GET", "/sign-in/").text, "csrfmiddlewaretoken")
    fields = {"username": "marta", "password": site.password, "csrfmiddlewaretoken": token}
    assert browser.ask("POST", "/sign-in/", fields).status == 302
    return browser


@dataclass
class Watch:
    """Asks for a page again and again, and keeps the answers."""

    browser: Browser
    key: str
    answers: list[Answer] = field(default_factory=list)

    def until(self, done: Event) -> None:
        while not done.is_set():
            # Each time with the key, whatever an answer did to the cookie.
            self.browser.cookies["console"] = self.key
            self.answers.append(self.browser.ask("GET", PAGE))
            if self.browser.cookies["console"] != self.key:
                self.answers.append(Answer(0, "the cookie was changed", "", 0.0))
            sleep(0.01)

    @property
    def statuses(self) -> set[int]:
        return {answer.status for answer in self.answers}


def test_is_a_503_and_nothing_else(site: Site, postgres: Postgres) -> None:
    going_on, ended = signed_in(site), signed_in(site)
    key = ended.cookies["console"]
    token = hidden(ended.ask("GET", PAGE).text, "csrfmiddlewaretoken")
    assert ended.ask("POST", "/sign-out/", {"csrfmiddlewaretoken": token}).status == 302
    watches = [Watch(going_on, going_on.cookies["console"]), Watch(Browser(site.console), key)]
    done = Event()
    with ThreadPoolExecutor(len(watches)) as pool:
        loops = [pool.submit(watch.until, done) for watch in watches]
        try:
            for number in range(RESTARTS_OF_SOAK if os.environ.get("SOAK") else RESTARTS):
                seen = len(watches[0].answers)
                while len(watches[0].answers) < seen + 20:
                    sleep(0.01)
                postgres.restart("immediate" if number % 2 else "fast")
        finally:
            done.set()
        for loop in loops:
            loop.result()
    first, second = watches
    assert 503 in first.statuses
    assert first.statuses == {200, 503}
    # The cookie of the ended one is deleted: that is the only change it may see.
    assert 200 not in second.statuses
    assert Browser(site.console, first.key).ask("GET", PAGE).status == 200
    assert Browser(site.console, second.key).ask("GET", PAGE).status == 302
