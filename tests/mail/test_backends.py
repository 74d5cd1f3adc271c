"""Mail without a mail server: letters are read in the log, secrets are not (R153)."""

import io
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from sessionadmin.logs import LineFormatter
from sessionadmin.mail import TerminalBackend
from sessions_ui.postman import Postman

from .conftest import CHICAGO, sign_in

pytestmark = pytest.mark.django_db
BACKEND = "from django.conf import settings; print(settings.EMAIL_BACKEND)"
ROOT = Path(__file__).parent.parent.parent


def backend(**variables: str) -> str:
    """Return the backend that the console takes with these variables."""
    own = {"PATH": os.environ["PATH"], "SECRET_KEY": "x", "DJANGO_SETTINGS_MODULE": "sessionadmin.settings"}
    command = [sys.executable, "-c", BACKEND]
    done = subprocess.run(command, env=own | variables, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class DefaultTests:
    def test_is_the_terminal_and_in_production_the_log(self) -> None:
        assert backend() == "sessionadmin.mail.TerminalBackend"
        assert backend(PRODUCTION="1") == "sessionadmin.mail.LogBackend"
        assert backend(PRODUCTION="1", EMAIL_URL="smtp://mail.example").startswith("django.core.mail.backends.smtp")


class LogTests:
    @pytest.fixture(autouse=True)
    def _to_the_log(self, settings: Settings) -> None:
        settings.EMAIL_BACKEND = "sessionadmin.mail.LogBackend"

    @pytest.fixture
    def lines(self, caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(LineFormatter())
        logger = logging.getLogger("sessionadmin.mail")
        logger.addHandler(handler)
        caplog.set_level(logging.INFO)
        yield stream
        logger.removeHandler(handler)

    def test_shows_a_letter_in_one_line(self, anna: User, postman: Postman, lines: io.StringIO) -> None:
        sign_in(anna)
        sign_in(anna, CHICAGO)
        postman.round()
        (line,) = lines.getvalue().splitlines()
        assert "Mail to anna@kestrel.example: New sign-in to Console" in line
        assert f"guessed from {CHICAGO}" in line
        assert "https://console.example/my-sessions/" in line

    def test_never_shows_the_link_that_resets_a_password(self, anna: User, lines: io.StringIO) -> None:
        assert Client().post("/password/reset/", {"email": anna.email}).status_code == 302
        (line,) = lines.getvalue().splitlines()
        assert line.endswith(
            "A mail was not sent, because EMAIL_URL is not set: Choose a new password for Session Admin"
        )
        assert anna.email not in line


class TerminalTests:
    def test_shows_what_a_person_reads(self, anna: User) -> None:
        stream = io.StringIO()
        Client().post("/password/reset/", {"email": anna.email})
        TerminalBackend(stream=stream).send_messages(mail.outbox)
        shown = stream.getvalue()
        assert shown.startswith("To: anna@kestrel.example\nSubject: Choose a new password for Session Admin\n\n")
        assert re.search("http://testserver/password/reset/.+/.+/\n", shown)
