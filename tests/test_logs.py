import io
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from sessionadmin.logs import LOGGING, LONGEST, LineFormatter

KEY = "k3y0f4s3ss10nth4tn0b0dymays33abc"
RESET_LINK = "/password/reset/MQ/cqf2bc-0123456789abcdef0123456789abcdef/"
PUBLIC_ID = "6f0c3a52-9d0e-4e4b-9c39-0d2f6a1b7c11"
SEPARATORS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
HOSTILE = [
    "\x1b[2J",
    "\x00",
    "\x7f",
    "\x9b31m",
    "\u202e",
    "\ud800",
    "a\r\n2026-11-23T00:00:00Z INFO forged line",
    "%s%d",
]


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What is written by a root logger that is set up as LOGGING says."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def written(name: str, message: str, *args: Any) -> str:
    """Return the line of one event."""
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, message, args, None)
    return LineFormatter().format(record)


class LineTests:
    def test_line_tells_when_how_bad_and_from_where(self) -> None:
        record = logging.makeLogRecord(
            {"name": "sessions_ui.sweep", "levelname": "INFO", "msg": "Swept %d", "args": (3,)}
        )
        record.created = 1795458699.9
        assert LineFormatter().format(record) == "2026-11-23T18:31:39Z INFO sessions_ui.sweep Swept 3"

    @pytest.mark.parametrize("bad", [*SEPARATORS, *HOSTILE])
    def test_nothing_unprintable_is_written(self, bad: str) -> None:
        """R154"""
        line = written("sessions_ui", "A name: %s.", f"x{bad}y")
        assert line.isprintable()
        assert line.endswith(f"x{bad.encode('unicode_escape', 'surrogatepass').decode()}y.")

    def test_readable_words_stay_readable(self) -> None:
        assert written("sessions_ui", "“Zoë” – 東京 \\ 100 %").endswith(" “Zoë” – 東京 \\ 100 %")

    @given(st.text(st.characters(exclude_categories=()), max_size=200))
    def test_no_text_makes_a_second_line(self, text: str) -> None:
        """R154"""
        assert len(written("django.request", "%s", text).splitlines()) == 1
        written("django.request", "%s", text).encode()

    def test_ten_thousand_hostile_values_are_ten_thousand_lines(self, output: io.StringIO) -> None:
        """R154, T23, CVE-2025-48432"""
        hostile = [*SEPARATORS, *HOSTILE]
        for number in range(10_000):
            logging.getLogger("sessions_ui.test").info("%d %s", number, hostile[number % len(hostile)] * 3)
        lines = output.getvalue().splitlines()
        assert len(lines) == 10_000
        assert all(f" sessions_ui.test {number} " in line for number, line in enumerate(lines))

    def test_trace_is_part_of_its_line(self, output: io.StringIO) -> None:
        try:
            raise ValueError(f"two\nlines, \x1b[2J and {KEY}")
        except ValueError:
            logging.getLogger("sessions_ui").exception("It went wrong.")
        (line,) = output.getvalue().splitlines()
        assert "It went wrong.\\nTraceback (most recent" in line
        assert line.endswith("ValueError: two\\nlines, \\x1b[2J and ***")

    def test_long_line_keeps_its_ends(self) -> None:
        line = written("sessions_ui", "start %s end", "x" * 100_000)
        assert len(line) < LONGEST
        assert "start xxx" in line
        assert line.endswith("xxx end")


class SecretTests:
    """R153"""

    @pytest.mark.parametrize(
        ("name", "message", "shown"),
        [
            ("gunicorn.access", f'127.0.0.1 "GET {RESET_LINK}" 200', '"GET /password/reset/MQ/cqf2bc-***/" 200'),
            ("gunicorn.error", "Error handling request GET /a?scope='x:y\"z", "Error handling request GET /a"),
            (
                "gunicorn.error",
                f"Invalid request from ip=::1: Invalid HTTP Header: 'Cookie console={KEY[:9]}'",
                "Header",
            ),
            ("gunicorn.error", 'Invalid request from ip=1.2.3.4: Invalid HTTP request line: "GET /a?q=b c"', "line"),
            ("django.server", '"GET /a?q=secret HTTP/1.1" 200 5', '"GET /a HTTP/1.1" 200 5'),
            (
                "django.security.csrf",
                "Referer checking failed - https://x/a?q=secret does not match.",
                "a does not match.",
            ),
            ("django.request", f"Not Found: /{KEY}", "Not Found: /***"),
            ("django.request", f"Not Found: /{PUBLIC_ID}/", f"Not Found: /{PUBLIC_ID}/"),
        ],
    )
    def test_what_clients_sent_is_shown_without(self, name: str, message: str, shown: str) -> None:
        assert written(name, message).rstrip(" :").endswith(shown)

    def test_our_own_messages_stay_whole(self) -> None:
        assert written("sessions_ui.sweep", "Done? 3 of 4?yes").endswith("Done? 3 of 4?yes")

    @pytest.mark.django_db
    def test_no_canary_of_a_request_is_written(self, output: io.StringIO) -> None:
        client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {KEY}", "X-Token": KEY})
        client.cookies["console"] = KEY
        for path in ("/healthz", "/nothing", "/sign-in/", f"/nothing/{KEY}", RESET_LINK):
            client.get(path, {"token": "canary", "q": KEY})
            client.post(f"{path}?next=canary", {"username": "canary", "password": "canary", "token": KEY})
        assert output.getvalue().count("\n") >= 5
        assert KEY not in output.getvalue()
        assert "canary" not in output.getvalue()
        assert "0123456789abcdef0123456789abcdef" not in output.getvalue()


class ConfigurationTests:
    def test_django_and_gunicorn_write_through_one_handler(self) -> None:
        names = ("", "django", "django.server", "gunicorn.error", "gunicorn.access")
        before = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).propagate) for name in names}
        try:
            logging.config.dictConfig(LOGGING)
            assert [len(logging.getLogger(name).handlers) for name in names] == [1, 0, 0, 0, 0]
            assert all(logging.getLogger(name).propagate for name in names)
        finally:
            for name, (handlers, propagate) in before.items():
                logging.getLogger(name).handlers[:] = handlers
                logging.getLogger(name).propagate = propagate
