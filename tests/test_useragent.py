import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_ui.useragent import DEVICE_KINDS, LABEL_LENGTH, MAX_LENGTH, Client, describe

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/154.0.0.0 Safari/537.36"
)
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
MODEL = ANDROID.replace("10; K", "14; {}") + "Chrome/120.0.6099.144 Mobile Safari/537.36"
BROWSERS = {
    WINDOWS: ("Windows PC", "computer", "Chrome 154", "Windows"),
    f"{WINDOWS} Edg/154.0.0.0": ("Windows PC", "computer", "Edge 154", "Windows"),
    f"{WINDOWS} OPR/122.0.0.0": ("Windows PC", "computer", "Opera 122", "Windows"),
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko": (
        *("Windows PC", "computer", "Internet Explorer 11", "Windows"),
    ),
    f"{MAC}Version/26.0 Safari/605.1.15": ("Mac", "computer", "Safari 26", "macOS"),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0": (
        *("Mac", "computer", "Firefox 145", "macOS"),
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": (
        *("Linux PC", "computer", "Firefox 145", "Linux"),
    ),
    f"{LINUX}HeadlessChrome/156.0.0.0 Safari/537.36": ("Linux PC", "computer", "Headless Chrome 156", "Linux"),
    f"{LINUX.replace('Linux x86_64', 'CrOS x86_64 14541.0.0')}Chrome/140.0.0.0 Safari/537.36": (
        *("Chromebook", "computer", "Chrome 140", "Chrome OS"),
    ),
    "Mozilla/5.0 (X11; FreeBSD amd64; rv:109.0) Gecko/20100101 Firefox/115.0": (
        *("FreeBSD PC", "computer", "Firefox 115", "FreeBSD"),
    ),
    f"{IPHONE}Version/26.0 Mobile/15E148 Safari/604.1": ("iPhone", "phone", "Safari 26", "iOS"),
    f"{IPHONE}CriOS/140.0.7339.101 Mobile/15E148 Safari/604.1": ("iPhone", "phone", "Chrome 140", "iOS"),
    f"{IPHONE}FxiOS/145.0 Mobile/15E148 Safari/605.1.15": ("iPhone", "phone", "Firefox 145", "iOS"),
    f"{IPHONE.replace('iPhone; CPU iPhone OS', 'iPad; CPU OS')}Version/18.6 Mobile/15E148 Safari/604.1": (
        *("iPad", "tablet", "Safari 18", "iOS"),
    ),
    "MyApp/5 CFNetwork/1410.0.3 Darwin/22.6.0": ("iPhone or iPad", "phone", "MyApp 5", "iOS"),
    f"{ANDROID}Chrome/154.0.0.0 Mobile Safari/537.36": ("Android phone", "phone", "Chrome 154", "Android"),
    f"{ANDROID}Chrome/154.0.0.0 Safari/537.36": ("Android tablet", "tablet", "Chrome 154", "Android"),
    f"{ANDROID}SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": (
        *("Android phone", "phone", "Samsung Internet 28", "Android"),
    ),
    "Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0": (
        *("Android phone", "phone", "Firefox 145", "Android"),
    ),
    "Mozilla/5.0 (Android 14; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0": (
        *("Android tablet", "tablet", "Firefox 145", "Android"),
    ),
    MODEL.format("SM-S921B Build/UP1A.231005.007"): ("Galaxy S24", "phone", "Chrome 120", "Android"),
    MODEL.format("Pixel 8 Pro"): ("Pixel 8 Pro", "phone", "Chrome 120", "Android"),
    "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A)": ("Pixel 8", "phone", "Android app", "Android"),
    "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605": (
        *("PlayStation 5", "other", "Safari 13", ""),
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Edge/44.18": (
        *("Xbox", "other", "Edge 44", "Windows"),
    ),
    "Mozilla/5.0": ("Unknown device", "other", "", ""),
}
SCRIPTS = {
    "curl/8.5.0": "curl 8",
    "Wget/1.21.3 (linux-gnu)": "Wget 1",
    "python-requests/2.32.3": "python-requests 2",
    "python-httpx/0.27.0": "python-httpx 0.27",
    "Python/3.11 aiohttp/3.9.1": "aiohttp 3",
    "Java/17.0.1": "Java client 17",
    "Go-http-client/2.0": "Go-http-client 2",
    "node": "node",
    "<script>alert(1)</script>": "",
}
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=600)
PIECES = st.lists(st.sampled_from([*BROWSERS, *SCRIPTS, "\x00", "\ud800", "\u202e", "²", "٣", "\x9b", "9" * 400]))


class DescribeTests:
    @pytest.mark.parametrize(("agent", "words"), BROWSERS.items())
    def test_browsers_are_named_without_frozen_versions(self, agent: str, words: tuple[str, str, str, str]) -> None:
        assert describe(agent) == Client(*words)

    @pytest.mark.parametrize(("agent", "product"), SCRIPTS.items())
    def test_scripts_are_named_by_their_product(self, agent: str, product: str) -> None:
        seen = describe(agent)
        assert (seen.device, seen.device_kind, seen.browser) == ("Script", "script", product)

    @pytest.mark.parametrize("agent", ["Googlebot/2.1", "Mozilla/5.0 (compatible; bingbot/2.0)", "GPTBot/1.1"])
    def test_crawlers_are_scripts(self, agent: str) -> None:
        assert describe(agent).device_kind == "script"

    @pytest.mark.parametrize("agent", ["", " ", "\x00", "\u202e", "\ud800"])
    def test_no_agent_gives_no_words(self, agent: str) -> None:
        assert describe(agent) == Client("", "", "", "")

    def test_only_the_first_characters_count(self) -> None:
        padding = "x" * (MAX_LENGTH - len(WINDOWS) - 1)
        assert describe(f"{padding} {WINDOWS}{' Edg/154.0.0.0'}").browser == "Chrome 154"

    @pytest.mark.parametrize("hidden", ["\x00", "\x1b[31m", "\u202e", "\u2066", "\x9b", "\ud800"])
    def test_hidden_characters_never_reach_a_label(self, hidden: str) -> None:
        """R137"""
        seen = describe(f"My{hidden}App/1.0 CFNetwork/1410 Darwin/22 Pix{hidden}el")
        labels = seen.device + seen.browser + seen.os
        assert not [c for c in labels if unicodedata.category(c).startswith("C")]

    @given(ANY_TEXT | PIECES.map(" ".join) | PIECES.map("".join))
    def test_never_raises_and_stays_printable_and_short(self, agent: str) -> None:
        """F33"""
        seen = describe(agent)
        labels = [seen.device, seen.browser, seen.os]
        assert seen.device_kind in {*DEVICE_KINDS, ""}
        assert all(label.isascii() and len(label) <= LABEL_LENGTH for label in labels)
        assert "".join(labels).isprintable()

    def test_parser_is_imported_on_first_use_only(self) -> None:
        code = "import sys, sessions_ui.useragent; sys.exit('ua_parser' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
