"""services.terminate(): what ends, what stays, how it is counted, and what it costs."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F
from django.db.models.signals import post_delete, pre_delete
from django.test.utils import CaptureQueriesContext

from sessions_ui import pacing, services, sweep, time_limit
from sessions_ui.backends.keys import halves
from sessions_ui.models import Account, Session, SessionEvent, Termination
from sessions_ui.models.scopes import UnreadableScope

from .browser import Browser
from .endings import EVERYTHING, USING, begun, scope, terminate

Kind = SessionEvent.Kind


@pytest.fixture
def others(ben: User) -> Browser:
    return Browser().sign_in(ben)


def names() -> list[str]:
    """Return who is signed in."""
    return sorted(Session.objects.live().signed_in().values_list("user__username", flat=True))


def ended() -> dict[str, int | None]:
    """Return by whose termination each person's session ended; fails when one ended twice."""
    events = SessionEvent.objects.filter(kind=Kind.TERMINATED)
    by = dict(events.values_list("user_label", "termination_id"))
    assert len(by) == events.count()
    return by


@pytest.mark.django_db
class ScopeTests:
    def test_one_session(self, signed_in: Browser, others: Browser) -> None:
        termination = terminate({"sessions": [signed_in.row.pk]})
        assert names() == ["ben"]
        assert termination.ended == 1
        assert ended() == {"anna": termination.pk}

    def test_of_a_user(self, signed_in: Browser, others: Browser, anna: User) -> None:
        Browser().sign_in(anna)
        assert terminate({"user": anna.pk}).ended == 2
        assert names() == ["ben"]

    def test_of_an_account(self, acme: Account, signed_in: Browser, others: Browser) -> None:
        terminate({"account": acme.pk})
        assert names() == ["ben"]

    def test_of_no_account(self, acme: Account, signed_in: Browser, others: Browser) -> None:
        terminate({"account": None})
        assert names() == ["anna"]

    def test_everything(self, signed_in: Browser, others: Browser) -> None:
        assert terminate().ended == 2
        assert names() == []

    def test_everything_leaves_visitors(self, visitor: Browser, others: Browser) -> None:
        visitor.get("/visit/")
        terminate()
        assert visitor.get("/visit/").content == b"2"

    def test_all_conditions_must_be_met(self, signed_in: Browser, others: Browser, anna: User) -> None:
        terminate({"user": anna.pk, "sessions": [others.row.pk]})
        assert names() == ["anna", "ben"]

    def test_spares_the_actor(self, signed_in: Browser, others: Browser) -> None:
        """R048."""
        terminate(spared=others.row.pk)
        assert names() == ["ben"]
        assert others.who() == "ben"

    @pytest.mark.parametrize("reach", [{"accounts": []}, {"accounts": [], "user": 0}])
    def test_nothing_beyond_reach(self, signed_in: Browser, others: Browser, reach: dict[str, Any]) -> None:
        terminate(EVERYTHING, reach)
        assert names() == ["anna", "ben"]

    def test_within_the_reach_of_an_account_administrator(
        self, acme: Account, signed_in: Browser, others: Browser
    ) -> None:
        terminate(EVERYTHING, {"accounts": [acme.pk], "user": 0})
        assert names() == ["ben"]

    def test_within_ones_own_reach(self, signed_in: Browser, others: Browser, anna: User) -> None:
        terminate(EVERYTHING, {"accounts": [], "user": anna.pk})
        assert names() == ["ben"]

    def test_a_sign_in_after_the_cut_off_stays(self, signed_in: Browser, ben: User) -> None:
        """F04, F08."""
        previewed = scope()
        Browser().sign_in(ben)
        services.terminate(previewed, None)
        assert names() == ["ben"]

    def test_a_sign_in_after_the_cut_off_stays_while_it_is_unswept(self, signed_in: Browser, anna: User) -> None:
        begun()
        assert signed_in.sign_in(anna).who() == "anna"
        sweep.tidy(USING)
        assert signed_in.who() == "anna"

    def test_what_moves_is_ended_too(self, signed_in: Browser, others: Browser) -> None:
        Session.objects.filter(pk=others.row.pk).update(last_active_day=F("last_active_day") - timedelta(days=9))
        day = Session.objects.get(pk=signed_in.row.pk).last_active_day
        assert terminate({"dormant_since": day.isoformat()}).ended == 1
        assert names() == ["anna"]

    def test_what_there_is_no_time_to_look_at_is_left_to_the_worker(
        self, signed_in: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(services, "LOOK_SECONDS", 0)
        monkeypatch.setattr(time_limit, "SQLITE_STEPS", 1)
        termination = terminate()
        assert (termination.finished_on, termination.ended, signed_in.who()) == (None, 0, "nobody")
        sweep.tidy(USING)
        assert not Session.objects.exists()

    def test_without_conditions_it_does_nothing(self, signed_in: Browser) -> None:
        """STYLE b10: a filter that falls away must not end everything."""
        with pytest.raises(UnreadableScope):
            terminate({})
        assert names() == ["anna"]
        assert not Termination.objects.exists()


@pytest.mark.django_db
class RecordTests:
    def test_says_who_and_why(self, signed_in: Browser, ben: User) -> None:
        """R054."""
        ben.first_name = "Benjamin"
        services.terminate(scope(), ben, reason="Stolen laptop", note="Sorry!", in_words="Everything", matched=1)
        termination = Termination.objects.get()
        assert (termination.actor, termination.actor_label) == (ben, "Benjamin (ben)")
        said = (termination.reason, termination.note, termination.in_words)
        assert said == ("Stolen laptop", "Sorry!", "Everything")
        assert (termination.matched, termination.ended) == (1, 1)
        assert termination.finished_on is not None

    def test_the_event_keeps_what_the_row_said(self, acme: Account, signed_in: Browser) -> None:
        row = signed_in.row
        termination = terminate()
        event = SessionEvent.objects.get(kind=Kind.TERMINATED)
        assert (event.session_id, event.session_public_id) == (row.pk, row.public_id)
        assert (event.user_key, event.user_label) == (str(row.user_id), "anna")
        assert (event.account_label, event.application_label) == ("Acme", "Console")
        assert (event.ip, event.user_agent, event.signed_in_on) == (row.ip, row.user_agent, row.created_on)
        assert (event.termination_id, event.reason) == (termination.pk, termination.reason)
        assert event.ended_key is not None
        assert bytes(event.ended_key) == bytes(row.key_digest_rest)

    def test_the_key_is_nowhere(self, signed_in: Browser) -> None:
        """R007, promise 5: neither the key nor what is looked up stays behind."""
        key, digest = signed_in.key, bytes(signed_in.row.key_digest)
        terminate()
        values = [value for event in SessionEvent.objects.values() for value in event.values()]
        assert all(bytes(value) != digest for value in values if isinstance(value, bytes | memoryview))
        assert key not in repr(values)

    def test_what_had_expired_is_written_down_as_expired(self, signed_in: Browser, others: Browser) -> None:
        expire(signed_in)
        assert terminate().ended == 1
        assert ended().keys() == {"ben"}
        assert SessionEvent.objects.get(kind=Kind.EXPIRED).user_label == "anna"

    def test_what_expires_meanwhile_ends_once(self, signed_in: Browser, others: Browser) -> None:
        """The two statements that write events do not read the same clock."""
        late = signed_in.row.pk

        def expire_after_the_first(execute: Any, sql: str, *args: Any) -> Any:
            result = execute(sql, *args)
            if sql.startswith("INSERT INTO") and "sessionevent" in sql:
                with connection.execute_wrapper(lambda execute, *args: execute(*args)):
                    Session.objects.filter(pk=late).update(expire_date=F("created_on"))
            return result

        with connection.execute_wrapper(expire_after_the_first):
            termination = terminate()
        assert not Session.objects.exists()
        assert SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).count() == 2
        assert termination.ended == len(ended())

    def test_ended_again_changes_nothing(self, signed_in: Browser) -> None:
        """R045."""
        first = terminate()
        assert terminate().ended == 0
        assert ended() == {"anna": first.pk}


@pytest.mark.django_db
class OverlapTests:
    """A session belongs to the oldest termination that covers it (F06)."""

    def test_of_two_that_have_begun(self, signed_in: Browser, others: Browser, anna: User) -> None:
        older, newer = begun({"user": anna.pk}), begun()
        sweep.sweep(newer, USING)
        assert ended() == {"ben": newer.pk}
        sweep.sweep(older, USING)
        assert ended() == {"ben": newer.pk, "anna": older.pk}

    def test_swept_by_two(self, signed_in: Browser, others: Browser, anna: User) -> None:
        older, newer = begun({"user": anna.pk}), begun()
        sweep.tidy(USING)
        sweep.sweep(newer, USING)
        assert ended() == {"ben": newer.pk, "anna": older.pk}
        counted = Termination.objects.order_by("id").values_list("ended", flat=True)
        assert list(counted) == [1, 1]

    def test_of_one_under_way_with_a_small_one(self, signed_in: Browser, others: Browser) -> None:
        older = begun()
        newer = terminate()
        assert newer.ended == 0
        assert names() == []
        sweep.sweep(older, USING)
        assert ended() == {"anna": older.pk, "ben": older.pk}

    def test_the_spared_of_one_is_the_others(self, signed_in: Browser, others: Browser) -> None:
        older = begun(spared=others.row.pk)
        newer = terminate()
        sweep.sweep(older, USING)
        assert ended() == {"anna": older.pk, "ben": newer.pk}


@pytest.mark.django_db(transaction=True)
class BatchTests:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "SMALL", 2)
        monkeypatch.setattr(pacing, "MOST_ROWS", 3)

    def test_more_than_small_is_left_to_the_worker_and_in_effect(self, anna: User) -> None:
        browsers = [Browser().sign_in(anna) for _ in range(8)]
        termination = terminate()
        assert (termination.ended, termination.finished_on) == (0, None)
        assert {browser.who() for browser in browsers} == {"nobody"}
        sweep.tidy(USING)
        termination.refresh_from_db()
        assert termination.ended == 8
        assert termination.finished_on is not None
        assert SessionEvent.objects.filter(termination_id=termination.pk, kind="terminated").count() == 8
        assert not Session.objects.exists()

    def test_a_sweep_that_died_goes_on(self, anna: User) -> None:
        for _ in range(8):
            Browser().sign_in(anna)
        termination = begun()
        with transaction.atomic():
            sweep.sweep_batch(termination, USING, 0, 3)
        assert Session.objects.count() == 5
        sweep.tidy(USING)
        termination.refresh_from_db()
        assert termination.ended == 8
        assert termination.finished_on is not None


@pytest.mark.django_db
class CostTests:
    def statements(self, number: int, like: Browser) -> int:
        """Return how many statements the end of so many sessions takes."""
        row = like.row
        for _ in range(number):
            row.pk, row.public_id = None, uuid4()
            row.key_digest, row.key_digest_rest = halves(str(row.public_id))
            row.save()
        everything = scope({"user": row.user_id}, spared=like.row.pk)
        with CaptureQueriesContext(connection) as captured:
            services.terminate(everything, None)
        assert names() == ["anna"]
        return len(captured)

    def test_is_the_same_for_one_and_for_many(self, signed_in: Browser) -> None:
        """Five or six for the ending itself; the rest are the lock, the fence, the limits and the savepoints."""
        assert self.statements(1, signed_in) == self.statements(200, signed_in) <= 25

    def test_no_receiver_makes_deleting_load_rows(self) -> None:
        """With any delete signal on Session, Django loads every row."""
        assert not pre_delete.has_listeners(Session)
        assert not post_delete.has_listeners(Session)


def expire(browser: Browser) -> None:
    Session.objects.filter(pk=browser.row.pk).update(expire_date=F("created_on"))
