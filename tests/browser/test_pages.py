"""Every page, as everybody must be able to use it: with axe, the Nu checker, and a narrow window."""

import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

from tests.browser.conftest import Visits
from tests.browser.pages import PAGES
from tests.browser.servers import ROOT

WIDTHS = [(1440, 900), (360, 740)]
THEMES: list[Literal["light", "dark"]] = ["light", "dark"]
# Rows are all alike, and axe takes seconds for fifty; only the plain list keeps them.
FEWER_ROWS = "document.querySelectorAll('tbody tr:nth-child(n+11)').forEach((row) => row.remove())"
OVERHANG = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
every_page = pytest.mark.parametrize("name", PAGES)


def open_page(visit: Visits, name: str, **options: Any) -> tuple[Page, Response]:
    """Go to the page and return it, with the last answer that was a page."""
    shown, page = PAGES[name], visit(PAGES[name].by, **options)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer) if answer.request.is_navigation_request() else None)
    shown.way(page, visit.site)
    page.wait_for_load_state()
    assert answers[-1].status == shown.status
    return page, answers[-1]


def faults(page: Page) -> list[tuple[str, list[str]]]:
    found = Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]


class EveryPageTests:
    @every_page
    def test_axe_finds_nothing_and_nothing_scrolls_sideways(self, visit: Visits, name: str) -> None:
        page, _ = open_page(visit, name, reduced_motion="reduce")
        if name != "list":
            page.evaluate(FEWER_ROWS)
        for width, height in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate(OVERHANG) <= 0, f"{name} scrolls sideways at {width}"
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                assert faults(page) == [], f"{name}, {width}, {theme}"

    def test_the_nu_checker_finds_nothing(self, visit: Visits, nu_checker: list[str], tmp_path: Path) -> None:
        for name in PAGES:
            (tmp_path / f"{name}.html").write_bytes(open_page(visit, name)[1].body())
        files = [*tmp_path.iterdir(), *(ROOT / "static").rglob("*.css"), *(ROOT / "static").rglob("*.svg")]
        command = [*nu_checker, "--also-check-css", "--also-check-svg", *map(str, files)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.stderr == ""

    def test_no_page_holds_a_key_or_a_digest(self, visit: Visits) -> None:
        """R007, T01."""
        pages = [open_page(visit, name) for name in PAGES]
        keys = {
            cookie["value"] for page, _ in pages for cookie in page.context.cookies() if cookie["name"] == "console"
        }
        assert keys
        secrets = [form for key in keys for form in (key, *halves(key))]
        for page, answer in pages:
            text = answer.text() + page.content() + page.url
            assert [secret for secret in secrets if secret in text] == [], page.url


def halves(key: str) -> list[str]:
    digest = sha256(key.encode()).hexdigest()
    return [digest[:32], digest[32:]]
