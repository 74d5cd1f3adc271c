"""The promise that is sold: who is terminated in one browser must sign in again in the other."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

PASSWORD = "two browsers and one promise"


def signed_in(browser: Browser, address: str, name: str) -> Page:
    page = browser.new_context(base_url=address).new_page()
    page.goto("/sign-in/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return page


@pytest.mark.django_db(transaction=True)
class TwoBrowsersTests:
    def test_a_terminated_browser_must_sign_in_again(self, browser: Browser, live_server: LiveServer) -> None:
        User.objects.create_superuser("marta", password=PASSWORD)
        User.objects.create_user("anna", password=PASSWORD)
        anna = signed_in(browser, live_server.url, "anna")
        marta = signed_in(browser, live_server.url, "marta")
        marta.goto("/security/active-user-sessions/?user=anna")
        marta.locator("tbody .act a").click()
        marta.get_by_role("button", name="Terminate 1 session").click()
        expect(marta.get_by_text("1 session terminated.")).to_be_visible()
        anna.reload()
        expect(anna.get_by_role("heading", name="Sign in")).to_be_visible()
