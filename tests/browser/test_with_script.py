"""What a script adds to the pages, and what it tells when something is in its way."""

import re

import pytest
from django.db.models.functions import Now
from playwright.sync_api import Locator, Page, expect

from sessions_ui.models import Session, Termination
from tests.browser.cast import make_person
from tests.browser.conftest import Visits
from tests.browser.pages import LIST

# htmx says so of every answer that is an error, also of those that we show.
HTMX_ERROR = "Response Status Error Code 400"
# Chromium and htmx each say so.
UNREACHABLE = ("htmx:afterRequest", "htmx:sendError", "Failed to load resource: net::ERR_INTERNET_DISCONNECTED")


@pytest.fixture
def page(visit: Visits) -> Page:
    page = visit("marta")
    page.goto(LIST)
    page.evaluate("window.stayed = true")
    return page


def stayed(page: Page) -> bool:
    """Tell whether this is still the page that was opened, of which only parts were exchanged."""
    return bool(page.evaluate("window.stayed === true"))


def boxes(page: Page) -> Locator:
    return page.locator("tbody .tick input")


class TickingTests:
    def test_all_of_the_page_and_none(self, page: Page) -> None:
        page.get_by_label("Tick all sessions on this page").check()
        number = boxes(page).count()
        assert number >= 49
        expect(page.get_by_role("status").filter(has_text=f"{number} sessions ticked")).to_have_count(1)
        page.get_by_role("button", name="Untick").click()
        expect(page.locator("tbody .tick input:checked")).to_have_count(0)

    def test_a_range_with_shift(self, page: Page) -> None:
        boxes(page).nth(2).click()
        boxes(page).nth(6).click(modifiers=["Shift"])
        expect(page.locator("tbody .tick input:checked")).to_have_count(5)
        expect(page.get_by_role("status").filter(has_text="5 sessions ticked")).to_have_count(1)

    def test_the_count_follows_in_words(self, page: Page) -> None:
        boxes(page).first.check()
        expect(page.get_by_role("status").filter(has_text="1 session ticked")).to_have_count(1)
        boxes(page).first.uncheck()
        expect(page.get_by_role("status").filter(has_text="0 sessions ticked")).to_have_count(1)

    def test_ticks_lead_to_the_confirmation(self, page: Page) -> None:
        boxes(page).nth(3).click()
        boxes(page).nth(1).click(modifiers=["Shift"])
        page.get_by_role("button", name="Terminate ticked…").click()
        expect(page.get_by_role("heading", name="Terminate 3 sessions?")).to_be_visible()


class PanelTests:
    @pytest.fixture
    def panel(self, page: Page) -> Locator:
        page.locator("summary", has_text="More").click()
        panel = page.locator("details.pop", has_text="Signed in after")
        expect(panel).to_have_attribute("open", "")
        return panel

    def test_closes_once_the_filter_is_applied(self, page: Page, panel: Locator) -> None:
        """Else it would cover what was looked for."""
        page.get_by_label("City").fill("Berlin")
        page.keyboard.press("Enter")
        expect(panel).not_to_have_attribute("open", "")
        expect(page.get_by_text("City: Berlin").first).to_be_visible()

    def test_closes_with_escape_and_beside_it(self, page: Page, panel: Locator) -> None:
        page.get_by_label("City").focus()
        page.keyboard.press("Escape")
        expect(panel).not_to_have_attribute("open", "")
        expect(panel.locator("summary")).to_be_focused()
        panel.locator("summary").click()
        page.get_by_role("heading", level=1).click()
        expect(panel).not_to_have_attribute("open", "")


class FragmentTests:
    def test_a_search_exchanges_the_list_and_keeps_address_and_focus(self, page: Page) -> None:
        search = page.get_by_label("Search sessions")
        search.fill("nordlicht")
        search.press("Enter")
        expect(page.get_by_text("Search: nordlicht")).to_be_visible()
        expect(page).to_have_url(re.compile("q=nordlicht"))
        assert stayed(page)
        expect(search).to_be_focused()

    def test_the_address_says_nothing_of_empty_fields(self, page: Page) -> None:
        page.get_by_label("Search sessions").fill("nordlicht")
        page.get_by_role("button", name="Apply").click()
        expect(page).to_have_url(re.compile(r"/\?q=nordlicht$"))

    def test_ticking_works_in_a_list_that_was_exchanged(self, page: Page) -> None:
        page.get_by_label("Search sessions").fill("nordlicht")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_text("Search: nordlicht")).to_be_visible()
        page.get_by_label("Tick all sessions on this page").check()
        expect(page.locator("tbody .tick input:not(:checked)")).to_have_count(0)

    def test_the_back_button_brings_back_the_list_before(self, page: Page) -> None:
        page.get_by_label("Search sessions").fill("nordlicht")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_text("Search: nordlicht")).to_be_visible()
        page.go_back()
        expect(page.get_by_text("Search: nordlicht")).to_have_count(0)
        expect(boxes(page).first).to_be_visible()
        expect(page).to_have_url(re.compile(f"{LIST}$"))
        # The page came anew: until htmx has begun in it, going forward changes the address alone.
        expect(page.locator(".awaited")).to_have_count(0)
        page.go_forward()
        expect(page.get_by_text("Search: nordlicht")).to_be_visible()

    @pytest.mark.parametrize(
        ("label", "typed", "value"), [("Account", "nord", "nordlicht-verlag"), ("User", "brandt", "anna")]
    )
    def test_names_are_suggested(self, page: Page, label: str, typed: str, value: str) -> None:
        page.get_by_label(label, exact=True).press_sequentially(typed)
        expect(page.locator(f"datalist option[value={value}]")).to_have_count(1)
        assert "?" not in page.url

    @pytest.mark.parametrize("form", ["limits/add/", "networks/add/"])
    def test_accounts_are_suggested_in_forms(self, page: Page, form: str) -> None:
        page.goto(f"/security/{form}")
        page.get_by_label("Account").press_sequentially("nord")
        expect(page.locator("datalist option[value=nordlicht-verlag]")).to_have_count(1)

    def test_what_cannot_be_read_is_said_in_the_place_of_the_list(self, visit: Visits, page: Page) -> None:
        """What stood there before must not be terminated by mistake."""
        visit.watches[0].meant = (HTMX_ERROR,)
        page.get_by_label("User", exact=True).fill("brandt")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("alert")).to_contain_text("There is no user “brandt” here.")
        expect(page.get_by_role("link", name=re.compile("^Terminate"))).to_have_count(0)
        expect(page.locator("tbody")).to_have_count(0)
        assert stayed(page)
        page.get_by_role("alert").get_by_role("link", name="Anna Brandt").click()
        expect(boxes(page).first).to_be_visible()

    def test_what_is_wrong_in_the_box_is_said_beside_it(self, visit: Visits, page: Page) -> None:
        visit.watches[0].meant = (HTMX_ERROR,)
        box = page.get_by_label("Search sessions")
        box.fill("usr:anna")
        box.press("Enter")
        expect(page.locator(".seek .wrong")).to_contain_text("Did you mean “user:”?")
        expect(box).to_have_accessible_description(re.compile("There is no filter “usr:”"))
        box.fill("user:anna")
        box.press("Enter")
        expect(page.locator(".seek .wrong")).to_have_count(0)
        expect(box).to_have_attribute("name", "q")

    def test_what_was_said_stays_until_the_list_comes(self, visit: Visits, page: Page) -> None:
        visit.watches[0].meant = (HTMX_ERROR,)
        page.get_by_label("Account", exact=True).fill("nowhere corp")
        page.get_by_role("button", name="Apply").click()
        said = page.get_by_role("alert").filter(has_text="There is no account “nowhere corp” here.")
        expect(said).to_be_visible()
        page.get_by_label("Account", exact=True).fill("")
        page.get_by_label("User", exact=True).press_sequentially("brandt")
        expect(page.locator("datalist option[value=anna]")).to_have_count(1)
        expect(said).to_be_visible()
        page.get_by_role("button", name="Apply").click()
        expect(said).to_have_count(0)

    def test_a_session_that_ended_leads_to_the_sign_in_page(self, visit: Visits) -> None:
        ida = make_person("Ida", is_superuser=True)
        page = visit(ida)
        page.goto(LIST)
        # It loads after the page, and would be the first to hear of the end.
        expect(page.locator(".awaited")).to_have_count(0)
        Session.objects.filter(user=ida).delete()
        page.get_by_label("Search sessions").fill("nordlicht")
        page.get_by_role("button", name="Apply").click()
        expect(page).to_have_url(re.compile("/sign-in/"))
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    def test_a_server_that_cannot_be_reached_is_said(self, visit: Visits, page: Page) -> None:
        visit.watches[0].meant = UNREACHABLE
        page.context.set_offline(True)
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        page.context.set_offline(False)


class ProgressTests:
    def test_follows_the_sweep_and_becomes_the_receipt(self, visit: Visits) -> None:
        page = visit("marta")
        page.goto("/under-way/")
        expect(page.get_by_text("136,190")).to_be_visible()
        acts = Termination.objects.filter(matched=212_480)
        acts.update(ended=170_000)
        expect(page.get_by_text("170,000")).to_be_visible()
        acts.update(ended=212_480, finished_on=Now())
        expect(page.get_by_text("Done.")).to_be_visible()
        acts.update(finished_on=None)
