"""From the sign-in page to a terminated session with nothing but a keyboard."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.cast import live, make_person, sign_in_often
from tests.browser.conftest import Visits
from tests.browser.pages import LIST
from tests.browser.servers import Site

MOST_STOPS = 80
SHOWN = """() => {
  const at = document.activeElement;
  // Past the last stop comes the browser itself, and the button in a field for a time has a ring of its own.
  if (at === document.body || at.type === "datetime-local") return true;
  const box = at.getBoundingClientRect(), label = at.closest("label");
  const ringed = [at, label].some((one) => {
    const style = one && getComputedStyle(one);
    return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  });
  const within = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return ringed && within && box.width > 0 && box.height > 0;
}"""
FOCUSED = "(one) => one === document.activeElement"


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the wanted one has the focus, which is visible at every stop."""
    for _ in range(MOST_STOPS):
        if wanted.count() and wanted.first.evaluate(FOCUSED):
            return
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        assert page.evaluate(SHOWN), f"the focus does not show on {at}"
    raise AssertionError(f"{wanted} is not among the first {MOST_STOPS} stops")


def sign_in_by_keyboard(page: Page, name: str, password: str) -> None:
    page.goto("/sign-in/")
    tab_to(page, page.get_by_label("User name"))
    page.keyboard.type(name)
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Active user sessions")).to_be_visible()


class KeyboardTests:
    def test_from_the_sign_in_page_to_a_terminated_session(self, visit: Visits, site: Site) -> None:
        ulf, page = make_person("Ulf"), visit()
        sign_in_often(visit, ulf, 2)
        sign_in_by_keyboard(page, "marta", site.password)
        tab_to(page, page.get_by_label("Search sessions"))
        page.keyboard.type(ulf.username)
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"Search: {ulf.username}")).to_be_visible()
        tab_to(page, page.locator("tbody [type=checkbox]"))
        page.keyboard.press("Space")
        tab_to(page, page.get_by_role("button", name="Terminate ticked…"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Terminate 1 session?")).to_be_visible()
        tab_to(page, page.get_by_role("button", name="Terminate 1 session"))
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 session terminated")).to_be_visible()
        assert live(ulf) == 1

    def test_the_first_stop_skips_to_the_content(self, visit: Visits) -> None:
        page = visit("marta")
        page.goto(LIST)
        tab_to(page, page.get_by_role("link", name="Skip to content"))
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_label("Search sessions"))
        assert page.evaluate("document.activeElement.id") == "f-q"

    def test_the_filters_behind_more_open_and_are_reached(self, visit: Visits) -> None:
        page = visit("marta")
        page.goto(LIST)
        tab_to(page, page.locator("summary", has_text="More"))
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_label("Not active for"))
