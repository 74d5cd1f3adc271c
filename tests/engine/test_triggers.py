"""Disabling a user ends his sessions for good, whoever writes it how (M10, R025); deleting him ends them first."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import post_migrate, pre_migrate

from sessions_ui import sweep, triggers
from sessions_ui.models import Account, Membership, Session, SessionEvent, Termination

from .browser import Browser
from .endings import USING

Change = Callable[[User, bool], None]
Kind = SessionEvent.Kind


def by_update(user: User, active: bool) -> None:
    User.objects.filter(pk=user.pk).update(is_active=active)


def by_save(user: User, active: bool) -> None:
    user.is_active = active
    user.save()


def by_save_of_the_field(user: User, active: bool) -> None:
    user.is_active = active
    user.save(update_fields=["is_active"])


def by_bulk_update(user: User, active: bool) -> None:
    user.is_active = active
    User.objects.bulk_update([user], ["is_active"])


def by_sql(user: User, active: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET is_active = %s WHERE id = %s", [active, user.pk])


def ends() -> list[SessionEvent]:
    return list(SessionEvent.objects.filter(kind__in=SessionEvent.ENDS))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [by_update, by_save, by_save_of_the_field, by_bulk_update, by_sql])
class DisablingTests:
    def test_is_refused_and_hidden_at_once(self, signed_in: Browser, anna: User, change: Change) -> None:
        change(anna, False)
        assert not Session.objects.live().exists()
        assert signed_in.who() == "nobody"

    def test_does_not_revive_when_enabled_again(self, signed_in: Browser, anna: User, change: Change) -> None:
        key = signed_in.key
        change(anna, False)
        change(anna, True)
        assert signed_in.who() == "nobody"
        sweep.tidy(USING)
        signed_in.key = key
        assert signed_in.who() == "nobody"

    def test_of_one_leaves_the_others(self, signed_in: Browser, anna: User, ben: User, change: Change) -> None:
        other = Browser().sign_in(ben)
        change(anna, False)
        sweep.tidy(USING)
        assert other.who() == "ben"

    def test_is_swept_with_one_event(self, signed_in: Browser, anna: User, change: Change) -> None:
        change(anna, False)
        sweep.tidy(USING)
        assert not Session.objects.exists()
        assert [event.kind for event in ends()] == [Kind.TERMINATED]
        assert ends()[0].termination_id == Termination.objects.earliest("id").pk
        assert not Termination.objects.unfinished().exists()

    def test_enabled_again_he_signs_in(self, signed_in: Browser, anna: User, change: Change) -> None:
        change(anna, False)
        change(anna, True)
        signed_in.sign_in(anna)
        assert signed_in.who() == "anna"
        sweep.tidy(USING)
        assert signed_in.who() == "anna"

    def test_without_a_session_leaves_no_termination(self, anna: User, change: Change) -> None:
        change(anna, False)
        change(anna, True)
        assert not Termination.objects.exists()


@pytest.mark.django_db(transaction=True)
class OtherWritesTests:
    def test_of_the_user_end_nothing(self, signed_in: Browser, anna: User) -> None:
        anna.first_name = "Anna"
        anna.save()
        User.objects.update(is_active=True)
        assert not Termination.objects.exists()
        assert signed_in.who() == "anna"

    def test_of_a_disabled_user_sweep_nothing_of_others(self, anna: User, ben: User, signed_in: Browser) -> None:
        """A million rows of somebody else's termination are the worker's."""
        by_update(ben, False)
        unfinished = Termination.objects.create(
            conditions={"everything": True}, reach={"all": True}, cut_off=signed_in.row.pk
        )
        by_save(ben, False)
        unfinished.refresh_from_db()
        assert unfinished.finished_on is None
        assert Session.objects.exists()

    def test_an_inactive_user_of_old_is_refused_and_his_row_removed(self, signed_in: Browser, anna: User) -> None:
        """Where no trigger saw it: load() itself ends the session."""
        remove_trigger()
        by_sql(anna, False)
        triggers.install()
        assert signed_in.who() == "nobody"
        assert not Session.objects.exists()
        assert [event.kind for event in ends()] == [Kind.TERMINATED]


def remove_trigger() -> None:
    of = "ON auth_user" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {triggers.NAME} {of}")


@pytest.mark.django_db(transaction=True)
class DeletingTests:
    def test_a_user_ends_his_sessions_first(self, signed_in: Browser, anna: User) -> None:
        anna.delete()
        assert signed_in.who() == "nobody"
        (end,) = ends()
        assert (end.kind, end.user_label) == (Kind.TERMINATED, "anna")
        assert Termination.objects.get().ended == 1

    def test_users_by_queryset(self, signed_in: Browser, ben: User) -> None:
        Browser().sign_in(ben)
        User.objects.all().delete()
        assert not Session.objects.exists()
        assert sorted(end.user_label for end in ends()) == ["anna", "ben"]

    def test_a_user_without_sessions(self, anna: User) -> None:
        anna.delete()
        assert not Termination.objects.exists()

    def test_an_account_ends_its_sessions_first(self, acme: Account, signed_in: Browser, ben: User) -> None:
        other = Browser().sign_in(ben)
        acme.delete()
        assert signed_in.who() == "nobody"
        assert other.who() == "ben"
        assert [(end.kind, end.account_label) for end in ends()] == [(Kind.TERMINATED, "Acme")]

    def test_a_membership_ends_nothing(self, acme: Account, signed_in: Browser) -> None:
        Membership.objects.all().delete()
        assert signed_in.who() == "anna"

    def test_is_rolled_back_with_the_rest(self, signed_in: Browser, anna: User) -> None:
        with transaction.atomic():
            User.objects.get(pk=anna.pk).delete()
            transaction.set_rollback(True)
        assert signed_in.who() == "anna"
        assert ends() == []

    def test_an_actor_leaves_his_terminations(self, signed_in: Browser, anna: User, ben: User) -> None:
        termination = Termination.objects.create(
            actor=ben, actor_label="ben", conditions={"user": ben.pk}, reach={"all": True}, cut_off=0
        )
        ben.delete()
        termination.refresh_from_db()
        assert (termination.actor, termination.actor_label) == (None, "ben")


def is_installed() -> bool:
    table = "pg_trigger WHERE tgname" if connection.vendor == "postgresql" else "sqlite_master WHERE name"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table} = %s", [triggers.NAME])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
class InstallationTests:
    def test_is_done_by_migrate(self) -> None:
        assert is_installed()

    def test_can_be_done_again(self) -> None:
        triggers.install()
        assert is_installed()

    def test_outlives_a_migration_of_the_user_table(self) -> None:
        """SQLite drops the triggers of a table that it rebuilds."""
        rebuild(User)
        call_command("migrate", verbosity=0, stdout=StringIO())
        assert is_installed()

    @pytest.mark.parametrize("model", [Session, Termination])
    def test_stands_in_the_way_of_no_migration(self, model: type[Session | Termination]) -> None:
        """SQLite refuses to rename a table while a trigger names one that is not there."""
        config = apps.get_app_config("sessions_ui")
        sent = {"sender": config, "app_config": config, "using": USING, "verbosity": 0, "interactive": False}
        pre_migrate.send(**sent, apps=apps, plan=[])
        rebuild(model)
        post_migrate.send(**sent, apps=apps, plan=[])
        assert is_installed()


def rebuild(model: type[User | Session | Termination]) -> None:
    """Do to the table what a migration of one of its fields does on SQLite."""
    with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
        if connection.vendor == "sqlite":
            editor._remake_table(model)  # type: ignore[attr-defined]
