"""Every page, as everybody must be able to use it: with axe, the Nu checker, and a narrow window."""

import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

from sessions_ui.models import Session
from tests.browser.conftest import Visits
from tests.browser.pages import PAGES

SIZES = [(1440, 900), (360, 740)]
SESSION_COOKIES = ["console", "reports"]
THEMES: list[Literal["light", "dark"]] = ["light", "dark"]
# Rows are all alike, and axe takes seconds for fifty; only the plain list keeps them.
FEWER_ROWS = "document.querySelectorAll('tbody tr:nth-child(n+11)').forEach((row) => row.remove())"
# What is beyond the left edge makes nothing scroll, and cannot be reached either.
OVERHANG = """() => {
  const shown = [...document.querySelectorAll("main :is(a, button, input, label, select, summary):not(.vh, .vh *)")];
  const lefts = shown.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().left);
  const right = document.scrollingElement.scrollWidth - document.documentElement.clientWidth;
  return Math.max(right, ...lefts.map((left) => Math.ceil(-left)));
}"""
every_page = pytest.mark.parametrize("name", PAGES)


@dataclass(frozen=True)
class Look:
    """What was seen of a page."""

    html: bytes
    text: str
    keys: list[str]
    overhangs: dict[int, int]
    faults: dict[str, list[Any]]


Looks = dict[str, Look]


@pytest.fixture(scope="package")
def looks() -> Looks:
    """Keep what was seen: going to a page and having it examined takes seconds."""
    return {}


def open_page(visit: Visits, name: str) -> tuple[Page, Response]:
    """Go to the page and return it, with the last answer that was a page."""
    shown, page = PAGES[name], visit(PAGES[name].by, reduced_motion="reduce")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer) if answer.request.is_navigation_request() else None)
    shown.way(page, visit.site)
    page.wait_for_load_state()
    assert answers[-1].status == shown.status
    return page, answers[-1]


def look_at(visit: Visits, looks: Looks, name: str) -> Look:
    if name not in looks:
        page, answer = open_page(visit, name)
        html, text = answer.body(), page.content() + page.url
        keys = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] in SESSION_COOKIES]
        overhangs = {width: overhang_at(page, width, height) for width, height in SIZES}
        if name != "list":
            page.evaluate(FEWER_ROWS)
        looks[name] = Look(html, text, keys, overhangs, dict(faults(page)))
    return looks[name]


def overhang_at(page: Page, width: int, height: int) -> int:
    """Return how many pixels of the page are beyond a window of this size."""
    page.set_viewport_size({"width": width, "height": height})
    return int(page.evaluate(OVERHANG))


def faults(page: Page) -> Any:
    """Yield what axe finds, by size and theme."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            found = Axe().run(page).response["violations"]
            yield f"{width} {theme}", [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]


def halves(key: str) -> list[str]:
    digest = sha256(key.encode()).hexdigest()
    return [digest[:32], digest[32:]]


class EveryPageTests:
    @every_page
    def test_axe_finds_nothing(self, visit: Visits, looks: Looks, name: str) -> None:
        found = look_at(visit, looks, name).faults
        assert found == {f"{width} {theme}": [] for width, _ in SIZES for theme in THEMES}

    @every_page
    def test_nothing_is_beyond_the_edges(self, visit: Visits, looks: Looks, name: str) -> None:
        assert [width for width, overhang in look_at(visit, looks, name).overhangs.items() if overhang > 0] == []

    @every_page
    def test_no_key_and_no_digest_is_on_it(self, visit: Visits, looks: Looks, name: str) -> None:
        """R007, T01."""
        look = look_at(visit, looks, name)
        columns = Session.objects.values_list("key_digest", "key_digest_rest")
        digests = [bytes(half).hex() for row in columns for half in row]
        digests += [half for key in look.keys for half in halves(key)]
        assert digests
        assert [secret for secret in [*look.keys, *digests] if secret in look.text] == []

    def test_the_nu_checker_finds_nothing(
        self, visit: Visits, looks: Looks, nu_checker: list[str], tmp_path: Path
    ) -> None:
        """The style sheets are left out: the checker knows neither layers nor nested rules."""
        files = [tmp_path / f"{name}.html" for name in PAGES]
        for file in files:
            file.write_bytes(look_at(visit, looks, file.stem).html)
        found = subprocess.run([*nu_checker, *map(str, files)], capture_output=True, text=True, check=False)
        assert found.stderr == ""
