"""YARDSTICK F39, R055: a database restored from a backup is noticed, and what had ended does not come back."""

import json
import logging
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from sessions_ui import restore
from sessions_ui.models import Session, SessionEvent, Termination
from sessions_ui.models.events import retention

USING = "default"


@pytest.fixture
def mark(tmp_path: Path, settings: Settings) -> Path:
    settings.RESTORE_MARK_FILE = str(tmp_path / "mark")
    return tmp_path / "mark"


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create(username="anna")


@pytest.fixture
def browser(anna: User) -> Client:
    """A browser whose session is in the backup."""
    browser = Client()
    browser.force_login(anna)
    return browser


@pytest.fixture
def _restored(browser: Client, anna: User, mark: Path) -> None:
    """The state after a restore: the worker has seen an event that the database does not have."""
    Client().force_login(anna)
    restore.watch(USING)
    with retention(USING):
        SessionEvent.objects.filter(pk=SessionEvent.objects.latest("id").pk).delete()


class NoticeTests:
    def test_nothing_is_noticed_while_time_goes_on(self, browser: Client, anna: User, mark: Path) -> None:
        for _ in range(3):
            restore.watch(USING)
            Client().force_login(anna)
            assert not restore.is_restored(USING)

    @pytest.mark.usefixtures("_restored")
    def test_is_noticed_in_the_log_and_in_the_check(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.ERROR):
            restore.watch(USING)
        assert "The database was restored from a backup" in caplog.text
        assert [message.id for message in run_checks(databases=[USING])] == ["sessions_ui.W005"]

    @pytest.mark.usefixtures("_restored")
    def test_takes_the_console_out_of_service(self, client: Client) -> None:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert restore.COMMAND in answer.content.decode()

    @pytest.mark.usefixtures("_restored")
    def test_stays_noticed_when_people_sign_in(self, anna: User) -> None:
        Client().force_login(anna)
        restore.watch(USING)
        assert restore.is_restored(USING)

    @pytest.mark.usefixtures("_restored")
    def test_a_new_database_is_none_that_was_restored(self) -> None:
        migration = MigrationRecorder.Migration.objects.order_by("id")[:1].get()
        migration.applied = migration.applied.replace(year=2020)
        migration.save()
        assert not restore.is_restored(USING)


class EndTests:
    @pytest.mark.usefixtures("_restored")
    def test_the_command_ends_every_session_of_the_backup(self, browser: Client) -> None:
        assert browser.get("/my-sessions/").status_code == 200
        call_command("terminate_sessions", "--all", "--restored", "--yes", stdout=StringIO())
        assert browser.get("/my-sessions/").status_code == 302
        assert not Session.objects.live().signed_in().exists()
        assert Termination.objects.get().reason == "The database was restored from a backup"
        assert not restore.is_restored(USING)

    @pytest.mark.usefixtures("_restored")
    def test_looking_only_changes_nothing(self, browser: Client) -> None:
        call_command("terminate_sessions", "--all", "--restored", stdout=StringIO())
        assert restore.is_restored(USING)
        assert browser.get("/my-sessions/").status_code == 200


class MarkTests:
    def test_without_a_file_nothing_is_noticed(self, browser: Client, settings: Settings) -> None:
        settings.RESTORE_MARK_FILE = ""
        restore.watch(USING)
        assert not restore.is_restored(USING)

    def test_that_cannot_be_written_is_a_warning(
        self, browser: Client, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.RESTORE_MARK_FILE = "/nowhere/at/all/mark"
        restore.watch(USING)
        assert "A restored database will not be noticed" in caplog.text

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
    def test_that_cannot_be_read_is_written_anew(self, text: str, browser: Client, mark: Path) -> None:
        mark.write_text(text)
        restore.watch(USING)
        newest = SessionEvent.objects.order_by("-id")[:1].get()
        assert list(json.loads(mark.read_text()).values()) == [str(newest.public_id)]

    def test_of_a_database_without_events_is_none(self, db: None, mark: Path) -> None:
        restore.watch(USING)
        assert not mark.exists()
