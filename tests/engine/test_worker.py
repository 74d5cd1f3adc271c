"""The worker: it tidies until it is told to stop, and outlives an outage."""

import logging
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.models import F
from pytest_django import Settings

from sessions_ui import networks, pacing, renames, sweep, worker
from sessions_ui.models import Beat, DayCount, Network, Session, SessionEvent, Termination
from sessions_ui.models.beats import SEEN_WITHIN
from sessions_ui.worker import Worker

from .browser import Browser
from .endings import USING, begun
from .hold import Hold, only_postgresql


@pytest.fixture
def told_to_stop() -> Event:
    return Event()


@pytest.fixture
def working(told_to_stop: Event, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(worker, "POLL", 0)
    return Worker(USING, told_to_stop)


class StopsWhenWaitedFor(Event):
    """Told to stop after the first round."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


def stop_after(number: int, told_to_stop: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell the worker to stop after so many batches."""
    done: list[int] = []
    sweep_batch = sweep.sweep_batch

    def counted(*arguments: object) -> int | None:
        done.append(1)
        if len(done) == number:
            told_to_stop.set()
        return sweep_batch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep, "sweep_batch", counted)


@pytest.mark.django_db(transaction=True)
class RoundTests:
    def test_sweeps_and_removes_what_has_expired(
        self, signed_in: Browser, ben: User, working: Worker, caplog: pytest.LogCaptureFixture
    ) -> None:
        expired = Browser().sign_in(ben)
        Session.objects.filter(pk=expired.row.pk).update(expire_date=F("created_on"))
        termination = begun({"sessions": [signed_in.row.pk]})
        with caplog.at_level(logging.INFO):
            working.round()
        assert not Session.objects.exists()
        assert f"Termination {termination.public_id} is finished, 1 sessions ended." in caplog.text
        assert "1 expired sessions were removed." in caplog.text

    def test_gives_a_beat(self, working: Worker, db: None) -> None:
        assert not Beat.objects.is_recent()
        working.round()
        assert Beat.objects.is_recent()
        Beat.objects.update(seen_on=F("seen_on") - SEEN_WITHIN)
        assert not Beat.objects.is_recent()

    def test_looks_for_expired_ones_once_a_minute(self, signed_in: Browser, working: Worker) -> None:
        working.round()
        Session.objects.update(expire_date=F("created_on"))
        working.round()
        assert Session.objects.exists()
        working.expired_on -= worker.EXPIRE
        working.round()
        assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
class StopTests:
    def test_between_two_batches_leaves_the_rest_to_the_next(
        self, anna: User, working: Worker, told_to_stop: Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pacing, "MOST_ROWS", 2)
        for _ in range(7):
            Browser().sign_in(anna)
        termination = begun()
        with monkeypatch.context() as patch:
            stop_after(2, told_to_stop, patch)
            working.run()
        assert Session.objects.count() == 3
        assert not Session.objects.live().exists()
        told_to_stop.clear()
        working.round()
        termination.refresh_from_db()
        assert termination.finished_on
        assert SessionEvent.objects.filter(termination_id=termination.pk).count() == termination.ended == 7

    def test_before_the_start_does_nothing(self, signed_in: Browser, working: Worker, told_to_stop: Event) -> None:
        told_to_stop.set()
        working.run()
        assert not Beat.objects.exists()


@pytest.mark.django_db(transaction=True)
class TroubleTests:
    def test_an_outage_is_waited_out(
        self,
        signed_in: Browser,
        working: Worker,
        told_to_stop: Event,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        begun()
        outages = iter([OperationalError("gone"), OperationalError("still gone")])
        tidy = working.round

        def sometimes_out() -> None:
            if outage := next(outages, None):
                raise outage
            tidy()
            told_to_stop.set()

        monkeypatch.setattr(working, "round", sometimes_out)
        working.run()
        assert not Session.objects.exists()
        assert "The database does not answer, trying again: still gone" in caplog.text

    def test_a_scope_of_a_later_version_is_left_alone(
        self, signed_in: Browser, working: Worker, caplog: pytest.LogCaptureFixture
    ) -> None:
        termination = begun()
        Termination.objects.filter(pk=termination.pk).update(conditions={"weather": "rain"})
        working.told_to_stop = StopsWhenWaitedFor()
        working.run()
        assert Session.objects.exists()
        assert "a later version made this termination" in caplog.text


@only_postgresql
@pytest.mark.django_db(transaction=True)
class HeldRowTests:
    def test_is_tried_less_and_less_often(
        self, signed_in: Browser, working: Worker, other: Hold, caplog: pytest.LogCaptureFixture
    ) -> None:
        other.row(signed_in.row)
        begun()
        pauses = []
        with caplog.at_level(logging.INFO):
            for _ in range(10):
                working.retry_on = 0
                working.pause = max(working.pause, 1.0)
                working.round()
                pauses.append(working.pause)
        assert pauses[1:] == [2, 4, 8, 16, 32, 60, 60, 60, 60]
        assert "waits for a sign-in or a row that is held" in caplog.text
        other.commit()
        working.retry_on = 0
        working.round()
        assert not Session.objects.exists()

    def test_does_not_delay_a_new_termination(
        self, signed_in: Browser, ben: User, working: Worker, other: Hold
    ) -> None:
        other.row(signed_in.row)
        begun({"sessions": [signed_in.row.pk]})
        working.round()
        chosen = Browser().sign_in(ben)
        newer = begun({"sessions": [chosen.row.pk]})
        working.round()
        newer.refresh_from_db()
        assert newer.finished_on


@pytest.mark.django_db(transaction=True)
class CronTests:
    """`clearsessions` instead of a worker."""

    def test_does_all_that_the_worker_does(
        self, anna: User, ben: User, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.RESTORE_MARK_FILE = str(tmp_path / "mark")
        for module in (renames, networks):
            monkeypatch.setattr(module, "SETTLED", timedelta(0))
        stays, ended = Browser(), Browser().sign_in(ben)
        stays.post("/sign-in/", {"name": "anna"}, REMOTE_ADDR="203.0.113.24")
        begun({"sessions": [ended.row.pk]})
        networks.save(Network(name="Office"), ["203.0.113.0/24"], anna)
        User.objects.filter(pk=anna.pk).update(first_name="Quinn")
        call_command("clearsessions")
        session = Session.objects.get()
        assert (session.user, session.network) == (anna, "Office")
        assert "quinn" in session.search_text
        assert DayCount.objects.exists()
        assert Path(settings.RESTORE_MARK_FILE).exists()
        assert Beat.objects.is_recent()

    def test_a_scope_of_a_later_version_is_an_error_in_words(self, signed_in: Browser) -> None:
        Termination.objects.filter(pk=begun().pk).update(conditions={"weather": "rain"})
        with pytest.raises(CommandError, match="a later version made this termination"):
            call_command("clearsessions")
