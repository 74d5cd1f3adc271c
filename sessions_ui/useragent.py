"""What a user agent says about device, browser and system, in words that hold."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

MAX_LENGTH = 512
LABEL_LENGTH = 50
DEVICE_KINDS = {"computer": "Computer", "phone": "Phone", "tablet": "Tablet", "script": "Script", "other": "Other"}

UNPRINTABLE = re.compile(r"[^ -~]+")
PRODUCT = re.compile(r"([\w.+-]+)(?:/(\d+)(?:\.(\d+))?)?", re.ASCII)
CONSOLE_OR_TV = re.compile(r"(?i)PlayStation|Xbox|Nintendo|Oculus|BRAVIA|CrKey|Roku|Apple ?TV|Smart-?TV|\bTV\b")
COMPUTERS = {"Windows": "Windows PC", "Mac OS X": "Mac", "Chrome OS": "Chromebook", "Other": "PC"}
SYSTEMS = {"Mac OS X": "macOS", "Other": ""}
BROWSERS = {
    "Android": "Android app",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile WebView": "Android WebView",
    "Chrome Mobile iOS": "Chrome",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "HeadlessChrome": "Headless Chrome",
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer",
    "Java": "Java client",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "iOS WebView",
    "Opera Mobile": "Opera",
    "Python Requests": "python-requests",
    "Python aiohttp": "aiohttp",
    "Slack Desktop Client": "Slack",
    "WindowsPowerShell": "PowerShell",
}
# The parser knows Samsung's numbers only; these are the ones people would recognise by name.
GALAXIES = {
    "SM-A546": "Galaxy A54",
    "SM-A556": "Galaxy A55",
    "SM-S911": "Galaxy S23",
    "SM-S918": "Galaxy S23 Ultra",
    "SM-S921": "Galaxy S24",
    "SM-S928": "Galaxy S24 Ultra",
    "SM-S931": "Galaxy S25",
    "SM-S938": "Galaxy S25 Ultra",
    "SM-X700": "Galaxy Tab S8",
    "SM-X710": "Galaxy Tab S9",
}


@dataclass(frozen=True, slots=True)
class Client:
    """What signed in; each label is printable ASCII of at most LABEL_LENGTH characters, "" if unknown."""

    device: str
    device_kind: str
    browser: str
    os: str


def describe(user_agent: str) -> Client:
    """Return what the user agent says, judged by its first MAX_LENGTH characters."""
    # Agents are ASCII (RFC 9110); cutting out the rest keeps control and bidi characters off the page.
    text = UNPRINTABLE.sub(" ", user_agent[:MAX_LENGTH]).strip()
    return _describe(text) if text else Client("", "", "", "")


@lru_cache(maxsize=2_000)
def _describe(text: str) -> Client:
    agent = _agent_class()(text)
    device, kind = _device(agent)
    # No version of the system: browsers freeze it (Windows 10, Mac OS X 10.15.7, Android 10, iOS 18).
    system = SYSTEMS.get(agent.os.family, agent.os.family)
    return Client(device[:LABEL_LENGTH], kind, _browser(agent)[:LABEL_LENGTH], system[:LABEL_LENGTH])


@cache
def _agent_class() -> Callable[[str], Any]:
    """Return user_agents' class on the Rust parser: its own takes 282 ms for a hostile header.

    Imported on first use: that costs half a second and 35 MB, which not every process needs to pay.
    """
    import ua_parser
    from user_agents import parsers

    class Agent(parsers.UserAgent):  # type: ignore[misc]  # user_agents is not typed
        def __init__(self, text: str) -> None:
            found = ua_parser.parse(text).with_defaults()
            browser, system, device = found.user_agent, found.os, found.device
            self.ua_string = text
            self.browser = parsers.parse_browser(browser.family, browser.major, browser.minor)
            self.os = parsers.parse_operating_system(system.family, system.major)
            self.device = parsers.parse_device(device.family, device.brand, device.model)

    return Agent


def _device(agent: Any) -> tuple[str, str]:
    text, system = agent.ua_string, agent.os.family
    if _is_script(agent):
        return "Script", "script"
    if found := CONSOLE_OR_TV.search(text):
        return _model(agent) or found[0], "other"
    if system == "iOS":
        return _apple(agent.device.family)
    if system == "Android":
        return _android(agent)
    if agent.is_pc or "X11" in text:
        return COMPUTERS.get(system) or ("Linux PC" if "Linux" in text else f"{system} PC"), "computer"
    if agent.is_tablet:
        return _model(agent) or "Tablet", "tablet"
    if agent.is_mobile or "Mobile" in text:
        return _model(agent) or "Phone", "phone"
    return _model(agent) or "Unknown device", "other"


def _is_browser(agent: Any) -> bool:
    return bool(agent.ua_string.startswith(("Mozilla/", "Opera/")))


def _is_script(agent: Any) -> bool:
    app = _is_browser(agent) or agent.is_mobile or agent.os.family in ("iOS", "Android")
    return bool(agent.is_bot or (not app and agent.device.family == "Other"))


def _apple(family: str) -> tuple[str, str]:
    label = family if family in ("iPhone", "iPad", "iPod") else "iPhone or iPad"
    return label, "tablet" if family == "iPad" else "phone"


def _android(agent: Any) -> tuple[str, str]:
    # The tablet flag means "no Mobile Safari", which is true of every app as well.
    says_tablet = agent.device.model == "Tablet" or (_is_browser(agent) and agent.is_tablet)
    kind = "tablet" if says_tablet else "phone"
    return _model(agent) or f"Android {kind}", kind


def _model(agent: Any) -> str:
    """Return the name of the device, "" if it is not really known (Android sends "K" instead)."""
    device = agent.device
    if galaxy := GALAXIES.get((device.model or "")[:7]):
        return galaxy
    known = device.brand and not device.brand.startswith("Generic")
    return str(device.family) if known else ""


def _browser(agent: Any) -> str:
    family, version = agent.browser.family, agent.browser.version
    if family == "Other":
        product = None if _is_browser(agent) else PRODUCT.match(agent.ua_string)
        if not product:
            return ""
        family, version = product[1], (product[2], product[3])
    if family == agent.os.family:
        # An app that names its system only: the version is the system's.
        version = ()
    return f"{BROWSERS.get(family, family)} {_short_version(*version)}".strip()


def _short_version(major: str | int | None = None, minor: str | int | None = None) -> str:
    """Leave out the minor version, unless it is the only one that tells: 0.27."""
    if major is None:
        return ""
    return f"0.{minor}" if str(major) == "0" and minor is not None else str(major)
