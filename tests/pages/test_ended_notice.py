"""An ended browser is told once, on the sign-in page; and the first time it came back is written down."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from sessions_ui import ended_notice, services, sweep
from sessions_ui.models import Session, SessionEvent, Termination

from .cast import Page, current, signed_in, terminate, text_of

COOKIE = "console-ended"
ENDED = "Your session was ended on"


def refusals() -> list[SessionEvent]:
    return list(SessionEvent.objects.filter(kind="refused"))


@pytest.fixture
def browser(anna: User) -> Client:
    return signed_in(anna, REMOTE_ADDR="198.51.100.7")


def come_back(browser: Client, **headers: Any) -> Page:
    """Ask for a page, and follow to the sign-in page."""
    return browser.get("/my-sessions/", follow=True, **headers)


class NoticeTests:
    @pytest.fixture(autouse=True)
    def _ended(self, console: Client, browser: Client) -> None:
        terminate(console, "user=anna", reason="Suspicious, do not tell", note="Call the help desk.")

    def test_tells_when_and_why_it_may_know(self, browser: Client) -> None:
        page = come_back(browser)
        assert re.search(f"{ENDED} .+ .UTC.. Sign in again", text_of(page))
        assert "Sign in again to go on. Call the help desk." in text_of(page)

    def test_never_tells_the_reason(self, browser: Client) -> None:
        assert "Suspicious" not in come_back(browser).content.decode()

    def test_is_there_once(self, browser: Client) -> None:
        come_back(browser)
        assert ENDED not in text_of(browser.get("/sign-in/"))

    def test_travels_in_a_cookie_that_no_script_reads(self, browser: Client) -> None:
        cookie = browser.get("/my-sessions/").cookies[COOKIE]
        assert cookie["httponly"]
        assert (cookie["max-age"], cookie["samesite"], cookie["path"]) == (60, "Lax", "/")

    def test_is_secure_where_the_session_is(self, browser: Client, settings: Settings) -> None:
        settings.SESSION_COOKIE_SECURE = True
        assert browser.get("/my-sessions/").cookies[COOKIE]["secure"]

    def test_is_good_for_a_minute(self, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        browser.get("/my-sessions/")
        monkeypatch.setattr(ended_notice, "SECONDS", -1)
        assert ENDED not in text_of(browser.get("/sign-in/"))

    @pytest.mark.parametrize("text", ["", "x", "a:b:c", "\x00", ":" * 9])
    def test_that_was_forged_is_nothing(self, text: str, client: Client) -> None:
        client.cookies[COOKIE] = text
        page = client.get("/sign-in/")
        assert page.status_code == 200
        assert ENDED not in text_of(page)

    def test_reaches_a_browser_that_asked_by_htmx(self, browser: Client) -> None:
        answer = browser.get("/my-sessions/", headers={"HX-Request": "true"})
        assert (answer.status_code, answer["HX-Redirect"]) == (401, "/sign-in/?next=/my-sessions/")
        assert ENDED in text_of(browser.get("/sign-in/"))

    def test_shows_the_note_as_text(self, console: Client, ben: User) -> None:
        other = signed_in(ben)
        terminate(console, "user=ben", note="<b>bold</b>")
        assert "<b>bold" not in come_back(other).content.decode()


class NoNoticeTests:
    def told(self, browser: Client) -> bool:
        return ENDED in text_of(come_back(browser)) or COOKIE in browser.cookies

    @pytest.mark.parametrize("key", ["x", "a" * 32, "A" * 32, "é"])
    def test_for_a_cookie_that_was_never_ours(self, key: str, client: Client, console: Client) -> None:
        client.cookies["console"] = key
        assert not self.told(client)
        assert refusals() == []

    def test_for_one_who_signed_out(self, browser: Client) -> None:
        key = browser.cookies["console"].value
        browser.post("/sign-out/")
        browser.cookies["console"] = key
        assert not self.told(browser)

    def test_for_one_who_expired(self, browser: Client) -> None:
        current(browser)
        Session.objects.update(expire_date="2026-01-01T00:00Z")
        sweep.tidy("default")
        assert not self.told(browser)
        assert refusals() == []

    def test_for_the_key_of_another_application(self, console: Client, browser: Client, settings: Settings) -> None:
        terminate(console, "user=anna")
        settings.SESSION_APPLICATION = "wiki"
        assert not self.told(browser)
        assert refusals() == []


class RefusedTests:
    @pytest.fixture(params=["swept", "waits for the worker"])
    def termination(
        self, request: pytest.FixtureRequest, console: Client, browser: Client, monkeypatch: pytest.MonkeyPatch
    ) -> Termination:
        if request.param != "swept":
            monkeypatch.setattr(services, "SMALL", 0)
        terminate(console, "user=anna", note="Again, please.")
        return Termination.objects.get()

    def test_is_written_down_once(self, termination: Termination, browser: Client) -> None:
        key = browser.cookies["console"].value
        for _ in range(3):
            browser.cookies["console"] = key
            assert "Again, please." in text_of(come_back(browser))
        (refused,) = refusals()
        assert (refused.termination_id, refused.user_label) == (termination.pk, "anna")
        assert str(refused.ip) == "198.51.100.7"

    def test_stays_one_when_it_is_swept_later(self, termination: Termination, browser: Client) -> None:
        key = browser.cookies["console"].value
        come_back(browser)
        sweep.tidy("default")
        browser.cookies["console"] = key
        come_back(browser)
        assert len(refusals()) == 1
        assert SessionEvent.objects.filter(kind="terminated").count() == 1

    def test_tells_where_the_refused_request_came_from(self, termination: Termination, browser: Client) -> None:
        browser.get("/my-sessions/", REMOTE_ADDR="203.0.113.9")
        assert str(refusals()[0].ip) == "203.0.113.9"

    def test_stands_on_the_receipt(self, termination: Termination, browser: Client, console: Client) -> None:
        receipt = f"/security/terminations/{termination.public_id}/"
        assert "No ended session has been used again." in text_of(console.get(receipt))
        come_back(browser)
        page = text_of(console.get(receipt))
        assert "1 ended session was used again, and it was refused ." in page
        assert "anna No account Console 198.51.100.7" in page
