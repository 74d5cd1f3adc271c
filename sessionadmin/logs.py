"""How a log line is written: one event, one line, and nothing in it that opens a session or hides the rest."""

import logging
import re
from datetime import UTC, datetime
from typing import Any

# Of Django's and gunicorn's loggers: their messages carry what clients sent.
CLIENTS_WORDS = ("django", "gunicorn")
# Signed and secret values travel in query strings, and in the path of a link that resets a password.
QUERY_STRING = re.compile(r"\?[^ \n]+")
SECRET = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{32,}(?![0-9A-Za-z])")
# gunicorn quotes the request line or the header that it cannot read, with all that is in it.
UNREADABLE_REQUEST = re.compile(r"(Invalid request from ip=\S* [^:'\"]*).*", re.DOTALL)
# Collectors cut longer lines in pieces (Docker at 16 KiB), and one event would look like several.
LONGEST = 12_000

# Without %(r)s, %(q)s and %(f)s: they hold query strings.
ACCESS_LOG_FORMAT = '%(h)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms'


def without_secrets(text: str) -> str:
    """Return the text without query strings, unreadable requests and runs of 32 or more letters and digits.

    Public ids stay: they have dashes.
    """
    text = UNREADABLE_REQUEST.sub(r"\1", text)
    return SECRET.sub("***", QUERY_STRING.sub("", text))


class LineFormatter(logging.Formatter):
    """Write one event on one line, a trace included: `2026-11-23T18:31:39Z INFO sessions_ui.sweep message`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        if record.name.partition(".")[0] in CLIENTS_WORDS:
            record.message = without_secrets(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        # The last line of a trace is the error's own words, which may quote a row or a header.
        return without_secrets(super().formatException(ei))

    def format(self, record: logging.LogRecord) -> str:
        # Another formatter leaves its trace here, with all that was in it.
        record.exc_text = None
        line = escaped(super().format(record))
        if len(line) > LONGEST:
            # Where a trace came from, and what it came to.
            line = f"{line[: LONGEST // 4]} … {line[-LONGEST // 2 :]}"
        return line


def escaped(text: str) -> str:
    r"""Return the text with all that is not printable as \n, \x1b, \u2028 and so on (CVE-2025-48432)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


# gunicorn and Django are both given this, so that their lines look alike.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": LineFormatter}},
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"},
    },
    "root": {"level": "INFO", "handlers": ["stdout"]},
    "loggers": {
        # Each has handlers of its own unless it is told otherwise.
        name: {"level": "INFO", "handlers": [], "propagate": True}
        for name in ("django", "django.server", "gunicorn.access", "gunicorn.error")
    },
}
