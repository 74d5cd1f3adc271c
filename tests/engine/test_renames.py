"""After a rename, sessions are found by the new name; what was recorded keeps the old."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.http import QueryDict

from sessions_ui import renames
from sessions_ui.filters import SessionFilter
from sessions_ui.models import Account, Rename, Session, SessionEvent
from sessions_ui.models.reaches import ALL
from sessions_ui.models.scopes import Conditions
from sessions_ui.models.search_text import normalise
from sessions_ui.pacing import Pace
from sessions_ui.paging import Position, page
from sessions_ui.search.narrow import narrowed
from sessions_ui.search.plan import Search

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


@pytest.mark.django_db(transaction=True)
class UntilTextsAreRefreshedTests:
    """The sessions of an account or application are found by its id where a word is in its new name."""

    @pytest.fixture
    def session(self, signed_in: Browser, acme: Account) -> Session:
        session = Session.objects.get(user__isnull=False)
        Session.objects.filter(pk=session.pk).update(account=acme)
        Account.objects.filter(pk=acme.pk).update(name="Umbrella Partners", slug="um")
        return session

    @staticmethod
    def conditions(text: str) -> Conditions:
        wanted = SessionFilter(QueryDict(urlencode({"q": text})), ALL)
        assert wanted.is_valid()
        return wanted.conditions

    def finds(self, text: str) -> bool:
        conditions, sessions = self.conditions(text), Session.objects.live().signed_in()
        found = bool(page(Search(sessions, conditions).first, Position()).rows)
        assert found == narrowed(sessions, conditions).exists()
        return found

    @pytest.mark.parametrize("text", ["umbrella", '"umbrella partners"', "umbrella anna", "um", "anna -chromium"])
    def test_they_are_found_by_it(self, session: Session, text: str) -> None:
        assert "umbrella" not in session.search_text
        assert self.finds(text)

    @pytest.mark.parametrize("text", ["umbrellas", "u", "umbrella zzz", "anna -umbrella"])
    def test_they_are_found_by_nothing_else(self, session: Session, text: str) -> None:
        assert not self.finds(text)

    def test_then_by_their_texts_alone(self, session: Session) -> None:
        settle()
        assert self.finds("umbrella")
        assert self.conditions("umbrella") == {"words": ["umbrella"]}

    def test_a_termination_by_it_covers_them_in_the_check(self, session: Session, signed_in: Browser) -> None:
        begun(self.conditions("umbrella"))
        assert signed_in.who() == "nobody"

    def test_a_termination_by_another_name_does_not(self, session: Session, signed_in: Browser) -> None:
        begun(self.conditions("umbrellas"))
        assert signed_in.who() == "anna"
