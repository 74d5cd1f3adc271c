"""Idle timeout and lifetime: judged at each check by the database's clock, and by nothing else (R008-R011, R033)."""

from datetime import timedelta
from importlib import import_module
from threading import Event
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_ui import sweep, walk, worker
from sessions_ui.backends import lookup
from sessions_ui.backends.db import Fate
from sessions_ui.login_records import Outcome, login_records_of
from sessions_ui.models import Account, Application, Fence, Limit, Session, SessionEvent
from sessions_ui.models.limits import TOUCH_INTERVAL, in_words
from sessions_ui.origin import Origin
from sessions_ui.worker import Worker

from .browser import Browser
from .endings import USING, begun
from .hold import Hold, only_postgresql

SECOND = timedelta(seconds=1)
# Between the write of a row and the check that follows; a slow machine needs more than a second.
MOMENT = timedelta(seconds=20)
IDLE, LIFETIME = timedelta(minutes=15), timedelta(hours=12)
Kind = SessionEvent.Kind


def limit(**columns: Any) -> Limit:
    return Limit.objects.create(**columns)


def rest(span: timedelta) -> None:
    """Let every session have been idle for so long."""
    Session.objects.update(last_active_on=Now() - span)


def age(span: timedelta) -> None:
    Session.objects.update(created_on=Now() - span)


def events() -> list[tuple[str, str]]:
    return list(SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).order_by("id").values_list("kind", "reason"))


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(worker, "POLL", 0)
    return Worker(USING, Event())


@pytest.fixture
def idle(signed_in: Browser) -> Limit:
    """A limit of 15 minutes without activity, for every session."""
    return limit(idle=15)


@pytest.mark.django_db
class IdleTests:
    """R008."""

    def test_before_the_limit_passes(self, signed_in: Browser, idle: Limit) -> None:
        rest(IDLE + TOUCH_INTERVAL - MOMENT)
        assert signed_in.who() == "anna"

    def test_after_the_limit_is_refused(self, signed_in: Browser, idle: Limit) -> None:
        rest(IDLE + TOUCH_INTERVAL + SECOND)
        assert signed_in.who() == "nobody"

    def test_activity_that_was_not_yet_noted_counts(self, signed_in: Browser, idle: Limit) -> None:
        """Noted once a minute at most: who was here 59 seconds after the last note has been idle for less."""
        rest(IDLE + TOUCH_INTERVAL / 2)
        assert signed_in.who() == "anna"

    def test_activity_begins_it_anew(self, signed_in: Browser, idle: Limit) -> None:
        rest(IDLE - MOMENT)
        signed_in.who()
        assert signed_in.row.last_active_on > signed_in.row.created_on - MOMENT

    def test_a_timeout_ends_and_does_not_pause(self, signed_in: Browser, idle: Limit) -> None:
        """R010: a request that was refused is no activity."""
        rest(IDLE + TOUCH_INTERVAL + SECOND)
        signed_in_key = signed_in.key
        signed_in.who()
        signed_in.key = signed_in_key
        assert signed_in.who() == "nobody"

    def test_visitors_have_no_limit(self, visitor: Browser, db: None) -> None:
        limit(idle=15)
        visitor.get("/visit/")
        rest(timedelta(days=9))
        assert visitor.get("/visit/").content == b"2"


@pytest.mark.django_db
class LifetimeTests:
    """R009."""

    def test_before_its_end_passes(self, signed_in: Browser) -> None:
        limit(lifetime=720)
        age(LIFETIME - MOMENT)
        assert signed_in.who() == "anna"

    def test_after_its_end_is_refused_for_all_its_activity(self, signed_in: Browser) -> None:
        limit(lifetime=720)
        age(LIFETIME + SECOND)
        assert signed_in.who() == "nobody"

    def test_a_new_key_does_not_prolong_it(self, signed_in: Browser) -> None:
        limit(lifetime=720)
        age(LIFETIME - MOMENT)
        before = signed_in.row.created_on
        store = signed_in.store
        store.load()
        store.cycle_key()
        store.save()
        assert Session.objects.get().created_on == before

    def test_giving_the_password_again_begins_it_anew(self, signed_in: Browser) -> None:
        """R010."""
        limit(lifetime=720)
        age(LIFETIME + SECOND)
        Session.objects.update(proven_on=Now() - LIFETIME + MOMENT)
        assert signed_in.who() == "anna"
        Session.objects.update(proven_on=Now() - LIFETIME - SECOND)
        assert signed_in.who() == "nobody"

    def test_the_next_sign_in_begins_both_anew(self, signed_in: Browser, anna: User) -> None:
        limit(idle=15, lifetime=720)
        age(LIFETIME + SECOND)
        rest(IDLE + 2 * TOUCH_INTERVAL)
        assert signed_in.sign_in(anna).who() == "anna"


@pytest.mark.django_db
class WhoseTests:
    def test_of_another_application_does_not_hold(self, signed_in: Browser) -> None:
        limit(idle=15, application=Application.objects.create(slug="other", name="Other"))
        rest(timedelta(days=1))
        assert signed_in.who() == "anna"

    def test_of_its_account_and_application_holds(self, anna: User, acme: Account, visitor: Browser) -> None:
        visitor.sign_in(anna)
        limit(idle=15, account=acme, application=visitor.row.application)
        rest(timedelta(days=1))
        assert visitor.who() == "nobody"

    def test_of_an_account_holds_for_no_session_without_one(self, acme: Account, ben: User) -> None:
        limit(idle=15, account=acme)
        browser = Browser().sign_in(ben)
        rest(timedelta(days=1))
        assert browser.who() == "ben"

    def test_the_strictest_of_several_wins(self, signed_in: Browser) -> None:
        for minutes in (600, 15, 60):
            limit(idle=minutes)
        rest(IDLE + 2 * TOUCH_INTERVAL)
        assert signed_in.who() == "nobody"


@pytest.mark.django_db
class EveryDoorTests:
    """What has passed a limit is nowhere: not in a check, a save, a rotation, a touch, the list or a count."""

    @pytest.fixture(autouse=True)
    def _passed(self, signed_in: Browser, idle: Limit) -> None:
        self.store = signed_in.store
        self.store["visits"] = 1
        rest(IDLE + TOUCH_INTERVAL + SECOND)

    def test_a_save_under_way_is_refused(self) -> None:
        with pytest.raises(UpdateError):
            self.store.save()
        assert self.store.fate is Fate.ENDED

    def test_so_is_a_rotation(self) -> None:
        self.store.cycle_key()
        with pytest.raises(UpdateError):
            self.store.save()

    def test_a_touch_does_not_bring_it_back(self, signed_in: Browser) -> None:
        self.store.touch(Origin())
        assert signed_in.who() == "nobody"

    def test_no_list_or_count_holds_it(self, signed_in: Browser) -> None:
        assert not Session.objects.live().exists()
        assert not signed_in.store.exists(signed_in.key)

    def test_a_sign_out_does_not_rename_its_end(self) -> None:
        self.store.flush()
        sweep.tidy(USING)
        assert events() == [(Kind.EXPIRED, "idle for 15 minutes")]

    def test_a_termination_does_not_count_it(self) -> None:
        act = begun()
        sweep.tidy(USING)
        act.refresh_from_db()
        assert (act.ended, events()) == (0, [(Kind.EXPIRED, "idle for 15 minutes")])

    def test_a_login_record_tells_of_it_before_the_row_is_gone(self, anna: User) -> None:
        (record,) = login_records_of(anna.pk, {"all": True}, 1)
        assert (record.outcome, record.reason) == (Outcome.EXPIRED, "idle for 15 minutes")

    def test_and_afterwards(self, anna: User) -> None:
        sweep.tidy(USING)
        (record,) = login_records_of(anna.pk, {"all": True}, 1)
        assert (record.outcome, record.reason) == (Outcome.EXPIRED, "idle for 15 minutes")


@pytest.mark.django_db
class NoticedTests:
    """A limit that is set bites at the next check of every process, however long it has run."""

    def test_by_the_next_check(self, signed_in: Browser) -> None:
        rest(timedelta(hours=1))
        assert signed_in.store.load()
        limit(idle=15)
        assert not signed_in.store.load()

    def test_by_a_save_that_began_before(self, signed_in: Browser) -> None:
        store = signed_in.store
        store["visits"] = 1
        rest(timedelta(hours=1))
        limit(idle=15)
        with pytest.raises(UpdateError):
            store.save()

    def test_by_a_touch_that_began_before(self, signed_in: Browser) -> None:
        store = signed_in.store
        rest(timedelta(hours=1))
        store.load()
        limit(idle=15)
        store.touch(Origin())
        assert not Session.objects.filter(last_active_on__gt=Now() - IDLE).exists()

    def test_is_compiled_once(self, signed_in: Browser, idle: Limit) -> None:
        signed_in.store.load()
        compiled = dict(lookup._lookups)
        signed_in.store.load()
        assert lookup._lookups == compiled


def remove(one: Limit) -> None:
    Limit.objects.filter(pk=one.pk).remove("Ruth")


@pytest.mark.django_db
class RemovedTests:
    def test_what_it_ended_stays_ended(self, signed_in: Browser, idle: Limit) -> None:
        """R010: also the row that nobody has tidied away."""
        rest(timedelta(hours=1))
        remove(idle)
        assert signed_in.who() == "nobody"

    def test_what_it_did_not_end_goes_on(self, signed_in: Browser, idle: Limit) -> None:
        assert signed_in.who() == "anna"
        remove(idle)
        # As if it had been removed an hour ago, and nothing had happened since.
        Limit.objects.update(removed_on=Now() - timedelta(hours=1))
        rest(timedelta(hours=1) - MOMENT)
        assert signed_in.who() == "anna"

    def test_a_walk_lets_go_of_it(self, signed_in: Browser, idle: Limit) -> None:
        rest(timedelta(hours=1))
        remove(idle)
        sweep.tidy(USING)
        assert events() == [(Kind.EXPIRED, "idle for 15 minutes")]
        assert Fence.read(USING).limits == ()

    def test_one_that_was_removed_during_the_walk_waits_for_the_next(self, signed_in: Browser, idle: Limit) -> None:
        begun_before = walk.Walk.begin(USING)
        remove(idle)
        while begun_before.step(1):
            continue
        assert Limit.objects.binding().exists()


@pytest.mark.django_db(transaction=True)
class WalkTests:
    """R031: what has passed a limit is removed in small steps, by the order of the ids."""

    def test_ends_what_has_passed_and_nothing_else(self, signed_in: Browser, idle: Limit, ben: User) -> None:
        rest(timedelta(hours=1))
        other = Browser().sign_in(ben)
        assert sweep.expire(USING) == 1
        assert list(Session.objects.all()) == [other.row]
        assert events() == [(Kind.EXPIRED, "idle for 15 minutes")]

    def test_says_which_limit(self, anna: User, ben: User) -> None:
        limit(idle=60, lifetime=720)
        first, second = Browser().sign_in(anna), Browser().sign_in(ben)
        Session.objects.filter(pk=first.row.pk).update(created_on=Now() - LIFETIME - SECOND)
        Session.objects.filter(pk=second.row.pk).update(last_active_on=Now() - timedelta(hours=2))
        sweep.expire(USING)
        assert events() == [(Kind.EXPIRED, "12 hours old"), (Kind.EXPIRED, "idle for 1 hour")]

    def test_goes_on_where_it_stopped(self, anna: User) -> None:
        limit(idle=15)
        for _ in range(5):
            Browser().sign_in(anna)
        rest(timedelta(hours=1))
        going = walk.Walk.begin(USING)
        assert going.step(2)
        assert Session.objects.count() == 3
        assert [going.step(2), going.step(2), going.step(2)] == [True, True, False]
        assert going.ended == 5

    def test_without_limits_reads_no_session(self, signed_in: Browser) -> None:
        assert not walk.Walk.begin(USING).step(1)

    def test_is_the_worker_s_every_five_minutes(self, signed_in: Browser, idle: Limit, working: Worker) -> None:
        working.round()
        rest(timedelta(hours=1))
        working.round()
        assert Session.objects.exists()
        working.walked_on -= worker.WALK
        working.round()
        assert not Session.objects.exists()

    def test_takes_a_second_of_a_round_at_most(
        self, signed_in: Browser, idle: Limit, working: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A termination that has begun meanwhile is not to wait for the end of five million rows."""
        monkeypatch.setattr(worker, "LONGEST_STEPS", 0)
        rest(timedelta(hours=1))
        working.round()
        assert Session.objects.exists()
        monkeypatch.undo()
        working.round()
        assert not Session.objects.exists()

    @only_postgresql
    def test_passes_by_what_another_holds(self, signed_in: Browser, idle: Limit, other: Hold) -> None:
        rest(timedelta(hours=1))
        remove(idle)
        other.row(signed_in.row)
        sweep.expire(USING)
        other.commit()
        assert Session.objects.exists()
        assert signed_in.who() == "nobody"
        sweep.expire(USING)
        assert not Session.objects.exists()


STEPS = st.lists(st.tuples(st.sampled_from(["request", "sign in again"]), st.integers(1, 40)), max_size=12)


@pytest.mark.django_db(transaction=True)
@settings(max_examples=15)
@given(STEPS)
def test_any_order_of_activity_time_and_sign_ins(steps: list[tuple[str, int]]) -> None:
    """R010: a model that counts minutes accepts and refuses as the engine does."""
    Session.objects.all().delete()
    Limit.objects.all().delete()
    user = User.objects.get_or_create(username="anna")[0]
    limit(idle=30, lifetime=60)
    browser, idle_for, old, alive = Browser().sign_in(user), 0, 0, True
    for what, minutes in steps:
        # Half a minute off every limit and note, whatever this machine takes.
        Session.objects.update(
            created_on=F("created_on") - timedelta(minutes=minutes),
            last_active_on=F("last_active_on") - timedelta(minutes=minutes),
        )
        idle_for, old = idle_for + minutes, old + minutes
        alive = alive and idle_for < 31 and old < 60
        if what == "sign in again":
            browser.sign_in(user)
            idle_for, old, alive = 0, 0, True
        assert browser.who() == ("anna" if alive else "nobody")
        idle_for = 0


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(1, "1 minute"), (15, "15 minutes"), (60, "1 hour"), (90, "90 minutes"), (720, "12 hours"), (1_440, "1 day")],
)
def test_lengths_of_time_in_words(minutes: int, words: str) -> None:
    assert in_words(minutes) == words


class NewDatabaseTests:
    """What the migration does; the tests' own database begins without limits."""

    def migrate(self) -> None:
        migration = import_module("sessions_ui.migrations.0014_limits")
        with connection.schema_editor() as editor:
            migration.set_limits_of_a_new_database(apps, editor)

    def test_begins_with_two_limits(self, transactional_db: None) -> None:
        self.migrate()
        assert [(one.whose, one.idle, one.lifetime) for one in Limit.objects.order_by("id")] == [
            ("every application", 60, 1_440),
            ("Console", 15, 720),
        ]

    @pytest.mark.django_db(transaction=True)
    def test_an_upgrade_sets_none(self, signed_in: Browser) -> None:
        self.migrate()
        assert not Limit.objects.exists()
