"""The history lasts: nobody changes or deletes an event, by the ORM or by SQL, but in a transaction of retention."""

from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import TransactionTestCase

from sessions_ui import checks, history
from sessions_ui.models import SessionEvent
from sessions_ui.models.events import LastingRecord, retention
from sessions_ui.models.lookups import add_sqlite_functions

from .browser import Browser
from .endings import USING, terminate

Act = Callable[[SessionEvent], Any]
TABLE = SessionEvent._meta.db_table
AN_HOUR = 3_600_000
POSTGRESQL = connection.vendor == "postgresql"


@pytest.fixture
def event(signed_in: Browser) -> SessionEvent:
    return SessionEvent.objects.get()


def milliseconds(public_id: UUID) -> int:
    """Return the moment that stands in a UUID of version 7."""
    return public_id.int >> 80


def sql(statement: str) -> Act:
    def act(event: SessionEvent) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=TABLE, pk=event.pk))

    return act


def save(event: SessionEvent) -> None:
    event.user_label = "ben"
    event.save()


def save_as_if_new(event: SessionEvent) -> None:
    SessionEvent(pk=event.pk, kind=event.kind, public_id=event.public_id, user_label="ben").save()


def bulk_update(event: SessionEvent) -> None:
    event.user_label = "ben"
    SessionEvent.objects.bulk_update([event], ["user_label"])


def insert_over_it(event: SessionEvent) -> None:
    over = SessionEvent(pk=event.pk, kind=event.kind, public_id=event.public_id, user_label="ben")
    SessionEvent.objects.bulk_create(
        [over], update_conflicts=True, unique_fields=["public_id"], update_fields=["user_label"]
    )


BY_THE_ORM: dict[str, Act] = {
    "save": save,
    "a new one saved in its place": save_as_if_new,
    "delete": lambda event: event.delete(),
    "update": lambda event: SessionEvent.objects.update(user_label="ben"),
    "delete of several": lambda event: SessionEvent.objects.all().delete(),
    "update_or_create": lambda event: SessionEvent.objects.update_or_create({"user_label": "ben"}, pk=event.pk),
    "bulk_update": bulk_update,
    "bulk_create over it": insert_over_it,
    "Django's own manager": lambda event: SessionEvent._base_manager.filter(pk=event.pk).update(user_label="ben"),
    "deletion past the queryset": lambda event: SessionEvent._base_manager.all()._raw_delete(USING),
}
BY_SQL: dict[str, Act] = {
    "UPDATE": sql("UPDATE {table} SET user_label = 'ben' WHERE id = {pk}"),
    "DELETE": sql("DELETE FROM {table}"),
    **(
        {"TRUNCATE": sql("TRUNCATE {table}")}
        if POSTGRESQL
        else {
            "REPLACE": sql("INSERT OR REPLACE INTO {table} SELECT * FROM {table}"),
            "UPDATE OR REPLACE": sql("UPDATE OR REPLACE {table} SET user_label = 'ben'"),
        }
    ),
}


class RefusalTests:
    @pytest.mark.parametrize("way", [*BY_THE_ORM, *BY_SQL])
    def test_leaves_the_event_as_it_was(self, way: str, event: SessionEvent) -> None:
        before = SessionEvent.objects.values().get()
        with pytest.raises((LastingRecord, IntegrityError)), transaction.atomic():
            (BY_THE_ORM | BY_SQL)[way](event)
        assert SessionEvent.objects.values().get() == before

    @pytest.mark.skipif(POSTGRESQL, reason="only SQLite replaces rows")
    def test_keeps_how_a_session_ended(self, event: SessionEvent) -> None:
        terminate()
        over = sql(
            "INSERT OR REPLACE INTO {table} (kind, session_public_id, user_key, user_label, account_label, reason, "
            "application_label, country, location, user_agent, device, device_kind, browser, os, search_text) "
            "SELECT 'signed_out', session_public_id, '', '', '', '', '', '', '', '', '', '', '', '', '' FROM {table}"
        )
        with pytest.raises(IntegrityError), transaction.atomic():
            over(event)
        assert SessionEvent.objects.filter(kind="terminated").exists()

    @pytest.mark.skipif(POSTGRESQL, reason="PostgreSQL asks a setting and no function of ours")
    def test_holds_in_a_program_that_knows_nothing_of_us(self, event: SessionEvent) -> None:
        database: Any = connection.connection
        database.create_function("sessions_ui_retention", 0, None)
        try:
            with pytest.raises(OperationalError), transaction.atomic():
                sql("DELETE FROM {table}")(event)
        finally:
            add_sqlite_functions(connection)


class NamingTests:
    def test_follows_the_order_of_time(self, signed_in: Browser, ben: User) -> None:
        """RFC 9562, section 5.7: a random id lands anywhere in its index, and a sweep writes a page for each row."""
        Browser().sign_in(ben)
        terminate()
        named = [(event.public_id, event.happened_on) for event in SessionEvent.objects.order_by("id")]
        assert {(public_id.version, public_id.variant) for public_id, _ in named} == {(7, RFC_4122)}
        assert len({public_id for public_id, _ in named}) == len(named) == 4
        for public_id, happened_on in named:
            assert abs(milliseconds(public_id) - happened_on.timestamp() * 1000) < AN_HOUR
        assert [milliseconds(public_id) for public_id, _ in named] == sorted(milliseconds(one) for one, _ in named)


@pytest.mark.skipif(POSTGRESQL, reason="of so few rows, any index is as good to it")
class IndexTests:
    @pytest.mark.parametrize(
        ("kind", "index"),
        [
            ("sign_ins", "record_by_session"),
            ("ends", "one_end_per_session"),
            ("refusals", "one_refusal_per_session"),
        ],
    )
    def test_finds_what_befell_a_session(self, kind: str, index: str, event: SessionEvent) -> None:
        """Each kind has its own, since one for all would cost each end of a session a page more."""
        of_session = getattr(SessionEvent.objects, kind)().order_by().filter(session_public_id=event.session_public_id)
        assert index in of_session.explain()


class RetentionTests:
    def test_may_change_and_delete(self, event: SessionEvent) -> None:
        with retention(USING):
            SessionEvent.objects.update(user_label="ben")
            sql("UPDATE {table} SET reason = 'so'")(event)
        assert SessionEvent.objects.filter(user_label="ben", reason="so").exists()
        with retention(USING):
            SessionEvent.objects.all().delete()
        assert not SessionEvent.objects.exists()

    @pytest.mark.parametrize("way", ["update", "UPDATE"])
    def test_is_over_at_its_end_and_not_before(self, way: str, event: SessionEvent) -> None:
        act = (BY_THE_ORM | BY_SQL)[way]
        with transaction.atomic():
            with retention(USING):
                with retention(USING):
                    act(event)
                act(event)
            with pytest.raises((LastingRecord, IntegrityError)), transaction.atomic():
                act(event)

    @pytest.mark.parametrize("way", ["update", "UPDATE"])
    def test_is_over_when_it_fails(self, way: str, event: SessionEvent) -> None:
        act = (BY_THE_ORM | BY_SQL)[way]
        with transaction.atomic():
            with retention(USING):
                with pytest.raises(ZeroDivisionError), retention(USING):
                    raise ZeroDivisionError
                act(event)
            with pytest.raises(ZeroDivisionError), retention(USING):
                raise ZeroDivisionError
            with pytest.raises((LastingRecord, IntegrityError)), transaction.atomic():
                act(event)


class TriggerTests:
    def test_come_back_with_the_next_migrate_and_are_missed_by_a_check(self, event: SessionEvent) -> None:
        assert checks.check_history(databases=[USING]) == []
        history.drop()
        assert [message.id for message in checks.check_history(databases=[USING])] == ["sessions_ui.W009"]
        call_command("migrate", verbosity=0, stdout=StringIO())
        assert checks.check_history(databases=[USING]) == []

    def test_can_be_made_twice(self, event: SessionEvent) -> None:
        history.install()
        with pytest.raises(IntegrityError), transaction.atomic():
            BY_SQL["DELETE"](event)


@pytest.mark.django_db(transaction=True)
class MigrationTests:
    def test_makes_what_failed_before_searchable(self, anna: User) -> None:
        """The version before wrote no search text; the triggers may be there already."""
        failed = SessionEvent.objects.create(kind="sign_in_failed", user_label="anna", ip="192.0.2.7", country="PT")
        self.migrate("0004")
        self.migrate()
        text = SessionEvent.objects.get(pk=failed.pk).search_text
        assert all(word in text for word in ("anna", "192.0.2.7", "portugal"))
        assert checks.check_history(databases=[USING]) == []

    def test_takes_all_away(self, signed_in: Browser) -> None:
        try:
            self.migrate("zero")
            assert TABLE not in connection.introspection.table_names()
        finally:
            self.migrate()

    def migrate(self, *name: str) -> None:
        call_command("migrate", "sessions_ui", *name, verbosity=0, stdout=StringIO())


class EmptyingTests(TransactionTestCase):
    """A project that takes the engine has tests that commit; Django empties the database after each."""

    def test_flush_empties_the_history_as_well(self) -> None:
        Browser().sign_in(User.objects.create_user("anna"))
        assert SessionEvent.objects.exists()
        call_command("flush", interactive=False, verbosity=0)
        assert not SessionEvent.objects.exists()
        assert checks.check_history(databases=[USING]) == []
