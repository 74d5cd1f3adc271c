"""A browser that can tell how long an answer took."""

import html
import re
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from time import perf_counter
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    location: str
    seconds: float


class Browser:
    """Sends its cookies, and keeps those that it is given."""

    def __init__(self, root: str, key: str = "") -> None:
        parts = urlsplit(root)
        assert parts.hostname is not None
        self.connection = HTTPConnection(parts.hostname, parts.port, timeout=120)
        self.cookies = {"console": key} if key else {}

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> Answer:
        """Send a request and read the whole answer; the time is that from connecting to the last byte read."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        begun = perf_counter()
        self.connection.request(method, path, urlencode(fields or {}) if fields is not None else None, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        seconds = perf_counter() - begun
        # A server closes what was idle for two seconds, in the middle of the next request if it comes then.
        self.connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return Answer(answer.status, text, answer.headers.get("Location", ""), seconds)


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field; raises RuntimeError."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', page)
    if found is None:
        raise RuntimeError(f"The page has no field {name}.")
    return html.unescape(found[1])
