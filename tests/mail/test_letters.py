"""A letter is written in the transaction of what it tells of, once for each person, and only where it should (F10)."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from sessions_ui import pacing, sweep
from sessions_ui.models import Letter, Session, SessionEvent, Termination
from sessions_ui.models.scopes import Scope

from .conftest import end, make_person, sign_in

pytestmark = pytest.mark.django_db


def taken_back(deed: Callable[[], object]) -> None:
    """Do this in a transaction that comes to nothing."""
    with transaction.atomic():
        deed()
        assert Letter.objects.exists()
        transaction.set_rollback(True)


def addressees() -> list[str]:
    return sorted(Letter.objects.values_list("address", flat=True))


class SignInTests:
    def test_leaves_a_letter(self, anna: User) -> None:
        session = sign_in(anna)
        letter = Letter.objects.get()
        assert (letter.user, letter.address) == (anna, anna.email)
        assert letter.session_public_id == session.public_id

    def test_costs_one_statement_more(self, anna: User, settings: Settings) -> None:
        numbers = []
        for settings.MAIL_NEW_SIGN_INS in (False, True):
            sign_in(anna)
            with CaptureQueriesContext(
                connection,
            ) as captured:
                sign_in(anna)
            numbers.append(len(captured))
        assert numbers[1] == numbers[0] + 1

    def test_of_a_person_without_address_leaves_none(self) -> None:
        sign_in(make_person("nora", email=""))
        assert not Letter.objects.exists()

    def test_that_is_taken_back_takes_its_letter_along(self, anna: User) -> None:
        taken_back(lambda: sign_in(anna))
        assert not Letter.objects.exists()

    @pytest.mark.parametrize("known", [True, False])
    def test_leaves_none_where_the_switch_is_off(self, anna: User, settings: Settings, known: bool) -> None:
        """Other projects may not have the setting at all."""
        settings.MAIL_NEW_SIGN_INS = False
        if not known:
            del settings.MAIL_NEW_SIGN_INS
        sign_in(anna)
        assert not Letter.objects.exists()

    def test_is_forgotten_with_the_person(self, anna: User) -> None:
        sign_in(anna)
        call_command("forget_user", "anna", "--yes")
        assert not Letter.objects.exists()


@pytest.mark.usefixtures("_only_ended")
class EndedTests:
    @pytest.fixture
    def _only_ended(self, settings: Settings) -> None:
        settings.MAIL_NEW_SIGN_INS = False

    def test_is_one_letter_to_each_person(self, anna: User, marta: User) -> None:
        ben = make_person("ben")
        for user in (anna, ben, anna, anna):
            sign_in(user)
        termination = end(marta)
        assert termination.tells_people
        assert addressees() == [anna.email, ben.email]
        assert set(Letter.objects.values_list("termination", flat=True)) == {termination.pk}

    def test_is_none_to_whoever_ends_them(self, anna: User, marta: User) -> None:
        sign_in(anna)
        sign_in(marta)
        end(marta)
        assert addressees() == [anna.email]

    def test_is_none_to_who_has_no_address(self, anna: User, marta: User) -> None:
        User.objects.filter(pk=anna.pk).update(email="")
        sign_in(anna)
        end(marta)
        assert not Letter.objects.exists()

    def test_is_none_to_whose_session_had_expired(self, anna: User, marta: User) -> None:
        sign_in(anna)
        Session.objects.update(expire_date="2020-01-01T00:00Z")
        end(marta)
        assert SessionEvent.objects.filter(kind="expired").exists()
        assert not Letter.objects.exists()

    def test_is_none_where_nobody_ended_them(self, anna: User, marta: User) -> None:
        sign_in(anna)
        assert not end(None).tells_people
        sign_in(anna)
        User.objects.filter(pk=anna.pk).update(is_active=False)
        sweep.tidy("default")
        sign_in(marta)
        marta.delete()
        assert Termination.objects.count() == 3
        assert not Letter.objects.exists()

    def test_is_none_where_the_switch_is_off(self, anna: User, marta: User, settings: Settings) -> None:
        settings.MAIL_ENDED_SESSIONS = False
        sign_in(anna)
        end(marta)
        assert not Letter.objects.exists()

    def test_is_written_from_the_command_line_too(self, anna: User) -> None:
        sign_in(anna)
        call_command("terminate_sessions", user="anna", yes=True)
        assert addressees() == [anna.email]

    def test_is_none_after_a_restore(self, anna: User) -> None:
        """Whose sessions the backup holds may have signed out long ago."""
        sign_in(anna)
        call_command("terminate_sessions", all=True, restored=True, yes=True)
        assert Termination.objects.get().finished_on
        assert not Letter.objects.exists()

    def test_is_taken_back_with_the_termination(self, anna: User, marta: User) -> None:
        sign_in(anna)
        taken_back(lambda: end(marta))
        assert not Letter.objects.exists()

    def test_of_many_comes_in_batches_and_is_held_until_all_are_ended(
        self, anna: User, marta: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pacing, "MOST_ROWS", 2)
        ben = make_person("ben")
        for user in (anna, anna, anna, ben, anna):
            sign_in(user)
        scope = Scope({"everything": True}, {"all": True}, Session.objects.latest("id").pk)
        termination = Termination.objects.create(
            actor=marta, conditions=scope.conditions, reach=scope.reach, cut_off=scope.cut_off, tells_people=True
        )
        sweep.sweep_batch(termination, "default", 0, 2)
        assert addressees() == [anna.email]
        assert Letter.objects.claim() is None
        sweep.sweep(termination, "default")
        assert addressees() == [anna.email, ben.email]
        assert Letter.objects.claim() is not None
