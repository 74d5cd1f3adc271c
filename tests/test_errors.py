"""The pages that are shown when something is wrong."""

import re
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.test import Client, RequestFactory, SimpleTestCase, TestCase, override_settings
from django.urls import include, path

from sessions_ui.models.scopes import UnreadableScope
from sessions_ui.outage import unavailable_response
from sessions_ui.views import errors

ICON = re.compile(r"\{% icon \"([a-z-]+)\" %\}")
RAISED: dict[str, Exception] = {
    "bad": BadRequest("created=lastweek: there is no filter “created”."),
    "suspicious": SuspiciousOperation("an inner matter"),
    "forbidden": PermissionDenied(),
    "forbidden-why": PermissionDenied("Only administrators end sessions."),
    "broken": RuntimeError("an inner matter"),
    "away": OperationalError("an inner matter"),
    "gone": InterfaceError("an inner matter"),
    "unreadable": UnreadableScope("an inner matter"),
}


def fail(request: HttpRequest, how: str) -> NoReturn:
    raise RAISED[how]


urlpatterns = [path("fail/<how>/", fail), path("", include("sessionadmin.urls"))]
handler400 = "sessions_ui.views.errors.bad_request"
handler403 = "sessions_ui.views.errors.forbidden"
handler404 = "sessions_ui.views.errors.not_found"
handler500 = "sessions_ui.views.errors.server_error"


@override_settings(ROOT_URLCONF=__name__)
class AnswerTests(TestCase):
    def setUp(self) -> None:
        self.client = Client(raise_request_exception=False)

    def answer(self, how: str, status: int) -> str:
        with self.assertLogs("django"):
            answer = self.client.get(f"/fail/{how}/")
        assert answer.status_code == status
        page = answer.content.decode()
        assert "an inner matter" not in page
        return page

    def test_a_request_that_cannot_be_read_names_what_and_does_nothing(self) -> None:
        page = self.answer("bad", 400)
        assert "there is no filter “created”." in page
        assert "Nothing was listed, changed or terminated." in page

    def test_what_is_suspicious_is_told_to_the_log_alone(self) -> None:
        self.answer("suspicious", 400)

    def test_what_one_may_not_do_was_not_done(self) -> None:
        assert "Your role does not include it. Nothing was changed" in self.answer("forbidden", 403)
        assert "Only administrators end sessions. Nothing was changed" in self.answer("forbidden-why", 403)

    def test_an_unknown_address_is_not_found(self) -> None:
        self.assertContains(self.client.get("/nowhere/"), "There is no such page", status_code=404)

    def test_a_fault_is_ours(self) -> None:
        page = self.answer("broken", 500)
        assert "The fault is in this console" in page
        assert "Traceback" not in page

    def test_an_outage_is_no_fault_and_no_sign_out(self) -> None:
        """R-017, R-095: 503 with Retry-After, and no cookie is touched."""
        for how in ("away", "gone", "unreadable"):
            assert "That signs nobody out" in self.answer(how, 503)
        answer = self.client.get("/fail/away/")
        assert answer["Retry-After"] == "5"
        assert not answer.cookies

    def test_a_forged_form_is_not_accepted(self) -> None:
        client = Client(enforce_csrf_checks=True)
        answer = client.post("/sign-in/", {"username": "anna", "password": "x"})
        self.assertContains(answer, "Nothing was changed or terminated.", status_code=403)

    def test_a_host_that_is_not_ours_gets_the_page_without_a_user(self) -> None:
        with self.assertLogs("django.security"):
            answer = self.client.get("/", headers={"host": "evil.example"})
        self.assertContains(answer, "This request cannot be read", status_code=400)


@override_settings(ROOT_URLCONF=__name__)
class NavigationTests(TestCase):
    def page(self, is_superuser: bool = False) -> Any:
        user = User.objects.create_user("marta", first_name="Marta", last_name="Oliveira", is_superuser=is_superuser)
        self.client.force_login(user)
        return self.client.get("/nowhere/")

    def test_an_administrator_finds_the_lists(self) -> None:
        self.assertContains(self.page(is_superuser=True), "/security/terminations/", status_code=404)

    def test_others_do_not(self) -> None:
        self.assertNotContains(self.page(), "/security/", status_code=404)

    def test_everybody_finds_himself_and_the_way_out(self) -> None:
        page = self.page()
        self.assertContains(page, "Marta Oliveira", status_code=404)
        self.assertContains(page, '<form method="post" action="/sign-out/">', status_code=404)

    def test_a_visitor_finds_the_sign_in(self) -> None:
        self.assertContains(self.client.get("/nowhere/"), 'href="/sign-in/"', status_code=404)

    def test_the_page_one_is_on_is_marked(self) -> None:
        self.client.force_login(User.objects.create_user("marta"))
        page = self.client.get("/my-sessions/")
        self.assertContains(page, '<a href="/my-sessions/" aria-current="page">')

    def test_times_name_their_zone(self) -> None:
        self.client.cookies["tz"] = "Asia/Kolkata"
        self.assertContains(self.client.get("/nowhere/"), "Times in Asia/Kolkata (IST)", status_code=404)


class WithoutADatabaseTests(SimpleTestCase):
    """A SimpleTestCase refuses every query, so these pages ask none."""

    def test_the_503_page(self) -> None:
        self.assertContains(unavailable_response(), "Session Admin", status_code=503)

    def test_the_500_page(self) -> None:
        answer = errors.server_error(RequestFactory().get("/"))
        self.assertContains(answer, "Something went wrong here", status_code=500)

    @override_settings(TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
    def test_a_project_without_a_503_page_says_it_in_plain_text(self) -> None:
        answer = unavailable_response()
        assert (answer.status_code, answer["Content-Type"]) == (503, "text/plain; charset=utf-8")
        self.assertContains(answer, "That signs nobody out.", status_code=503)


class PicturesTests(SimpleTestCase):
    def test_every_icon_that_a_template_draws_is_there(self) -> None:
        drawn = (Path(settings.BASE_DIR) / "static" / "icons.svg").read_text()
        for template in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
            for name in ICON.findall(template.read_text()):
                assert f'id="{name}"' in drawn, template

    def test_every_icon_is_drawn_somewhere(self) -> None:
        base = Path(settings.BASE_DIR)
        sources = [*(base / "templates").rglob("*.html"), *(base / "sessions_ui").rglob("*.py")]
        drawing = "".join(source.read_text() for source in sources)
        symbols = re.findall(r'<symbol id="([\w-]+)"', (base / "static" / "icons.svg").read_text())
        assert [name for name in symbols if f'"{name}"' not in drawing] == []
