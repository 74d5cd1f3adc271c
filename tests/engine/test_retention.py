"""LOGIN_RECORD_DAYS: what is older goes, in batches, and an event says so; and a person is forgotten."""

import logging
from datetime import timedelta
from io import StringIO
from threading import Event
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import Count, ProtectedError
from django.db.models.functions import Now
from django.db.models.signals import pre_delete
from django.test import RequestFactory
from pytest_django import Settings

from sessions_ui import pacing, receipt, restore
from sessions_ui.models import Account, Session, SessionEvent, Termination
from sessions_ui.models.events import retention
from sessions_ui.pacing import Pace
from sessions_ui.retention import FORGOTTEN, remove_old, without
from sessions_ui.sweep import tidy
from sessions_ui.worker import ToldToStop, Worker

from .browser import Browser
from .endings import USING, begun, terminate

DAYS = 400
Kind = SessionEvent.Kind


def age(events: Any, days: float) -> None:
    with retention(USING):
        events.update(happened_on=Now() - timedelta(days=days))


def remove() -> int:
    return remove_old(USING, Pace.of(USING))


def kinds() -> list[str]:
    return list(SessionEvent.objects.order_by("id").values_list("kind", flat=True))


@pytest.fixture
def kept(settings: Settings) -> None:
    settings.LOGIN_RECORD_DAYS = DAYS


@pytest.fixture
def four(kept: None, anna: User) -> list[SessionEvent]:
    """Sign-ins of 402, 401, 399 days ago, and of today."""
    for _ in range(4):
        Browser().sign_in(anna)
    events = list(SessionEvent.objects.order_by("id"))
    for event, days in zip(events, (402, 401, 399), strict=False):
        age(SessionEvent.objects.filter(pk=event.pk), days)
    return events


class RemovalTests:
    def test_takes_what_is_older_and_says_so(self, four: list[SessionEvent]) -> None:
        assert remove() == 2
        *left, told = SessionEvent.objects.order_by("id")
        assert left == four[2:]
        assert (told.kind, told.reason) == (Kind.REMOVED, "2 events older than 400 days")

    def test_keeps_everything_unless_it_is_set(self, four: list[SessionEvent], settings: Settings) -> None:
        for days in (0, -1):
            settings.LOGIN_RECORD_DAYS = days
            assert remove() == 0
        del settings.LOGIN_RECORD_DAYS
        assert remove() == 0
        assert kinds() == ["signed_in"] * 4

    def test_says_nothing_where_nothing_is_old(self, kept: None, anna: User) -> None:
        Browser().sign_in(anna)
        assert remove() == 0
        assert kinds() == ["signed_in"]

    def test_goes_in_batches_and_is_told_as_one(
        self, four: list[SessionEvent], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pacing, "MOST_ROWS", 1)
        assert remove() == 2
        assert SessionEvent.objects.get(kind=Kind.REMOVED).reason == "2 events older than 400 days"

    def test_that_is_stopped_has_told_what_it_did(
        self, four: list[SessionEvent], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pacing, "MOST_ROWS", 1)
        batches = [ToldToStop, None]

        def stop_after_one() -> None:
            if stop := batches.pop():
                raise stop

        with pytest.raises(ToldToStop):
            remove_old(USING, Pace.of(USING, between=stop_after_one))
        assert SessionEvent.objects.get(kind=Kind.REMOVED).reason == "1 events older than 400 days"

    def test_is_told_once_an_hour_at_most(self, four: list[SessionEvent]) -> None:
        remove()
        age(SessionEvent.objects.filter(pk=four[2].pk), 401)
        assert remove() == 0
        age(SessionEvent.objects.filter(kind=Kind.REMOVED), 1)
        assert remove() == 1

    def test_keeps_what_it_told_for_good(self, four: list[SessionEvent]) -> None:
        remove()
        age(SessionEvent.objects.all(), 5_000)
        authenticate(username="anna", password="wrong")
        assert remove() == 2
        assert kinds().count("removed") == 2

    def test_never_takes_the_newest(self, four: list[SessionEvent], settings: Settings, tmp_path: Any) -> None:
        settings.RESTORE_MARK_FILE = str(tmp_path / "mark")
        restore.watch(USING)
        age(SessionEvent.objects.all(), 500)
        assert remove() == 3
        assert SessionEvent.objects.filter(pk=four[3].pk).exists()
        assert not restore.is_restored(USING)

    def test_leaves_the_session_alone(self, four: list[SessionEvent]) -> None:
        remove()
        assert Session.objects.live().count() == 4

    def test_is_done_by_the_worker_and_by_clearsessions(
        self, four: list[SessionEvent], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            Worker(USING, Event()).round()
        assert "2 events were older than LOGIN_RECORD_DAYS and are removed." in caplog.text
        age(SessionEvent.objects.all(), 500)
        assert tidy(USING).old == 2


# Forgetting


def forget(name: str, *options: str) -> str:
    output = StringIO()
    call_command("forget_user", name, *options, stdout=output)
    return output.getvalue()


def told_of(name: str) -> bool:
    """Whether anything in the history still holds the name."""
    events = SessionEvent.objects.values_list("user_label", "search_text", "reason", "user_agent", "location", "ip")
    acts = Termination.objects.values_list("actor_label", "in_words", "reason", "note", "conditions")
    return any(name in str(value).lower() for row in [*events, *acts] for value in row)


def counts() -> list[Any]:
    """Return what is counted: events of each kind, country, account, application and kind of device; and people."""
    of = ["kind", "country", "account_label", "application_label", "device_kind", "browser"]
    counted = SessionEvent.objects.values_list(*of).annotate(number=Count("pk")).order_by(*of)
    return [*counted, SessionEvent.objects.exclude(user_key="").values("user_key").distinct().count()]


@pytest.fixture
def history(anna: User, ben: User, acme: Account) -> None:
    """What anna has left: sign-ins, one that failed, a session that was ended by ben, one of his that she ended."""
    User.objects.filter(pk=anna.pk).update(first_name="Anna", last_name="Brandt")
    anna.refresh_from_db()
    mobile: Any = {"HTTP_USER_AGENT": "Annas telephone", "REMOTE_ADDR": "192.0.2.77"}
    Browser().post("/sign-in/", {"name": "anna"}, **mobile)
    for name in ("anna", "ANNA@example.com"):
        authenticate(RequestFactory().post("/sign-in/", **mobile), username=name, password="wrong")
    hers, his = Browser().sign_in(anna).row, Browser().sign_in(ben).row
    terminate({"sessions": [hers.pk, his.pk]})
    Termination.objects.update(
        actor=anna, actor_label="Anna Brandt (anna)", in_words="2 ticked sessions of Anna Brandt, ben",
        reason="Lost by anna", conditions={"words": ["anna brandt"]},
    )  # fmt: skip
    with retention(USING):
        SessionEvent.objects.filter(kind=Kind.TERMINATED).update(reason="Lost by anna")


@pytest.mark.usefixtures("history")
class ForgettingTests:
    def test_takes_the_identity_and_keeps_the_counts(self) -> None:
        assert told_of("anna")
        before = counts()
        assert "is forgotten: 6 events" in forget("anna", "--yes")
        assert not told_of("anna")
        assert not told_of("192.0.2.77")
        # The session that was still active has ended.
        ended = [row for row in counts() if row not in before]
        assert [row[0] for row in ended] == ["terminated"]

    def test_ends_the_sessions_and_deletes_the_user(self) -> None:
        browser = Browser().sign_in(User.objects.get(username="anna"))
        forget("anna", "--yes")
        assert browser.who() == "nobody"
        assert not User.objects.filter(username="anna").exists()
        assert not told_of("anna")

    def test_leaves_other_people_alone(self, ben: User) -> None:
        """But for her name, where the reason for what was done to him holds it."""
        his = SessionEvent.objects.filter(user_key=str(ben.pk))
        before = list(his.values())
        forget("anna", "--yes")
        assert list(his.values()) == [
            row | {"reason": row["reason"].replace("anna", FORGOTTEN.lower())} for row in before
        ]
        assert [act.in_words for act in Termination.objects.order_by("id")] == [
            "2 ticked sessions of a forgotten person, ben",
            "Every session of a forgotten person",
        ]

    def test_says_first_what_it_would_do(self) -> None:
        said = forget("anna")
        assert "take the identity out of 5 events. Nothing has happened." in said
        assert told_of("anna")
        assert User.objects.filter(username="anna").exists()

    def test_knows_names_that_nobody_has(self) -> None:
        with pytest.raises(CommandError, match="There is no user “nobody”"):
            forget("nobody", "--yes")

    def test_of_who_is_deleted_already(self) -> None:
        User.objects.get(username="anna").delete()
        assert told_of("anna")
        assert "deleted already" in forget("anna")
        forget("anna", "--yes")
        assert not SessionEvent.objects.filter(user_label="anna").exists()

    def test_does_not_take_who_bears_an_earlier_name_of_somebody_for_him(self, ben: User) -> None:
        """ben was called anna before; what he did under that name stays his."""
        with retention(USING):
            SessionEvent.objects.filter(user_key=str(ben.pk)).update(user_label="anna")
        forget("anna", "--yes")
        assert SessionEvent.objects.filter(user_key=str(ben.pk), user_label="anna").exists()

    def test_holds_after_a_rename(self, anna: User) -> None:
        User.objects.filter(pk=anna.pk).update(username="ortiz")
        forget("ortiz", "--yes")
        assert not SessionEvent.objects.filter(user_key=str(anna.pk)).exists()
        assert not SessionEvent.objects.filter(kind=Kind.SIGNED_IN, user_label="anna").exists()

    def test_keeps_the_numbers_of_a_receipt(self, ben: User) -> None:
        act = Termination.objects.get()
        assert receipt.of(act)["people"] == 2
        forget("anna", "--yes")
        forget("ben", "--yes")
        assert receipt.of(act)["people"] == 2

    def test_happens_whole_or_not_at_all(self, anna: User) -> None:
        def refuse(**kwargs: object) -> None:
            raise ProtectedError("An invoice needs him.", set())

        pre_delete.connect(refuse, sender=User)
        try:
            with pytest.raises(CommandError, match="nothing has happened"):
                forget("anna", "--yes")
        finally:
            pre_delete.disconnect(refuse, sender=User)
        assert told_of("anna")
        assert User.objects.filter(pk=anna.pk).exists()

    def test_leaves_a_scope_that_is_in_effect_as_it_is(self, anna: User) -> None:
        act = begun({"words": ["anna"]})
        forget("anna", "--yes")
        act.refresh_from_db()
        assert act.conditions == {"words": ["anna"]}


class WordsTests:
    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("Every session of anna in account Hannah", "Every session of a forgotten person in account Hannah"),
            ("Anna Brandt (anna)", "a forgotten person (a forgotten person)"),
            ("anna@example.com, anna-lena", "a forgotten person, a forgotten person-lena"),
        ],
    )
    def test_are_whole(self, text: str, left: str) -> None:
        assert without({"anna", "Anna Brandt", "anna@example.com"}, text) == left
