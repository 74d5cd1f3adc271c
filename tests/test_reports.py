"""The second application, as a process of its own on the database of the tests."""

import os
import socket
import subprocess
import sys
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import SimpleTestCase, TransactionTestCase, override_settings
from django.urls import path

from sessions_ui import services
from sessions_ui.models import Session, SessionEvent
from sessions_ui.models.scopes import Scope
from tests.postgres import database_url

REPORTS = Path(__file__).parent.parent / "examples" / "reports"
PASSWORD = "fog over the harbour"


def who(request: HttpRequest) -> HttpResponse:
    """Stand in for a page of the console."""
    return HttpResponse(request.user.get_username() or "anonymous")


urlpatterns = [path("", who, name="sign-in")]


def database_address() -> str:
    name = connection.settings_dict["NAME"]
    return f"sqlite:///{name}" if connection.vendor == "sqlite" else database_url(os.environ["DATABASE_URL"], name)


def environment(**variables: str) -> dict[str, str]:
    """Return an environment without what is set for the tests, above all their DJANGO_SETTINGS_MODULE."""
    return {"PATH": os.environ["PATH"], **variables}


class Browser:
    """Keeps cookies and follows redirects; `at` is the path where it ended up."""

    def __init__(self, root: str, cookies: dict[str, str] | None = None) -> None:
        self.root, self.at, self.jar = root, "", CookieJar()
        self.opener = build_opener(HTTPCookieProcessor(self.jar))
        if cookies:
            self.opener.addheaders = [("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))]

    def open(self, path: str, **fields: str) -> str:
        """Get the page, or post the fields to it, and return its text."""
        if fields:
            fields["csrfmiddlewaretoken"] = self.cookies["reports-csrf"]
        with self.opener.open(self.root + path, urlencode(fields).encode() if fields else None, timeout=30) as answer:
            self.at = urlsplit(answer.url).path
            return str(answer.read().decode())

    def sign_in(self, password: str = PASSWORD) -> str:
        self.open("/sign-in/")
        return self.open("/sign-in/", username="anna", password=password)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.jar}


@override_settings(ROOT_URLCONF=__name__)
class ReportsTests(TransactionTestCase):
    root: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # The socket listens before the server is there, so that the first request waits for it.
        listening = cls.enterClassContext(socket.create_server(("127.0.0.1", 0)))
        cls.root = f"http://127.0.0.1:{listening.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "reports.wsgi", "--chdir", str(REPORTS), "--no-control-socket"]
        server = subprocess.Popen(
            [*command, "--bind", f"fd://{listening.fileno()}", "--log-level", "warning"],
            # The same secret key: the boundary between applications does not rest on the keys alone.
            env=environment(DATABASE_URL=database_address(), REPORTS_SECRET_KEY=settings.SECRET_KEY),
            pass_fds=[listening.fileno()],
        )
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.terminate)

    def setUp(self) -> None:
        # Reports has Django's own hashers, the tests have a fast one.
        hashed = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1)
        self.anna = User.objects.create(username="anna", first_name="Anna", last_name="Brandt", password=hashed)
        self.browser = Browser(self.root)

    def test_a_visitor_lands_on_the_sign_in_page(self) -> None:
        page = self.browser.open("/")
        assert self.browser.at == "/sign-in/"
        assert "<h1>Sign in</h1>" in page

    def test_a_sign_in_makes_a_live_session_of_reports(self) -> None:
        page = self.browser.sign_in()
        session = Session.objects.live().get()
        assert (session.application.slug, session.user, session.ip) == ("reports", self.anna, "127.0.0.1")
        assert self.browser.at == "/"
        assert "<strong>Anna Brandt</strong>" in page

    def test_a_wrong_password_makes_no_session(self) -> None:
        page = self.browser.sign_in("fog over the hills")
        assert "Please enter a correct username and password" in page
        assert not Session.objects.signed_in().exists()

    def test_a_terminated_session_must_sign_in_again(self) -> None:
        self.browser.sign_in()
        session = Session.objects.get()
        termination = services.terminate(Scope({"sessions": [session.pk]}, {"all": True}, session.pk), None)
        page = self.browser.open("/")
        assert (termination.ended, self.browser.at) == (1, "/sign-in/")
        assert "Your session was ended on" in page
        assert "reports" not in self.browser.cookies

    def test_a_deleted_session_must_sign_in_again(self) -> None:
        self.browser.sign_in()
        Session.objects.all().delete()
        self.browser.open("/")
        assert self.browser.at == "/sign-in/"

    def test_signing_out_removes_the_session(self) -> None:
        self.browser.sign_in()
        self.browser.open("/sign-out/", sign="out")
        assert self.browser.at == "/sign-in/"
        assert not Session.objects.exists()
        assert SessionEvent.objects.latest("id").kind == SessionEvent.Kind.SIGNED_OUT

    def test_a_key_of_reports_is_anonymous_in_the_console(self) -> None:
        self.browser.sign_in()
        key = self.browser.cookies["reports"]
        assert "Anna Brandt" in Browser(self.root, {"reports": key}).open("/")
        for name in ("console", "reports"):
            self.client.cookies.clear()
            self.client.cookies[name] = key
            assert self.client.get("/").content == b"anonymous", name

    def test_a_key_of_the_console_is_anonymous_in_reports(self) -> None:
        self.client.force_login(self.anna)
        assert self.client.get("/").content == b"anna"
        key = self.client.cookies["console"].value
        for name in ("console", "reports"):
            browser = Browser(self.root, {name: key})
            browser.open("/")
            assert browser.at == "/sign-in/", name
        assert Session.objects.live().get().application.slug == "console"


class ReportsProjectTests(SimpleTestCase):
    def manage(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", str(REPORTS / "manage.py"), *arguments]
        return subprocess.run(command, env=environment(**variables), capture_output=True, text=True, check=False)

    def test_it_passes_the_checks_without_the_apps_of_the_console(self) -> None:
        done = self.manage("check", "--fail-level", "INFO", REPORTS_SECRET_KEY="any", DATABASE_URL="sqlite://:memory:")
        assert (done.returncode, done.stderr) == (0, "")

    def test_without_a_secret_key_it_says_what_to_do(self) -> None:
        last = self.manage("check", REPORTS_SECRET_KEY_FILE="/nowhere/key").stderr.splitlines()[-1]
        assert "set REPORTS_SECRET_KEY, or put one into /nowhere/key" in last
