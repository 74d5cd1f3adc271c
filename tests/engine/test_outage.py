"""An outage of the database is a 503 that keeps the cookie, whatever was under way (promise 4; YARDSTICK M8, F14)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client
from pytest_django import Settings

from sessions_ui.models import Session, SessionEvent

from . import site
from .browser import Browser
from .database import Database

Serve = Callable[[site.View], None]


def looking_at_the_user_first(get_response: site.View) -> site.View:
    """A middleware that reads request.user in process_view, as many do."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(request: HttpRequest, *args: object) -> None:
        bool(request.user.is_authenticated)

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def is_outage(response: HttpResponseBase) -> bool:
    return response.status_code == 503 and not response.cookies


@pytest.mark.django_db(transaction=True)
class LostConnectionTests:
    def test_in_load(self, signed_in: Browser, database: Database) -> None:
        database.lose()
        assert is_outage(signed_in.get("/who/"))
        database.restore()
        assert signed_in.who() == "anna"

    def test_in_process_view(self, signed_in: Browser, database: Database, settings: Settings) -> None:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.looking_at_the_user_first"]
        # A client puts its middleware together once.
        browser = Browser()
        browser.key = signed_in.key
        database.lose()
        assert is_outage(browser.get("/open/"))
        database.restore()
        assert signed_in.who() == "anna"

    def test_in_save(self, signed_in: Browser, database: Database, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session["visits"] = 1
            database.lose()
            return HttpResponse()

        serve(view)
        assert is_outage(signed_in.get("/view/"))
        database.restore()
        assert signed_in.who() == "anna"

    def test_in_a_save_by_hand(self, signed_in: Browser, database: Database, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session["visits"] = 1
            database.lose()
            request.session.save()
            return HttpResponse()

        serve(view)
        assert is_outage(signed_in.get("/view/"))

    def test_in_a_view_that_hides_it(self, signed_in: Browser, database: Database, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            database.lose()
            try:
                return HttpResponse(request.session["visits"])
            except Exception:  # noqa: BLE001 what careless code does
                return HttpResponse("you are signed out")

        serve(view)
        assert is_outage(signed_in.get("/view/"))

    def test_in_sign_out(self, signed_in: Browser, database: Database, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session.get("visits")
            database.lose()
            return site.sign_out(request)

        serve(view)
        assert is_outage(signed_in.get("/view/"))
        database.restore()
        assert signed_in.who() == "anna"

    def test_in_a_sign_in_that_replaces_a_session(
        self, signed_in: Browser, database: Database, serve: Serve, anna: User
    ) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            response = site.sign_in(request)
            database.lose()
            return response

        serve(view)
        assert is_outage(signed_in.post("/view/", {"name": "anna"}))
        database.restore()
        assert signed_in.who() == "anna"
        assert SessionEvent.objects.count() == 1

    def test_in_touch_the_answer_goes_out(self, signed_in: Browser, database: Database, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session.get("visits")
            database.lose()
            return HttpResponse("ready")

        long_ago(signed_in)
        serve(view)
        assert signed_in.get("/view/").content == b"ready"

    def test_without_a_cookie_nothing_is_asked(self, database: Database, client: Client) -> None:
        database.lose()
        assert client.get("/who/").content == b"nobody"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no server that could be restarted")
@pytest.mark.django_db(transaction=True)
class RestartTests:
    def test_a_check_takes_a_new_connection(self, signed_in: Browser, database: Database) -> None:
        database.restart()
        assert signed_in.who() == "anna"

    def test_a_transaction_is_lost_with_its_connection(self, signed_in: Browser, database: Database) -> None:
        @transaction.atomic
        def check() -> None:
            database.restart()
            signed_in.store.load()

        with pytest.raises(DatabaseError):
            check()


@pytest.mark.django_db(transaction=True)
class ReadOnlyTests:
    """A standby, or a full disk: reading works and writing does not."""

    def test_save_is_an_outage(self, signed_in: Browser, database: Database) -> None:
        database.forbid_writing()
        assert is_outage(signed_in.get("/visit/"))
        database.restore()
        assert signed_in.who() == "anna"

    def test_the_first_save_of_a_visitor_is_an_outage(self, visitor: Browser, database: Database) -> None:
        database.forbid_writing()
        assert is_outage(visitor.get("/visit/"))

    def test_touch_stays_behind(self, signed_in: Browser, database: Database) -> None:
        long_ago(signed_in)
        database.forbid_writing()
        assert signed_in.who() == "anna"


def long_ago(browser: Browser) -> None:
    """Make the session's touch due."""
    Session.objects.update(last_active_on=F("last_active_on") - timedelta(minutes=2))
