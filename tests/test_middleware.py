"""The console's own middleware; the engine's is tested in tests/engine."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from zoneinfo import available_timezones

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import timezone
from pytest_django import Settings

from sessionadmin.middleware import DisplayTimeZoneMiddleware

HOSTILE_ZONES = ["", "..", "../../etc/passwd", "/etc/passwd", "Europe", "Europe/", "europe/berlin", "posixrules"]
HOSTILE_ZONES += ["x" * 10_000, "\x00", "UTC\x00", "Europe/Berlin\n", "\ud800", "C:\\x"]


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username())


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("plain")


def shared(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username(), headers={"Cache-Control": "public, max-age=600"})


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


urlpatterns = [path(f"{view.__name__}/", view) for view in (who, plain, shared, broken)]


@pytest.fixture
def signed_in(client: Client, settings: Settings, db: None) -> Client:
    settings.ROOT_URLCONF = __name__
    client.raise_request_exception = False
    client.force_login(User.objects.create(username="anna"))
    return client


class NoStoreTests:
    """R139"""

    @pytest.mark.parametrize("page", ["/who/", "/shared/"])
    def test_answer_to_a_person_is_not_kept(self, page: str, signed_in: Client) -> None:
        answer = signed_in.get(page)
        assert answer.content == b"anna"
        assert answer["Cache-Control"] == "private, no-store"
        assert "Cookie" in answer["Vary"]

    def test_session_that_the_page_did_not_read_is_not_read(
        self, signed_in: Client, django_assert_num_queries: Callable[..., AbstractContextManager[object]]
    ) -> None:
        with django_assert_num_queries(0):
            answer = signed_in.get("/plain/")
        assert not answer.has_header("Cache-Control")
        assert not answer.has_header("Vary")


class ResourcePolicyTests:
    """R135"""

    @pytest.mark.parametrize("page", ["/who/", "/nowhere/", "/broken/", "/static/nothing.css", "/healthz"])
    def test_is_on_every_answer(self, page: str, signed_in: Client) -> None:
        assert signed_in.get(page)["Cross-Origin-Resource-Policy"] == "same-origin"

    def test_is_on_the_way_to_tls(self, signed_in: Client, settings: Settings) -> None:
        settings.SECURE_SSL_REDIRECT = True
        answer = signed_in.get("/who/")
        assert (answer.status_code, answer["Cross-Origin-Resource-Policy"]) == (301, "same-origin")


def zone_seen(cookie: str | None) -> str:
    """Return the zone that a view sees when the browser sends this cookie."""
    request = RequestFactory().get("/")
    if cookie is not None:
        request.COOKIES["tz"] = cookie
    answer = DisplayTimeZoneMiddleware(lambda _: HttpResponse(timezone.get_current_timezone_name()))(request)
    return answer.content.decode()


class DisplayTimeZoneTests:
    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC"])
    def test_cookie_names_the_zone(self, zone: str) -> None:
        assert zone_seen(zone) == zone

    def test_default_is_the_setting(self, settings: Settings) -> None:
        settings.DISPLAY_TIME_ZONE = "Asia/Tokyo"
        assert zone_seen(None) == "Asia/Tokyo"

    @pytest.mark.parametrize("hostile", HOSTILE_ZONES)
    def test_hostile_cookie_is_the_default(self, hostile: str) -> None:
        assert zone_seen(hostile) == "UTC"

    def test_zone_ends_with_the_request(self) -> None:
        before = timezone.get_current_timezone_name()
        zone_seen("Asia/Tokyo")
        assert timezone.get_current_timezone_name() == before

    def test_zones_are_there(self) -> None:
        assert len(available_timezones()) > 400
