"""Hints on rows: at a sign-in, at a touch from elsewhere, and what somebody's word does to them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from sessions_ui import habits, services
from sessions_ui.hints import Hint
from sessions_ui.models import Account, Expected, Membership, Session, SessionEvent
from sessions_ui.models.scopes import Scope
from sessions_ui.origin import Origin

from .browser import Browser

LISBON, BERLIN, SINGAPORE = "198.51.100.17", "203.0.113.24", "192.0.2.180"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"


def sign_in(user: User, address: str, agent: str = CHROME) -> Session:
    browser = Browser()
    browser.defaults |= {"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent}
    return browser.sign_in(user).row


def kinds(session: Session) -> list[str]:
    return [hint["kind"] for hint in session.hints or []]


@pytest.mark.django_db
class SignInTests:
    def test_a_first_one_has_none(self, anna: User) -> None:
        first = sign_in(anna, LISBON)
        assert (first.hints, first.needs_look) == (None, False)

    def test_as_usual_has_none(self, anna: User) -> None:
        sign_in(anna, LISBON)
        assert (sign_in(anna, LISBON).hints, Session.objects.filter(needs_look=True).count()) == (None, 0)

    def test_from_far_away_needs_a_look(self, anna: User) -> None:
        sign_in(anna, LISBON)
        session = sign_in(anna, SINGAPORE)
        assert session.needs_look
        assert kinds(session) == ["too_fast", "new_country"]
        assert "First sign-in from Singapore in 90 days; before: Portugal (1 time)." in str(session.hints)

    def test_the_record_keeps_what_was_hinted(self, anna: User) -> None:
        sign_in(anna, LISBON)
        session = sign_in(anna, SINGAPORE)
        event = SessionEvent.objects.get(session_public_id=session.public_id, kind="signed_in")
        assert event.hints == session.hints

    def test_is_compared_with_nobody_elses(self, anna: User, ben: User) -> None:
        sign_in(ben, LISBON)
        assert sign_in(anna, SINGAPORE).hints is None

    def test_is_compared_with_nothing_in_another_account(self, anna: User, acme: Account) -> None:
        """R062: a hint quotes what it compared with, and whoever administers the account reads it."""
        sign_in(anna, LISBON)
        bolt = Account.objects.create(slug="bolt", name="Bolt")
        Membership.objects.filter(user=anna).update(account=bolt)
        assert sign_in(anna, SINGAPORE).hints is None
        session = sign_in(anna, BERLIN)
        assert session.account == bolt
        assert "First sign-in from Germany in 90 days; before: Singapore (1 time)." in str(session.hints)

    def test_many_at_once(self, anna: User) -> None:
        before = {"happened_on": Now() - timedelta(days=2), "ip": LISBON, "country": "PT"}
        SessionEvent.objects.create(kind="signed_in", user_key=str(anna.pk), **before)
        for _ in range(4):
            sign_in(anna, LISBON)
        rows = [Session(**columns(Session.objects.latest("pk"), number)) for number in range(8)]
        Session.objects.bulk_create(rows)
        assert kinds(sign_in(anna, LISBON)) == ["many_sessions"]

    def test_asks_one_question_more_where_all_is_as_usual(self, anna: User) -> None:
        origin = Origin(ip=LISBON, country="PT")
        sign_in(anna, LISBON)
        with CaptureQueriesContext(connection) as queries:
            assert habits.at_sign_in(anna.pk, None, origin, "default") == {}
        assert len(queries) == 1

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL knows which index holds less")
    def test_looks_at_no_other_person_of_the_account(self, anna: User, acme: Account) -> None:
        sign_in(anna, LISBON)
        with CaptureQueriesContext(connection) as queries:
            sign_in(anna, SINGAPORE)
        (asked,) = [query["sql"] for query in queries if '"many"' in query["sql"]]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked}".replace("%", "%%"))
            plan = str(cursor.fetchall())
        assert "event_by_user" in plan
        assert "session_by_user" in plan
        assert "by_account" not in plan


def columns(session: Session, number: int) -> dict[str, Any]:
    names = [field.attname for field in Session._meta.concrete_fields if field.attname not in ("id", "public_id")]
    return {name: getattr(session, name) for name in names} | {"key_digest": bytes([number] * 16)}


@pytest.mark.django_db
class TouchTests:
    @pytest.fixture
    def idle(self, anna: User) -> Browser:
        """A browser that was used in Lisbon five minutes ago."""
        browser = Browser()
        browser.defaults |= {"REMOTE_ADDR": LISBON, "HTTP_USER_AGENT": CHROME}
        browser.sign_in(anna)
        self.wait()
        return browser

    def wait(self) -> None:
        Session.objects.update(last_active_on=F("last_active_on") - timedelta(minutes=5))

    def test_where_it_was_is_no_hint(self, idle: Browser) -> None:
        idle.who()
        assert idle.row.hints is None

    def test_one_key_in_two_places_and_two_browsers(self, idle: Browser) -> None:
        idle.get("/who/", REMOTE_ADDR=SINGAPORE, HTTP_USER_AGENT=FIREFOX)
        assert kinds(idle.row) == ["two_places", "new_country", "two_browsers"]
        assert idle.row.needs_look
        assert idle.row.last_ip == SINGAPORE

    def test_the_same_is_not_said_twice(self, idle: Browser) -> None:
        for address in (SINGAPORE, LISBON, SINGAPORE):
            idle.get("/who/", REMOTE_ADDR=address)
            self.wait()
        assert kinds(idle.row) == ["two_places", "new_country"]

    def test_of_a_row_that_is_covered_since_changes_nothing(self, idle: Browser) -> None:
        store = idle.store
        store.load()
        services.terminate(Scope({"everything": True}, {"all": True}, 10**9), None, matched=services.SMALL + 1)
        store.touch(Origin(ip=SINGAPORE, country="SG"))
        assert not Session.objects.filter(needs_look=True).exists()


@pytest.mark.django_db
class ExpectedTests:
    @pytest.fixture
    def session(self, anna: User, acme: Account) -> Session:
        sign_in(anna, LISBON)
        return sign_in(anna, SINGAPORE)

    def test_quiets_one_kind_and_is_written_down(self, session: Session, ben: User) -> None:
        word = habits.expect(session, "new_country", ben)
        session.refresh_from_db()
        assert word is not None
        assert (word.kind, word.network, word.actor_label) == ("new_country", "192.0.0.0/16", "ben")
        assert [hint["expected"] for hint in session.hints or []] == [False, True]
        assert session.needs_look

    def test_when_all_are_quiet_nothing_needs_a_look(self, session: Session, ben: User) -> None:
        for kind in ("too_fast", "new_country"):
            habits.expect(Session.objects.get(pk=session.pk), kind, ben)
        assert not Session.objects.filter(needs_look=True).exists()

    def test_holds_for_later_sign_ins_from_there(self, session: Session, anna: User, ben: User) -> None:
        habits.expect(session, "new_country", ben)
        columns = habits._columns(anna.pk, session.account_id, "default", [Hint("new_country", "…", "192.0.0.0/16")])
        assert columns["needs_look"] is False

    def test_not_in_another_account(self, session: Session, anna: User, ben: User) -> None:
        habits.expect(session, "new_country", ben)
        columns = habits._columns(anna.pk, None, "default", [Hint("new_country", "…", "192.0.0.0/16")])
        assert columns["needs_look"] is True

    def test_can_be_taken_back_and_stays_on_record(self, session: Session, ben: User) -> None:
        word = habits.expect(session, "new_country", ben)
        assert word is not None
        assert habits.take_back(Session.objects.get(pk=session.pk), word.pk, ben)
        assert Session.objects.get(pk=session.pk).needs_look
        assert Expected.objects.get().taken_back_label == "ben"
        assert not habits.take_back(session, word.pk, ben)

    def test_of_a_hint_that_is_not_there_says_nothing(self, session: Session, ben: User) -> None:
        assert habits.expect(session, "dormant", ben) is None
        assert not Expected.objects.exists()
