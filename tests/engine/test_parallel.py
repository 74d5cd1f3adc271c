"""The limit of parallel sessions: exact whatever happens at once, and no answer that claims too much (R013, F35)."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.http import HttpRequest

from sessions_ui import parallel
from sessions_ui.backends.db import SessionStore
from sessions_ui.login_records import Outcome, login_records_of
from sessions_ui.models import Account, Limit, Session, SessionEvent

from . import site
from .browser import Browser, cookie_of
from .threads import LONG_ENOUGH, start

pytestmark = pytest.mark.django_db(transaction=True)

REFUSE = Limit.AtLimit.REFUSE
Kind = SessionEvent.Kind


def limit(parallel: int, **columns: Any) -> Limit:
    return Limit.objects.create(parallel=parallel, **columns)


def sign_in(user: User) -> bool:
    """Sign in as login() does, again after a 503; return whether that was not refused."""
    request = HttpRequest()
    request.session = store = SessionStore()
    try:
        login(request, user, site.BACKEND)
        store.save()
    except UpdateError:
        return store.refusal is None
    except OperationalError:
        # SQLite has one writer at a time, and on a busy machine one of fifty waits for longer than it may.
        return sign_in(user)
    return True


def live(user: User) -> int:
    return Session.objects.live().filter(user=user).count()


def refused(browser: Browser, user: User) -> Any:
    return browser.post("/sign-in/", {"name": user.get_username()})


class AtOnceTests:
    """R013, F35: exactly as many as the limit says, however many sign in at once."""

    MANY, PARALLEL = 50, 5

    def sign_in_at_once(self, user: User) -> list[bool]:
        return [one.result(20 * LONG_ENOUGH) for one in [start(lambda: sign_in(user)) for _ in range(self.MANY)]]

    def test_fifty_that_end_the_oldest_leave_five(self, anna: User) -> None:
        limit(self.PARALLEL)
        assert all(self.sign_in_at_once(anna))
        assert live(anna) == self.PARALLEL
        ended = SessionEvent.objects.filter(kind=Kind.TERMINATED)
        assert ended.count() == self.MANY - self.PARALLEL
        assert set(ended.values_list("reason", flat=True)) == {"Limit of 5 parallel sessions"}

    def test_of_fifty_that_are_refused_five_come_in(self, anna: User) -> None:
        limit(self.PARALLEL, at_limit=REFUSE)
        assert self.sign_in_at_once(anna).count(True) == self.PARALLEL
        assert live(anna) == self.PARALLEL
        assert not SessionEvent.objects.filter(kind=Kind.TERMINATED).exists()


class EndOldestTests:
    def test_the_oldest_is_signed_out_at_once(self, anna: User) -> None:
        limit(2)
        first, second, third = (Browser().sign_in(anna) for _ in range(3))
        assert [browser.who() for browser in (first, second, third)] == ["nobody", "anna", "anna"]

    def test_sessions_from_before_the_limit_end_with_the_next_sign_in(self, anna: User) -> None:
        for _ in range(4):
            Browser().sign_in(anna)
        limit(2)
        assert live(anna) == 4
        Browser().sign_in(anna)
        assert live(anna) == 2

    def test_other_people_s_sessions_are_not_counted(self, anna: User, ben: User) -> None:
        limit(1)
        first = Browser().sign_in(anna)
        Browser().sign_in(ben)
        assert first.who() == "anna"

    def test_what_has_expired_is_not_counted(self, anna: User) -> None:
        limit(2, idle=15)
        for _ in range(2):
            Browser().sign_in(anna)
        Session.objects.update(last_active_on=Now() - timedelta(hours=1))
        Browser().sign_in(anna)
        assert not SessionEvent.objects.filter(kind=Kind.TERMINATED).exists()

    def test_a_session_in_another_s_place_counts_once(self, anna: User) -> None:
        limit(2)
        first, second = Browser().sign_in(anna), Browser().sign_in(anna)
        second.sign_in(anna)
        assert [first.who(), second.who()] == ["anna", "anna"]

    def test_only_what_the_limit_speaks_of_is_counted(self, anna: User, acme: Account, ben: User) -> None:
        limit(1, account=acme)
        for _ in range(2):
            Browser().sign_in(ben)
        assert live(ben) == 2
        first = Browser().sign_in(anna)
        Browser().sign_in(anna)
        assert first.who() == "nobody"

    def test_the_record_says_which_limit(self, anna: User) -> None:
        limit(1)
        for _ in range(2):
            Browser().sign_in(anna)
        newest, oldest = login_records_of(anna.pk, {"all": True}, 2)
        assert newest.outcome == Outcome.ACTIVE
        assert (oldest.outcome, oldest.reason) == (Outcome.TERMINATED, "Limit of 1 parallel session")


class RefuseTests:
    @pytest.fixture(autouse=True)
    def _limit(self, signed_in: Browser) -> None:
        limit(1, at_limit=REFUSE)

    def test_nobody_is_signed_in(self, anna: User) -> None:
        """However the view has answered."""
        browser = Browser()
        response = refused(browser, anna)
        assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=")
        assert cookie_of(response) is None
        assert browser.who() == "nobody"
        assert live(anna) == 1

    def test_the_one_who_is_in_stays(self, signed_in: Browser, anna: User) -> None:
        refused(Browser(), anna)
        assert signed_in.who() == "anna"

    def test_is_a_failed_sign_in_on_record(self, anna: User) -> None:
        refused(Browser(), anna)
        record = login_records_of(anna.pk, {"all": True}, 1)[0]
        assert (record.outcome, record.event.reason) == (Outcome.FAILED, "Limit of 1 parallel session")

    def test_the_browser_is_told_why(self, anna: User) -> None:
        assert f"{settings.SESSION_COOKIE_NAME}-ended" in refused(Browser(), anna).cookies

    def test_under_htmx_leads_to_the_sign_in_page(self, anna: User) -> None:
        response = Browser().post("/sign-in/", {"name": "anna"}, headers={"HX-Request": "true"})
        assert (response.status_code, response["HX-Redirect"]) == (401, "/sign-in/?next=")

    def test_who_takes_his_own_place_is_let_in(self, signed_in: Browser, anna: User) -> None:
        signed_in.sign_in(anna)
        assert signed_in.who() == "anna"
        assert live(anna) == 1

    def test_after_a_sign_out_there_is_room(self, signed_in: Browser, anna: User) -> None:
        signed_in.post("/sign-out/")
        assert Browser().sign_in(anna).who() == "anna"

    def test_a_removed_limit_refuses_nobody(self, anna: User) -> None:
        Limit.objects.all().remove("Ruth")
        assert Browser().sign_in(anna).who() == "anna"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL knows which index holds less")
@pytest.mark.parametrize("of_application", [True, False])
@pytest.mark.parametrize("of_account", [True, False])
def test_counting_looks_at_no_other_person(anna: User, of_application: bool, of_account: bool) -> None:
    """An account may have a million sessions, and its limit is asked at each sign-in."""
    number = parallel._select_number("default", of_application, of_account)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {number.sql}", [1 for _ in number.params])
        assert "session_by_user" in str(cursor.fetchall())
