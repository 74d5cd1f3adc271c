"""All that matters, in a browser that runs no script."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cast import live, make_person, sign_in_often
from tests.browser.conftest import Visits
from tests.browser.pages import LIST, follow, sign_in
from tests.browser.servers import Site


@pytest.fixture
def page(visit: Visits) -> Page:
    return visit("marta", java_script_enabled=False)


def ids(page: Page) -> list[str]:
    """Return what tells the rows apart."""
    return [link.get_attribute("href") or "" for link in page.locator("tbody .who > a:not(.badge)").all()]


class WithoutScriptTests:
    def test_signing_in_and_out(self, visit: Visits, site: Site) -> None:
        page = visit(java_script_enabled=False)
        sign_in(page, site.console, "anna", site.password)
        expect(page.get_by_role("heading", name="My sessions")).to_be_visible()
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_text("You are signed out here")).to_be_visible()

    def test_choosing_an_account(self, visit: Visits, site: Site) -> None:
        page = visit(java_script_enabled=False)
        page.goto("/sign-in/")
        page.get_by_label("User name").fill("naomi")
        page.get_by_label("Password").fill(site.password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Lumen Clinic").check()
        page.get_by_role("button", name="Sign in to this account").click()
        expect(page.locator("tr", has_text="This one")).to_contain_text("Lumen Clinic")

    def test_filtering_and_taking_a_filter_away(self, page: Page) -> None:
        page.goto(LIST)
        page.get_by_label("Account", exact=True).fill("nordlicht-verlag")
        page.get_by_role("combobox", name="Application").select_option("Ledger")
        follow(page, page.get_by_role("button", name="Apply"))
        assert {row.inner_text() for row in page.locator("tbody .c-app").all()} == {"Ledger"}
        follow(page, page.get_by_role("link", name="Remove filter Application: Ledger"))
        expect(page.locator("tbody .c-app", has_text="Portal").first).to_be_visible()
        assert {row.inner_text() for row in page.locator("tbody .c-acc").all()} == {"Nordlicht Verlag"}

    def test_the_filters_behind_more(self, page: Page) -> None:
        page.goto(LIST)
        page.get_by_text("More", exact=True).click()
        page.get_by_label("Country").select_option("Poland")
        page.get_by_label("Address or network").fill("192.0.2.0/24")
        follow(page, page.get_by_role("button", name="Apply"))
        expect(page.get_by_text("Country: Poland")).to_be_visible()
        addresses = page.locator("tbody .c-ip").all_inner_texts()
        assert addresses
        assert [address for address in addresses if "192.0.2." not in address] == []

    def test_the_next_page_and_back(self, page: Page) -> None:
        page.goto(LIST)
        first = ids(page)
        follow(page, page.get_by_role("link", name="Older"))
        assert len(ids(page)) == 50
        assert {*first}.isdisjoint(ids(page))
        follow(page, page.get_by_role("link", name="Newer"))
        assert ids(page) == first

    def test_ending_ticked_sessions(self, visit: Visits, page: Page) -> None:
        ulf = make_person("Ulf")
        sign_in_often(visit, ulf, 3)
        page.goto(f"{LIST}?user={ulf.username}")
        for box in page.get_by_role("checkbox", name=re.compile("^Tick Ulf")).all()[:2]:
            box.check()
        page.get_by_role("button", name="Terminate ticked…").click()
        expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
        page.get_by_role("button", name="Terminate 2 sessions").click()
        expect(page.get_by_text("2 sessions terminated")).to_be_visible()
        assert page.url.endswith(f"{LIST}?user={ulf.username}")
        assert live(ulf) == 1

    def test_above_a_hundred_sessions_the_number_must_be_typed(self, visit: Visits, page: Page) -> None:
        ulf = make_person("Ulf")
        sign_in_often(visit, ulf, 101)
        page.goto(f"{LIST}?user={ulf.username}")
        page.get_by_role("link", name="Terminate all that match…").click()
        page.get_by_label("Type 101").fill("100")
        page.get_by_role("button", name="Terminate 101 sessions").click()
        expect(page.get_by_text("You typed “100”; type 101. Nothing was terminated.")).to_be_visible()
        assert live(ulf) == 101
        page.get_by_label("Type 101").fill("101")
        page.get_by_role("button", name="Terminate 101 sessions").click()
        expect(page.get_by_text("101 sessions terminated")).to_be_visible()
        assert live(ulf) == 0

    def test_ending_ones_other_sessions(self, visit: Visits) -> None:
        ulf = make_person("Ulf")
        sign_in_often(visit, ulf, 3)
        page = visit(ulf, java_script_enabled=False)
        page.goto("/my-sessions/")
        page.get_by_role("link", name=re.compile("^Terminate Ulf’s session")).first.click()
        page.get_by_role("button", name="Terminate 1 session").click()
        expect(page.get_by_text("1 session terminated")).to_be_visible()
        page.get_by_role("link", name="Sign out everywhere else…").click()
        page.get_by_role("button", name="Terminate 2 sessions").click()
        expect(page.get_by_text("You have 1 session.")).to_be_visible()
        assert live(ulf) == 1
