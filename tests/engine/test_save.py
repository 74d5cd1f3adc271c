"""Saving: what is written, for how long, and what the cookie says about it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as conf
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from pytest_django import DjangoAssertNumQueries, Settings

from sessions_ui.backends.db import SessionStore
from sessions_ui.backends.keys import halves, new_key
from sessions_ui.models import Session

from . import site
from .browser import Browser, cookie_of

Serve = Callable[[site.View], None]
FAR = datetime(2100, 1, 1, 12, 30, tzinfo=UTC)


def remaining(browser: Browser) -> timedelta:
    """Return how long the row lives, by the clock of the database."""
    row: Any = Session.objects.annotate(left=F("expire_date") - Now()).get(pk=browser.row.pk)
    left: timedelta = row.left
    return left


def about(age: timedelta) -> Any:
    return pytest.approx(age.total_seconds(), abs=60)


def expiring(value: Any) -> site.View:
    def view(request: HttpRequest) -> HttpResponse:
        request.session["visits"] = 1
        request.session.set_expiry(value)
        return HttpResponse()

    return view


@pytest.mark.django_db
class ExpiryTests:
    def test_without_a_word_is_the_age_of_the_settings(self, signed_in: Browser) -> None:
        assert remaining(signed_in).total_seconds() == about(timedelta(seconds=conf.SESSION_COOKIE_AGE))

    @pytest.mark.parametrize("value", [300, timedelta(minutes=5)])
    def test_of_some_minutes(self, signed_in: Browser, serve: Serve, value: Any) -> None:
        serve(expiring(value))
        response = signed_in.get("/view/")
        assert remaining(signed_in).total_seconds() == about(timedelta(minutes=5))
        assert response.cookies[conf.SESSION_COOKIE_NAME]["max-age"] in (299, 300)

    def test_of_a_date_stays_as_given(self, signed_in: Browser, serve: Serve) -> None:
        serve(expiring(FAR))
        signed_in.get("/view/")
        assert signed_in.row.expire_date == FAR
        signed_in.get("/visit/")
        assert signed_in.row.expire_date == FAR

    def test_of_zero_is_a_browser_session(self, signed_in: Browser, serve: Serve) -> None:
        serve(expiring(0))
        cookie = signed_in.get("/view/").cookies[conf.SESSION_COOKIE_NAME]
        assert (cookie["max-age"], cookie["expires"]) == ("", "")
        assert remaining(signed_in).total_seconds() == about(timedelta(seconds=conf.SESSION_COOKIE_AGE))

    def test_of_none_is_the_default_again(self, signed_in: Browser, serve: Serve) -> None:
        serve(expiring(300))
        signed_in.get("/view/")
        serve(expiring(None))
        signed_in.get("/view/")
        assert remaining(signed_in).total_seconds() == about(timedelta(seconds=conf.SESSION_COOKIE_AGE))

    @pytest.mark.parametrize("value", [-1, timedelta(days=-1), datetime(2000, 1, 1, tzinfo=UTC)])
    def test_in_the_past_is_over(self, signed_in: Browser, serve: Serve, value: Any) -> None:
        serve(expiring(value))
        signed_in.get("/view/")
        assert not Session.objects.live().exists()
        assert signed_in.who() == "nobody"

    def test_at_browser_close(self, visitor: Browser, anna: object, settings: Settings) -> None:
        settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = True
        response = visitor.post("/sign-in/", {"name": "anna"})
        assert response.cookies[conf.SESSION_COOKIE_NAME]["max-age"] == ""
        assert remaining(visitor).total_seconds() == about(timedelta(seconds=conf.SESSION_COOKIE_AGE))

    def test_is_prolonged_by_a_save_only(self, signed_in: Browser) -> None:
        Session.objects.update(expire_date=Now() + timedelta(minutes=5))
        signed_in.who()
        assert remaining(signed_in).total_seconds() == about(timedelta(minutes=5))
        signed_in.get("/visit/")
        assert remaining(signed_in).total_seconds() == about(timedelta(seconds=conf.SESSION_COOKIE_AGE))

    def test_is_prolonged_by_each_request_where_each_saves(self, signed_in: Browser, settings: Settings) -> None:
        settings.SESSION_SAVE_EVERY_REQUEST = True
        Session.objects.update(expire_date=Now() + timedelta(minutes=5))
        assert cookie_of(signed_in.get("/open/")) == signed_in.key
        assert remaining(signed_in).total_seconds() == about(timedelta(seconds=conf.SESSION_COOKIE_AGE))


@pytest.mark.django_db
class CookieTests:
    def test_has_the_flags_of_the_settings(self, visitor: Browser, settings: Settings) -> None:
        settings.SESSION_COOKIE_SECURE, settings.SESSION_COOKIE_SAMESITE = True, "Strict"
        settings.SESSION_COOKIE_DOMAIN, settings.SESSION_COOKIE_PATH = "example.com", "/visit/"
        cookie = visitor.get("/visit/").cookies[conf.SESSION_COOKIE_NAME]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Strict")
        assert (cookie["domain"], cookie["path"]) == ("example.com", "/visit/")

    def test_is_deleted_with_the_same_flags(self, signed_in: Browser, settings: Settings) -> None:
        settings.SESSION_COOKIE_DOMAIN, settings.SESSION_COOKIE_SAMESITE = "example.com", "Strict"
        cookie = signed_in.get("/sign-out/").cookies[conf.SESSION_COOKIE_NAME]
        assert (cookie["domain"], cookie["samesite"], cookie["max-age"]) == ("example.com", "Strict", 0)

    def test_is_not_sent_again_when_nothing_changed(self, signed_in: Browser) -> None:
        assert cookie_of(signed_in.get("/who/")) is None

    def test_answers_that_used_the_session_vary_by_it(self, signed_in: Browser) -> None:
        """T29: a cache must not give one person's page to another."""
        assert "Cookie" not in signed_in.get("/open/").get("Vary", "")
        for page in ("/who/", "/visit/", "/private/", "/sign-out/"):
            assert "Cookie" in signed_in.get(page)["Vary"]

    def test_an_untouched_visitor_gets_none(self, visitor: Browser) -> None:
        """R024."""
        for page in ("/open/", "/who/", "/private/"):
            assert cookie_of(visitor.get(page)) is None
        assert not Session.objects.exists()

    def test_a_failing_view_saves_nothing(self, signed_in: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session["visits"] = 6
            return HttpResponse(status=503)

        serve(view)
        assert cookie_of(signed_in.get("/view/")) is None
        assert signed_in.get("/visit/").content == b"1"


@pytest.mark.django_db
class StoreTests:
    def test_of_an_unknown_key_makes_no_row(self) -> None:
        store = SessionStore(new_key())
        store.save()
        assert not Session.objects.exists()

    def test_of_something_under_an_unknown_key_takes_another(self) -> None:
        key = new_key()
        store = SessionStore(key)
        store["visits"] = 1
        store.save()
        assert store.session_key != key
        assert Session.objects.count() == 1

    def test_a_key_twice_is_refused(self, visitor: Browser) -> None:
        visitor.get("/visit/")
        with pytest.raises(CreateError):
            SessionStore(visitor.key).save(must_create=True)

    def test_a_key_of_another_application_twice_is_refused(self, visitor: Browser, settings: Settings) -> None:
        visitor.get("/visit/")
        settings.SESSION_APPLICATION = "reports"
        with pytest.raises(CreateError):
            SessionStore(visitor.key).save(must_create=True)

    def test_of_a_deleted_row_raises(self, visitor: Browser) -> None:
        visitor.get("/visit/")
        store = visitor.store
        store["visits"] = 2
        Session.objects.all().delete()
        with pytest.raises(UpdateError):
            store.save()
        assert not Session.objects.exists()

    def test_writes_nothing_but_its_own(self, signed_in: Browser) -> None:
        """STYLE b16: what others write meanwhile is not undone."""
        store = signed_in.store
        store["visits"] = 1
        Session.objects.update(search_text="renamed", last_location="Zürich", ip="192.0.2.1")
        store.save()
        row = signed_in.row
        assert (row.search_text, row.last_location, row.ip) == ("renamed", "Zürich", "192.0.2.1")

    def test_is_one_statement(self, signed_in: Browser, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        store = signed_in.store
        store["visits"] = 1
        with django_assert_num_queries(1):
            store.save()

    def test_the_key_is_stored_nowhere(self, visitor: Browser, anna: object) -> None:
        """Promise 5, R020."""
        visitor.post("/sign-in/", {"name": "anna"})
        row = repr([bytes(v) if isinstance(v, memoryview) else v for v in Session.objects.values_list()[0]])
        assert visitor.key not in row
        assert bytes(visitor.row.key_digest) + bytes(visitor.row.key_digest_rest) == b"".join(halves(visitor.key))


@pytest.mark.django_db
class RotationTests:
    def test_keeps_the_row(self, signed_in: Browser) -> None:
        store, row = signed_in.store, signed_in.row
        store["visits"] = 1
        store.cycle_key()
        store.save()
        assert store.session_key not in (None, signed_in.key)
        assert SessionStore(signed_in.key).load() == {}
        signed_in.key = store.session_key or ""
        assert (signed_in.row.pk, signed_in.row.public_id, signed_in.row.created_on) == (
            row.pk, row.public_id, row.created_on,
        )  # fmt: skip
        assert signed_in.store["visits"] == 1

    def test_twice(self, signed_in: Browser) -> None:
        store = signed_in.store
        for _ in range(2):
            store.cycle_key()
            store.save()
        assert SessionStore(store.session_key).load()
        assert Session.objects.count() == 1

    def test_without_a_save_leaves_the_old_key_good(self, signed_in: Browser) -> None:
        signed_in.store.cycle_key()
        assert signed_in.who() == "anna"

    def test_of_an_unknown_key(self) -> None:
        store = SessionStore(new_key())
        store.cycle_key()
        store.save()
        assert SessionStore(store.session_key).exists(store.session_key or "")

    def test_of_a_visitor_leaves_one_row(self, visitor: Browser) -> None:
        visitor.get("/visit/")
        store = visitor.store
        store.cycle_key()
        store.save()
        assert Session.objects.count() == 1
        assert SessionStore(visitor.key).load() == {}
        assert SessionStore(store.session_key)["visits"] == 1


@pytest.mark.django_db(transaction=True)
class AtomicRequestsTests:
    @pytest.fixture(autouse=True)
    def _atomic(self) -> Any:
        connection.settings_dict["ATOMIC_REQUESTS"] = True
        yield
        connection.settings_dict["ATOMIC_REQUESTS"] = False

    def test_sign_in_and_out(self, visitor: Browser, anna: Any) -> None:
        assert visitor.sign_in(anna).who() == "anna"
        visitor.get("/sign-out/")
        assert visitor.who() == "nobody"

    def test_a_failing_view_leaves_the_browser_its_key(self, signed_in: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            site.sign_in(request)
            request.session.save()
            raise RuntimeError

        serve(view)
        response = signed_in.post("/view/", {"name": "anna"})
        assert response.status_code == 500
        assert cookie_of(response) is None
        assert signed_in.who() == "anna"

    def test_a_failing_view_of_a_visitor(self, visitor: Browser, serve: Serve, anna: object) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            site.sign_in(request)
            request.session.save()
            raise RuntimeError

        visitor.get("/visit/")
        serve(view)
        assert cookie_of(visitor.post("/view/", {"name": "anna"})) is None
        assert visitor.get("/visit/").content == b"2"

    def test_a_view_that_saves_and_succeeds(self, visitor: Browser, serve: Serve, anna: object) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            site.sign_in(request)
            request.session.save()
            return HttpResponse()

        serve(view)
        visitor.post("/view/", {"name": "anna"})
        assert visitor.who() == "anna"
        assert Session.objects.count() == 1
