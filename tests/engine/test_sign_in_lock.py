"""Which sessions came before a termination, when sign-ins are still under way or stuck (F04; DESIGN "Cut-off")."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from sessions_ui import bounded_wait, ending, sign_in_lock, sweep
from sessions_ui.models import Session, Termination

from .browser import Browser
from .endings import USING, begun, terminate
from .hold import Hold, only_postgresql
from .threads import LONG_ENOUGH, in_thread, start

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_wait, "MAX_WAIT", "50ms")


def live() -> int:
    return Session.objects.live().count()


@only_postgresql
class StuckSignInTests:
    def test_does_not_hold_up_a_termination(self, signed_in: Browser, other: Hold) -> None:
        other.sign_in(signed_in.row)
        termination = terminate()
        assert termination.finished_on is None
        assert signed_in.who() == "nobody"

    def test_is_refused_when_it_commits_after_all(self, signed_in: Browser, other: Hold) -> None:
        other.sign_in(signed_in.row)
        terminate()
        other.commit()
        assert Session.objects.count() == 1
        assert live() == 0

    def test_is_ended_by_a_later_sweep(self, signed_in: Browser, other: Hold) -> None:
        other.sign_in(signed_in.row)
        termination = terminate()
        sweep.tidy(USING)
        assert Termination.objects.unfinished().exists()
        other.commit()
        sweep.tidy(USING)
        termination.refresh_from_db()
        assert termination.finished_on is not None
        assert termination.ended == 2
        assert not Session.objects.exists()

    def test_that_holds_the_row_it_replaces_does_not_hold_up_either(self, signed_in: Browser, other: Hold) -> None:
        """Anna signs in again, and her old row is locked until that commits: it must be refused at once."""
        row = signed_in.row
        other.sign_in(row)
        other.run("DELETE FROM sessions_ui_session WHERE id = %s", row.pk)
        termination = in_thread(terminate)
        assert termination.finished_on is None
        assert signed_in.who() == "nobody"

    def test_leaves_later_sign_ins_alone(self, signed_in: Browser, other: Hold, ben: User) -> None:
        other.sign_in(signed_in.row)
        terminate()
        later = Browser().sign_in(ben)
        assert later.who() == "ben"
        other.commit()
        sweep.tidy(USING)
        assert later.who() == "ben"

    def test_a_cut_off_lies_above_its_id(self, signed_in: Browser, other: Hold) -> None:
        other.sign_in(signed_in.row)
        assert sign_in_lock.cut_off(USING) > signed_in.row.pk


@only_postgresql
class HeldRowTests:
    """A view that saves under ATOMIC_REQUESTS and takes its time holds a row, and no lock of ours."""

    def test_does_not_hold_up_a_termination(self, signed_in: Browser, other: Hold) -> None:
        other.row(signed_in.row)
        in_thread(terminate)
        assert live() == 0

    def test_does_not_hold_up_sign_ins(self, signed_in: Browser, other: Hold, ben: User) -> None:
        """The lock between sign-ins and cut-offs is not kept while somebody waits for a row."""
        other.row(signed_in.row)
        in_thread(terminate)
        assert Browser().sign_in(ben).who() == "ben"

    def test_does_not_hold_up_sign_ins_of_a_sweep(
        self, signed_in: Browser, ben: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """To look whether anything is left may take long where there are millions."""
        termination, held = begun(), list[int]()

        def looked(*args: Any, **options: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
                held.extend(cursor.fetchone())
            return ending.lock(*args, **options)

        monkeypatch.setattr(sweep, "lock", looked)
        assert sweep.finish(termination, USING)
        assert held == [0, 0]

    def test_is_ended_once_it_is_free(self, signed_in: Browser, other: Hold) -> None:
        other.row(signed_in.row)
        in_thread(terminate)
        other.commit()
        sweep.tidy(USING)
        assert not Session.objects.exists()
        assert not Termination.objects.unfinished().exists()


@only_postgresql
class DeadlockTests:
    def test_of_two_that_sign_in_and_end_everything_is_seen_by_nobody(self, signed_in: Browser, other: Hold) -> None:
        """Each shares the lock and wants it alone, each in one transaction, as under ATOMIC_REQUESTS."""
        # PostgreSQL looks for deadlocks after a while, and ours is to look first.
        other.run("SET deadlock_timeout = '1min'")
        other.sign_in(signed_in.row)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '10ms'")
            sign_in_lock.share(USING)
            waiting = start(lambda: other.run("SELECT pg_advisory_xact_lock(%s)", sign_in_lock.KEY))
            while not is_waiting():
                assert not waiting.done()
            assert terminate().finished_on is None
        waiting.result(LONG_ENOUGH)
        assert live() == 0


def is_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory')")
        return bool(cursor.fetchone()[0])


class CutOffTests:
    def test_of_an_empty_table(self, db: None) -> None:
        assert sign_in_lock.cut_off(USING) >= 0

    def test_is_the_newest_session(self, signed_in: Browser) -> None:
        assert sign_in_lock.cut_off(USING) == signed_in.row.pk

    def test_a_later_sign_in_is_above_it(self, signed_in: Browser, ben: User) -> None:
        cut_off = sign_in_lock.cut_off(USING)
        assert Browser().sign_in(ben).row.pk > cut_off

    def test_ids_are_not_given_again(self, signed_in: Browser, ben: User) -> None:
        """SQLite too: a cut-off would cover a later sign-in that got an old id."""
        ended = signed_in.row.pk
        terminate()
        assert Browser().sign_in(ben).row.pk > ended
