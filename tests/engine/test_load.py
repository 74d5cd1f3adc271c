"""What a cookie may hold, and whose session it opens (R001, R005, R006, R007, R024, M12, M13)."""

import logging
from datetime import UTC, datetime, timedelta
from http.cookies import _quote
from typing import Any

import pytest
from django.conf import settings as conf
from django.contrib.auth.models import User
from django.db.models import F
from django.http import parse_cookie
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, Settings

from sessions_ui.backends.db import SessionStore
from sessions_ui.backends.keys import new_key
from sessions_ui.middleware import AuthenticationMiddleware, SessionMiddleware
from sessions_ui.models import Session

from . import site
from .browser import Browser, cookie_of

HOSTILE = [
    '"aaaaaaaa\\000"',
    '"\\000"',
    '"\\377\\376"',
    "",
    '""',
    "a" * 31,
    "a" * 33,
    "A" * 32,
    "a" * 8000,
    "ä" * 32,
    "\u0661" * 32,
    "' OR 1=1 --",
    "None",
    "../../etc/passwd",
    "%00" * 32,
    "\udcff" * 32,
    "a" * 31 + "\n",
    "{0}".rjust(32, "a"),
]

hostile = pytest.mark.parametrize("cookie", HOSTILE, ids=lambda cookie: ascii(cookie)[:20])


def answer(cookie: str, view: site.View = site.who) -> Any:
    """Return the site's answer to a cookie as it stands in the header."""
    request = RequestFactory().get("/")
    request.COOKIES = parse_cookie(f"{conf.SESSION_COOKIE_NAME}={cookie}")
    return SessionMiddleware(AuthenticationMiddleware(view))(request)


@pytest.mark.django_db
class HostileCookieTests:
    """M12: unauthenticated, these were a 500 with Django's own engine on PostgreSQL."""

    @hostile
    @pytest.mark.parametrize("view", [site.who, site.open_to_all, site.sign_out])
    def test_is_anonymous_and_leaves_no_row(self, cookie: str, view: site.View) -> None:
        assert answer(cookie, view).status_code == 200
        assert not Session.objects.exists()

    @hostile
    def test_leaves_no_row_where_every_request_saves(self, cookie: str, settings: Settings) -> None:
        settings.SESSION_SAVE_EVERY_REQUEST = True
        assert answer(cookie, site.open_to_all).status_code == 200
        assert not Session.objects.exists()

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cookie=st.text(max_size=300) | st.text("abcdefghij0123456789", min_size=30, max_size=34))
    def test_of_any_text(self, db: None, cookie: str) -> None:
        assert answer(_quote(cookie)).content == b"nobody"
        assert not Session.objects.exists()

    @hostile
    def test_may_visit(self, cookie: str) -> None:
        assert answer(cookie, site.visit).content == b"1"
        assert Session.objects.get().user is None

    @hostile
    def test_asks_the_database_nothing(self, cookie: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        with django_assert_num_queries(0):
            answer(cookie)

    def test_an_edited_key_opens_nothing(self, signed_in: Browser) -> None:
        """R001."""
        key = signed_in.key
        changed = [key[:-1], key + "a", key.upper(), key[::-1], f" {key}x", key[1:] + key[0]]
        for edited in changed:
            signed_in.key = edited
            assert signed_in.who() == "nobody"


@pytest.mark.django_db
class UnknownKeyTests:
    def test_leaves_no_row_where_every_request_saves(self, settings: Settings) -> None:
        settings.SESSION_SAVE_EVERY_REQUEST = True
        assert cookie_of(answer(new_key(), site.open_to_all)) == ""
        assert not Session.objects.exists()

    def test_loses_the_cookie_once_it_was_looked_at(self, visitor: Browser) -> None:
        visitor.key = new_key()
        assert cookie_of(visitor.get("/who/")) == ""

    def test_is_left_alone_by_pages_that_ask_for_no_session(
        self, visitor: Browser, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        visitor.key = new_key()
        with django_assert_num_queries(0):
            assert cookie_of(visitor.get("/open/")) is None

    def test_many_leave_no_row(self, visitor: Browser) -> None:
        """R024."""
        for _ in range(50):
            visitor.key = new_key()
            visitor.get("/who/")
        assert not Session.objects.exists()

    def test_has_no_key_after_load(self) -> None:
        store = SessionStore(new_key())
        assert store.load() == {}
        assert store.session_key is None


@pytest.mark.django_db
class OnlyTheCookieTests:
    """R007."""

    def test_not_the_query_nor_the_body_nor_a_header(self, signed_in: Browser) -> None:
        key, other = signed_in.key, Browser()
        assert other.get("/who/", {"console": key, "sessionid": key}).content == b"nobody"
        assert other.post("/who/", {"console": key, "sessionid": key}).content == b"nobody"
        headers = {"Authorization": f"Bearer {key}", "X-Session": key, "Session-Key": key}
        assert other.get("/who/", headers=headers).content == b"nobody"

    def test_not_under_another_name(self, signed_in: Browser) -> None:
        other = Browser()
        other.cookies["sessionid"] = signed_in.key
        assert other.who() == "nobody"

    def test_not_what_the_tables_hold(self, signed_in: Browser) -> None:
        """Promise 5: the digest opens nothing."""
        row = signed_in.row
        for value in (row.key_digest, row.key_digest_rest):
            signed_in.key = bytes(value).hex()
            assert signed_in.who() == "nobody"
        signed_in.key = row.public_id.hex
        assert signed_in.who() == "nobody"


@pytest.mark.django_db
class ApplicationTests:
    """Promise 3: a key works only in the application that issued it."""

    def test_a_key_of_another_is_anonymous(self, signed_in: Browser, settings: Settings) -> None:
        settings.SESSION_APPLICATION = "reports"
        assert signed_in.who() == "nobody"

    def test_also_under_the_other_ones_cookie_name(self, signed_in: Browser, settings: Settings) -> None:
        key, other = signed_in.key, Browser()
        settings.SESSION_APPLICATION = settings.SESSION_COOKIE_NAME = "reports"
        other.key = key
        assert other.who() == "nobody"

    def test_is_not_ended_by_the_other(self, signed_in: Browser, settings: Settings) -> None:
        settings.SESSION_APPLICATION = "reports"
        store = signed_in.store
        assert not store.exists(signed_in.key)
        store.delete()
        store.delete(signed_in.key)
        signed_in.get("/sign-out/")
        assert Session.objects.count() == 1

    def test_is_not_written_by_the_other(self, signed_in: Browser, settings: Settings) -> None:
        store, data = signed_in.store, signed_in.row.session_data
        settings.SESSION_APPLICATION = "reports"
        store["visits"] = 1
        store.save()
        assert Session.objects.earliest("id").session_data == data

    def test_signs_in_beside_it(self, signed_in: Browser, anna: User, settings: Settings) -> None:
        key = signed_in.key
        settings.SESSION_APPLICATION = "reports"
        signed_in.sign_in(anna)
        assert signed_in.who() == "anna"
        settings.SESSION_APPLICATION = "console"
        signed_in.key = key
        assert signed_in.who() == "anna"
        assert Session.objects.count() == 2


@pytest.mark.django_db
class ExpiryTests:
    def test_is_judged_when_asked(self, signed_in: Browser) -> None:
        """R011: nothing tidied this row."""
        Session.objects.update(expire_date=F("created_on"))
        assert signed_in.who() == "nobody"
        assert not Session.objects.live().exists()
        assert Session.objects.exists()

    @pytest.mark.parametrize("days", [-1, 1])
    def test_is_judged_by_the_clock_of_the_database(
        self, signed_in: Browser, anna: User, monkeypatch: pytest.MonkeyPatch, days: int
    ) -> None:
        """M13, F26: this process' clock is a day off."""
        wrong = datetime.now(UTC) + timedelta(days=days)
        monkeypatch.setattr(timezone, "now", lambda: wrong)
        assert signed_in.who() == "anna"
        signed_in.get("/visit/")
        expires = signed_in.row.expire_date - signed_in.row.created_on
        assert expires < timedelta(hours=12, minutes=1)
        Session.objects.update(expire_date=F("created_on"))
        assert signed_in.who() == "nobody"

    def test_a_late_save_of_an_expired_session_ends_it(self, signed_in: Browser) -> None:
        store = signed_in.store
        store["visits"] = 1
        Session.objects.update(expire_date=F("created_on"))
        with pytest.raises(Exception, match="ended"):
            store.save()


@pytest.mark.django_db
class DataTests:
    def test_that_were_tampered_with_are_reported_and_not_used(
        self, signed_in: Browser, caplog: pytest.LogCaptureFixture
    ) -> None:
        Session.objects.update(session_data="tampered:with")
        with caplog.at_level(logging.WARNING, "django.security.SuspiciousSession"):
            assert signed_in.who() == "nobody"
        assert caplog.records

    def test_of_a_visitor_that_cannot_be_read(self, visitor: Browser) -> None:
        visitor.get("/visit/")
        Session.objects.update(session_data="")
        assert visitor.get("/visit/").content == b"1"

    def test_of_a_user_whom_the_row_does_not_name_open_nothing(self, signed_in: Browser, ben: User) -> None:
        """He could neither be listed nor ended."""
        for user in (None, ben):
            Session.objects.update(user=user)
            assert signed_in.who() == "nobody"

    def test_signed_with_a_key_that_is_gone(self, signed_in: Browser, settings: Settings) -> None:
        settings.SECRET_KEY = "another"
        assert signed_in.who() == "nobody"

    def test_hold_anything_that_json_holds(self, visitor: Browser) -> None:
        store = SessionStore()
        store["text"] = "\0\u202e😀" + "x" * 100_000
        store.save()
        assert SessionStore(store.session_key)["text"] == store["text"]


@pytest.mark.django_db
class CostTests:
    def test_a_request_is_one_statement(
        self, signed_in: Browser, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        signed_in.who()
        with django_assert_num_queries(1):
            assert signed_in.who() == "anna"

    def test_no_answer_waits_for_a_session_it_does_not_need(
        self, signed_in: Browser, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(0):
            signed_in.get("/open/")


class KeyTests:
    def test_none_comes_twice_and_every_character_everywhere(self) -> None:
        """R003."""
        keys = [new_key() for _ in range(5_000)]
        assert len(set(keys)) == len(keys)
        assert {len(key) for key in keys} == {32}
        assert all(len(set(place)) == 36 for place in zip(*keys, strict=True))
