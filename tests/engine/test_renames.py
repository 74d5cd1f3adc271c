"""After a rename, sessions are found by the new name; what was recorded keeps the old."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model

from sessions_ui import renames
from sessions_ui.models import Account, Rename, Session, SessionEvent
from sessions_ui.models.search_text import normalise
from sessions_ui.pacing import Pace

from .browser import Browser
from .endings import begun


def settle() -> int:
    """Let the time pass that a sign-in may still be under way, and refresh."""
    settled, renames.SETTLED = renames.SETTLED, type(renames.SETTLED)(0)
    try:
        return renames.refresh("default", Pace.of("default"))
    finally:
        renames.SETTLED = settled


@pytest.mark.django_db(transaction=True)
class RenameTests:
    @pytest.fixture
    def session(self, signed_in: Browser) -> Session:
        return Session.objects.get(user__isnull=False)

    def rename(self, what: Model, **texts: str) -> str:
        type(what)._default_manager.filter(pk=what.pk).update(**texts)
        settle()
        return Session.objects.get(user__isnull=False).search_text

    def test_of_the_user(self, session: Session, anna: User) -> None:
        text = self.rename(anna, first_name="Änne", last_name="Kowalski", email="aenne@new.example")
        assert normalise("Änne Kowalski") in text
        assert "aenne@new.example" in text
        assert "anna@" not in text

    def test_of_the_application(self, session: Session) -> None:
        text = self.rename(session.application, name="Quarterly")
        assert "quarterly" in text

    def test_of_the_account(self, session: Session, acme: Account) -> None:
        Session.objects.filter(pk=session.pk).update(account=acme)
        assert "umbrella" in self.rename(acme, name="Umbrella", slug="umb")

    def test_leaves_all_other_parts(self, session: Session, anna: User) -> None:
        before = session.search_text
        self.rename(anna, first_name="Other")
        after = self.rename(anna, first_name=anna.first_name)
        assert after == before

    def test_leaves_the_record_as_it_was(self, session: Session, anna: User) -> None:
        before = list(SessionEvent.objects.values_list("search_text", flat=True))
        self.rename(anna, username="renamed")
        assert list(SessionEvent.objects.values_list("search_text", flat=True)) == before

    def test_is_done_once(self, session: Session, anna: User) -> None:
        self.rename(anna, first_name="Other")
        assert not Rename.objects.exists()
        assert settle() == 0

    def test_waits_for_sign_ins_under_way(self, session: Session, anna: User) -> None:
        User.objects.filter(pk=anna.pk).update(first_name="Other")
        assert renames.refresh("default", Pace.of("default")) == 0
        assert Rename.objects.exists()

    def test_waits_while_a_termination_is_unfinished(self, session: Session, anna: User) -> None:
        """Its scope may be of words, and what it covers must not change."""
        termination = begun({"words": ["anna"]})
        assert "other" not in self.rename(anna, first_name="Other")
        assert Rename.objects.exists()
        termination.delete()
        assert settle() == 1

    def test_is_noted_for_names_only(self, anna: User) -> None:
        anna.set_password("something else entirely")
        anna.last_login = anna.date_joined
        anna.save()
        assert not Rename.objects.exists()

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
    def test_gives_way_to_a_termination_that_is_being_written(self, session: Session, anna: User) -> None:
        User.objects.filter(pk=anna.pk).update(first_name="Other")
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("LOCK TABLE sessions_ui_termination IN ROW EXCLUSIVE MODE")
                assert settle() == 0
                cursor.execute("ROLLBACK")
        finally:
            other.close()
        assert settle() == 1
