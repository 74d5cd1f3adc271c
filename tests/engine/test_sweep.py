"""Tidying: what it removes is refused already, it ends where it should, and two of it do no work twice."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from sessions_ui import pacing, sweep
from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Session, SessionEvent, Termination

from .browser import Browser
from .endings import USING, begun
from .hold import Hold, only_postgresql

Kind = SessionEvent.Kind


def kinds() -> list[str]:
    return sorted(SessionEvent.objects.exclude(kind=Kind.SIGNED_IN).values_list("kind", flat=True))


def expire(browser: Browser) -> None:
    Session.objects.filter(pk=browser.row.pk).update(expire_date=F("created_on"))


@pytest.mark.django_db(transaction=True)
class ExpiryTests:
    def test_removes_what_has_expired_with_its_event(self, signed_in: Browser, ben: User) -> None:
        other = Browser().sign_in(ben)
        expire(signed_in)
        sweep.expire(USING)
        assert list(Session.objects.all()) == [other.row]
        event = SessionEvent.objects.get(kind=Kind.EXPIRED)
        assert (event.user_label, event.termination_id) == ("anna", None)

    def test_of_a_visitor_is_no_event(self, visitor: Browser) -> None:
        visitor.get("/visit/")
        expire(visitor)
        sweep.expire(USING)
        assert not Session.objects.exists()
        assert kinds() == []

    def test_goes_on_to_the_end(self, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pacing, "MOST_ROWS", 2)
        for _ in range(5):
            Browser().sign_in(anna)
        Session.objects.update(expire_date=F("created_on"))
        assert sweep.expire(USING) == 5
        assert kinds() == [Kind.EXPIRED] * 5

    def test_is_what_clear_expired_does(self, signed_in: Browser) -> None:
        expire(signed_in)
        SessionStore.clear_expired()
        assert kinds() == [Kind.EXPIRED]

    def test_twice_is_one_end(self, signed_in: Browser) -> None:
        expire(signed_in)
        sweep.tidy(USING)
        sweep.tidy(USING)
        assert kinds() == [Kind.EXPIRED]


@pytest.mark.django_db(transaction=True)
class SweepTests:
    def test_oldest_first(self, signed_in: Browser, ben: User, anna: User) -> None:
        Browser().sign_in(ben)
        older, newer = begun({"user": anna.pk}), begun()
        sweep.tidy(USING)
        assert dict(Termination.objects.values_list("pk", "ended")) == {older.pk: 1, newer.pk: 1}

    def test_finishes_what_covers_nothing(self, db: None) -> None:
        begun({"sessions": []})
        sweep.tidy(USING)
        assert not Termination.objects.unfinished().exists()

    def test_leaves_the_time_of_an_earlier_finish(self, signed_in: Browser) -> None:
        termination = begun()
        sweep.sweep(termination, USING)
        finished = Termination.objects.get().finished_on
        sweep.sweep(termination, USING)
        assert Termination.objects.get().finished_on == finished

    def test_what_expired_under_it_is_not_counted(self, signed_in: Browser) -> None:
        begun()
        expire(signed_in)
        sweep.tidy(USING)
        assert kinds() == [Kind.EXPIRED]
        assert Termination.objects.get().ended == 0

    def test_refuses_all_the_while(self, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pacing, "MOST_ROWS", 2)
        browsers = [Browser().sign_in(anna) for _ in range(5)]
        last: int | None = 0
        termination = begun()
        while last is not None:
            assert not Session.objects.live().exists()
            assert {browser.store.exists(browser.key) for browser in browsers} == {False}
            with transaction.atomic():
                last = sweep.sweep_batch(termination, USING, last)
        assert not Session.objects.exists()

    def test_leaves_other_applications_to_their_scope(self, signed_in: Browser, ben: User) -> None:
        application = signed_in.row.application_id
        Browser().sign_in(ben)
        begun({"application": application + 1})
        sweep.tidy(USING)
        assert Session.objects.live().count() == 2


@only_postgresql
@pytest.mark.django_db(transaction=True)
class BesideOthersTests:
    def test_a_batch_skips_what_another_holds(self, signed_in: Browser, ben: User, other: Hold) -> None:
        Browser().sign_in(ben)
        other.row(signed_in.row)
        sweep.tidy(USING)
        termination = begun()
        assert not sweep.sweep(termination, USING)
        assert list(Session.objects.values_list("user__username", flat=True)) == ["anna"]
        other.commit()
        assert sweep.sweep(termination, USING)
        assert Termination.objects.get().ended == 2

    def test_expiry_skips_what_another_holds(self, signed_in: Browser, other: Hold) -> None:
        expire(signed_in)
        other.row(signed_in.row)
        sweep.expire(USING)
        assert Session.objects.exists()

    def test_a_session_prolonged_meanwhile_does_not_expire(self, signed_in: Browser, other: Hold) -> None:
        expire(signed_in)
        other.run("UPDATE sessions_ui_session SET expire_date = now() + interval '1 day'")
        sweep.expire(USING)
        other.commit()
        sweep.expire(USING)
        assert signed_in.who() == "anna"
