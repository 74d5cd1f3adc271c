"""The last activity: noted once a minute at most, never on a row that has ended, in one cheap statement."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Session
from sessions_ui.origin import Origin

from .browser import Browser
from .endings import begun

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
def idle(signed_in: Browser) -> Browser:
    """A browser in which nothing happened for two minutes."""
    Session.objects.update(last_active_on=Now() - timedelta(minutes=2), last_active_day="2026-01-01")
    return signed_in


def is_fresh() -> bool:
    return Session.objects.filter(last_active_on__gt=Now() - timedelta(minutes=1)).exists()


@pytest.mark.django_db
class TouchTests:
    def test_notes_when_and_from_where(self, idle: Browser) -> None:
        idle.get("/who/", REMOTE_ADDR="192.0.2.9", headers={"User-Agent": FIREFOX})
        row = idle.row
        assert is_fresh()
        assert row.last_active_day == row.last_active_on.date()
        assert (row.last_ip, row.last_browser) == ("192.0.2.9", "Firefox 128")

    def test_leaves_the_origin_of_the_sign_in(self, idle: Browser) -> None:
        before = idle.row
        idle.get("/who/", REMOTE_ADDR="192.0.2.9", headers={"User-Agent": FIREFOX})
        after = idle.row
        assert (after.ip, after.user_agent, after.search_text) == (before.ip, before.user_agent, before.search_text)
        assert after.expire_date == before.expire_date

    def test_is_one_statement_more(self, idle: Browser, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        with django_assert_num_queries(2):
            idle.who()

    def test_is_not_due_for_another_minute(
        self, idle: Browser, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        idle.who()
        with django_assert_num_queries(1):
            idle.who()

    def test_of_two_parallel_requests_happens_once(self, idle: Browser) -> None:
        stores = [idle.store, idle.store]
        for store in stores:
            store.load()
        for number, store in enumerate(stores, 1):
            store.touch(Origin(ip=f"192.0.2.{number}"))
        assert idle.row.last_ip == "192.0.2.1"

    def test_pages_that_ask_for_no_session_note_nothing(self, idle: Browser) -> None:
        idle.get("/open/")
        assert not is_fresh()

    def test_visitors_are_not_noted(self, visitor: Browser, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        visitor.get("/visit/")
        Session.objects.update(last_active_on=F("last_active_on") - timedelta(minutes=2))
        with django_assert_num_queries(1):
            visitor.who()

    def test_a_row_that_is_covered_since_is_left_alone(self, idle: Browser) -> None:
        store = idle.store
        store.load()
        begun()
        store.touch(Origin(ip="192.0.2.9"))
        assert not is_fresh()

    def test_a_row_that_has_expired_since_is_left_alone(self, idle: Browser) -> None:
        store = idle.store
        store.load()
        Session.objects.update(expire_date=F("created_on"))
        store.touch(Origin(ip="192.0.2.9"))
        assert not is_fresh()

    def test_of_a_store_that_loaded_nothing(self) -> None:
        SessionStore().touch(Origin())

    def test_the_day_is_of_no_zone_that_a_view_activates(self, idle: Browser) -> None:
        with timezone.override("Pacific/Kiritimati"):
            idle.who()
        day = idle.row.last_active_day
        Session.objects.update(last_active_on=Now() - timedelta(minutes=2))
        with timezone.override("Pacific/Pago_Pago"):
            idle.who()
        assert idle.row.last_active_day == day


@pytest.mark.skipif(connection.vendor != "postgresql", reason="heap-only updates are PostgreSQL's")
@pytest.mark.django_db
class HeapOnlyTests:
    def test_no_index_holds_what_a_touch_writes(self) -> None:
        with connection.cursor() as cursor:
            indexed = {
                name
                for constraint in connection.introspection.get_constraints(cursor, Session._meta.db_table).values()
                if constraint["index"] or constraint["unique"]
                for name in constraint["columns"]
            }
        touched = {"last_active_on", "last_ip", "last_location", "last_browser"}
        assert not touched & indexed

    def test_a_page_has_room_for_them(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [Session._meta.db_table])
            assert "fillfactor=90" in cursor.fetchone()[0]

    def test_a_touch_stays_on_its_page(self, signed_in: Browser) -> None:
        Session.objects.update(last_active_on=Now() - timedelta(minutes=2))
        before = heap_only_updates()
        signed_in.who()
        assert is_fresh()
        assert heap_only_updates() == before + 1


def heap_only_updates() -> int:
    """Return how many this transaction has made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'sessions_ui_session'")
        return int(cursor.fetchone()[0])
