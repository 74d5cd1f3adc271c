"""Photograph the pages at three widths in both themes: `python -m tests.screenshots FOLDER`.

Writes the README's picture, docs/active-user-sessions.png, as well. All people on the pictures are invented.
"""

import argparse
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal, cast

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.pages import ADMINISTRATOR, LIST, PAGES, sign_in_as
from tests.browser.servers import ROOT, Site, serving
from tests.conftest import CHROMIUM_FLAGS

README_PICTURE = ROOT / "docs" / "active-user-sessions.png"
Theme = Literal["light", "dark"]
SIZES: list[tuple[int, int, Theme]] = [
    (1440, 900, "light"),
    (1440, 900, "dark"),
    (768, 900, "light"),
    (360, 900, "light"),
    (360, 900, "dark"),
]
# Each page in the state in which it shows most; `--only` photographs the others.
SHOWN = [
    *("sign-in", "list", "list-look", "list-ticked", "session-unusual", "confirm-all", "termination", "terminations"),
    *("login-records", "my-sessions", "confirm-own", "review", "review-signed", "reviews", "networks", "network-add"),
    *("limits", "limit-confirm", "saved-views", "exports", "list-no-match", "400-search", "503"),
]
# Half the size, and hardly anybody sees which are missing.
COLOURS = 28
# Milliseconds; nothing is tested here, and the machine may be busy.
PATIENCE = 180_000
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


def photograph(page: Page, file: Path) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
    counted = cast("list[tuple[int, tuple[int, int, int]]]", picture.getcolors(picture.width * picture.height))
    # The commonest as they are, so that no area changes its tint; what is red or blue counts more than what is grey.
    counted.sort(key=lambda found: found[0] * (1 + max(found[1]) - min(found[1])), reverse=True)
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in counted[:COLOURS] for part in colour])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(file, optimize=True)


class Photographer:
    """Opens browsers in which the demo people are signed in."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser, self.site = browser, site
        self.cookies: dict[str, Any] = {"": []}

    def page(self, person: str) -> Page:
        if person not in self.cookies:
            context = self.context()
            sign_in_as(context, self.site, person)
            self.cookies[person] = context.cookies()
            context.close()
        context = self.context()
        context.add_cookies(self.cookies[person])
        return context.new_page()

    def context(self) -> BrowserContext:
        context = self.browser.new_context(base_url=self.site.console, user_agent=AGENT, timezone_id="Europe/Lisbon")
        context.set_default_timeout(PATIENCE)
        return context

    def every_page(self, folder: Path, names: list[str]) -> None:
        for name in names:
            page = self.page(PAGES[name].by)
            PAGES[name].way(page, self.site)
            for width, height, theme in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=theme)
                photograph(page, folder / f"{name}-{width}-{theme}.png")
            page.context.close()

    def readme_picture(self) -> None:
        page = self.page(ADMINISTRATOR)
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(LIST)
        README_PICTURE.parent.mkdir(exist_ok=True)
        photograph(page, README_PICTURE)
        page.context.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=PAGES, default=SHOWN, metavar="PAGE")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(f"sqlite:///{folder}/db.sqlite3") as site,
        sync_playwright() as driver,
        driver.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS) as browser,
    ):
        photographer = Photographer(browser, site)
        # First of all: some of the ways to the pages end sessions.
        photographer.readme_picture()
        photographer.every_page(options.folder, options.only)


if __name__ == "__main__":
    main()
