"""The middleware alone, where something else than a usual page stands behind or before it."""

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieStore
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from sessions_ui.backends.db import SessionStore
from sessions_ui.middleware import ActivityMiddleware, SessionMiddleware, to_sign_in
from sessions_ui.models import Session, Termination

from . import site
from .browser import Browser, cookie_of
from .endings import begun


@pytest.mark.django_db
class OtherEnginesTests:
    """The middleware switches itself off where another engine made the session."""

    def test_another_store_is_left_alone(self) -> None:
        request = RequestFactory().get("/")
        request.session = CookieStore()
        request.session["visits"] = 1
        response = SessionMiddleware(site.open_to_all).process_response(request, HttpResponse())
        assert not response.cookies

    def test_no_session_at_all(self) -> None:
        request, response = RequestFactory().get("/"), HttpResponse()
        assert SessionMiddleware(site.open_to_all).process_response(request, response) is response
        assert ActivityMiddleware(site.open_to_all).process_response(request, response) is response


@pytest.mark.django_db
class AnswerTests:
    def test_of_a_stream_that_ended_meanwhile(self, signed_in: Browser, serve: Any) -> None:
        def view(request: HttpRequest) -> StreamingHttpResponse:
            request.session["visits"] = 1
            begun()
            return StreamingHttpResponse([b"secret"])

        serve(view)
        response = signed_in.get("/view/")
        assert response.status_code == 302
        assert b"secret" not in response.content

    def test_keeps_other_cookies_under_htmx(self, signed_in: Browser, serve: Any) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            response = to_sign_in(request)
            response.set_cookie("told", "why")
            return response

        begun()
        serve(view)
        request = {"HX-Request": "true"}
        signed_in.get("/who/")
        signed_in.key = "a" * 32
        serve(lambda request: view(request) if not request.session.get("visits") else HttpResponse())
        response = signed_in.get("/view/", headers=request)
        assert response.status_code == 401
        assert response.cookies["told"].value == "why"
        assert cookie_of(response) == ""

    def test_an_unknown_scope_is_logged_loudly(
        self, signed_in: Browser, serve: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In load and in a late save."""

        def view(request: HttpRequest) -> HttpResponse:
            request.session["visits"] = 1
            Termination.objects.create(conditions={"new": 1}, reach={"all": True}, cut_off=9**9)
            return HttpResponse()

        serve(view)
        for _ in range(2):
            caplog.clear()
            assert signed_in.get("/view/").status_code == 503
            assert any(record.levelno >= logging.ERROR for record in caplog.records)

    def test_errors_that_are_not_the_sessions_are_not_hidden(self, signed_in: Browser, serve: Any) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session["thing"] = object()
            return HttpResponse()

        serve(view)
        assert signed_in.get("/view/").status_code == 500
        assert signed_in.who() == "anna"

    @pytest.mark.parametrize("page", ["sign-in", "/sign-in/"])
    def test_leads_to_the_page_of_the_settings(self, signed_in: Browser, settings: Settings, page: str) -> None:
        settings.LOGIN_URL = page
        store = signed_in.store
        store.load()
        begun()
        assert signed_in.get("/private/")["Location"] == "/sign-in/?next=/private/"


@pytest.mark.django_db
class RequestTests:
    def test_gives_the_store_its_request_without_holding_it(self) -> None:
        request = RequestFactory().get("/")
        SessionMiddleware(site.open_to_all).process_request(request)
        store = request.session
        assert isinstance(store, SessionStore)
        assert store.request() is request
        del request
        assert store.request() is None

    def test_impersonation_has_the_address_of_the_request(self, signed_in: Browser, serve: Any, ben: User) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session["_auth_user_id"] = str(ben.pk)
            return HttpResponse()

        serve(view)
        signed_in.get("/view/", REMOTE_ADDR="192.0.2.9")
        assert Session.objects.get(user=ben).ip == "192.0.2.9"
