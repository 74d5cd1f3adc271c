"""The sign-in page, in a real browser."""

import subprocess
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer


@pytest.mark.django_db(transaction=True)
class SignInPageTests:
    def test_a_visitor_of_any_page_is_asked_to_sign_in(self, live_server: LiveServer, page: Page) -> None:
        page.goto(f"{live_server}/security/active-user-sessions/")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_axe_finds_nothing(self, live_server: LiveServer, page: Page, theme: str) -> None:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.goto(f"{live_server}/sign-in/")
        assert Axe().run(page).response["violations"] == []

    def test_the_nu_checker_finds_nothing(
        self, live_server: LiveServer, page: Page, nu_checker: list[str], tmp_path: Path
    ) -> None:
        file = tmp_path / "page.html"
        answer = page.request.get(f"{live_server}/sign-in/")
        file.write_text(answer.text())
        found = subprocess.run([*nu_checker, file], capture_output=True, text=True, check=False)
        assert found.stderr == ""
