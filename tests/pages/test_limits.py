"""The pages of limits: what holds, what a new one would end, who may set which, and "ends in …" where it is near."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_ui import limits, time_limit
from sessions_ui.models import Account, Limit, Session

from .cast import LIST, Page, application, current, make_session, make_sessions, permit, signed_in, text_of

LIMITS = "/security/limits/"
ADD = f"{LIMITS}add/"
OLD = timedelta(hours=13)


def form(**given: str) -> dict[str, str]:
    return {"at_limit": "end-oldest"} | given


def add(client: Client, **given: str) -> Page:
    """Hand in the form and confirm."""
    return client.post(ADD, form(confirmed="1", **given), follow=True)


def set_one(**columns: Any) -> Limit:
    return Limit.objects.create(set_by="Ruth Root (root)", **columns)


def in_force() -> list[tuple[Any, ...]]:
    return list(Limit.objects.in_force().order_by("id").values_list("idle", "lifetime", "parallel"))


class ListTests:
    def test_says_what_holds_and_who_has_set_it(self, console: Client, acme: Account) -> None:
        set_one(idle=15, lifetime=720, account=acme, reason="Their contract")
        text = text_of(console.get(LIMITS))
        assert "Every application Acme 15 minutes 12 hours – Their contract" in text
        assert "by Ruth Root (root)" in text

    def test_when_nothing_holds_says_what_is_advised(self, console: Client) -> None:
        assert "No limit holds" in text_of(console.get(LIMITS))
        page = console.get(ADD).content.decode()
        assert 'value="1 hour"' in page
        assert 'value="1 day"' in page

    def test_keeps_what_was_removed(self, console: Client) -> None:
        limit = set_one(idle=45)
        console.post(f"{LIMITS}{limit.public_id}/remove/")
        text = text_of(console.get(LIMITS))
        assert "Earlier limits" in text
        assert "by Ruth Root (root)" in text

    def test_asks_as_little_for_many(self, console: Client, acme: Account, django_assert_num_queries: Any) -> None:
        for _ in range(30):
            set_one(lifetime=9_999, account=acme, application=application())
        console.get(LIMITS)
        with django_assert_num_queries(5):
            console.get(LIMITS)


class ConfirmTests:
    @pytest.fixture(autouse=True)
    def _old_ones(self, console: Client, anna: User, acme: Account) -> None:
        make_sessions(3, anna, acme)
        Session.objects.filter(user=anna).update(created_on=Now() - OLD)

    def test_says_how_many_would_end(self, console: Client) -> None:
        text = text_of(console.post(ADD, form(lifetime="12 hours")))
        assert "3 sessions are past this limit and end at once" in text
        assert "Set the limit, end 3 sessions" in text
        assert "Nothing has happened yet" in text
        assert in_force() == []

    def test_of_too_many_to_count_says_that_all_end(self, console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "COUNTING_SECONDS", 0)
        monkeypatch.setattr(time_limit, "SQLITE_STEPS", 1)
        text = text_of(console.post(ADD, form(lifetime="12 hours")))
        assert "A large number of sessions are past this limit and end at once." in text
        assert "Set the limit, end all sessions past it" in text

    def test_says_that_one_s_own_session_would(self, console: Client) -> None:
        said = "Your own session is among them"
        assert said not in text_of(console.post(ADD, form(lifetime="12 hours")))
        Session.objects.update(created_on=Now() - OLD)
        assert said in text_of(console.post(ADD, form(lifetime="12 hours")))

    def test_then_it_holds(self, console: Client, anna: User) -> None:
        text = text_of(add(console, lifetime="12 hours", reason="NIST"))
        assert "The limit for every application holds from now on." in text
        assert in_force() == [(None, 720, None)]
        assert Limit.objects.get().set_by == "Ruth Root (root)"
        assert not Session.objects.live().filter(user=anna).exists()

    def test_hands_on_what_was_entered(self, console: Client, acme: Account) -> None:
        page = console.post(ADD, form(account="acme", idle="15m", parallel="5")).content.decode()
        for name, value in (("account", "acme"), ("idle", "15m"), ("parallel", "5")):
            assert f'<input type="hidden" name="{name}" value="{value}"' in page


class ChangeTests:
    def test_sets_another_in_its_place(self, console: Client) -> None:
        before = set_one(idle=45)
        assert 'value="45 minutes"' in console.get(f"{LIMITS}{before.public_id}/").content.decode()
        console.post(f"{LIMITS}{before.public_id}/", form(idle="1 hour", confirmed="1"))
        assert in_force() == [(60, None, None)]
        before.refresh_from_db()
        assert before.removed_by == "Ruth Root (root)"

    def test_of_what_is_gone_is_not_found(self, console: Client) -> None:
        before = set_one(idle=45)
        console.post(f"{LIMITS}{before.public_id}/remove/")
        assert console.get(f"{LIMITS}{before.public_id}/").status_code == 404

    def test_remove_says_that_nothing_ends(self, console: Client) -> None:
        limit = set_one(idle=45)
        assert "No session ends by this" in text_of(console.get(f"{LIMITS}{limit.public_id}/remove/"))
        assert in_force() == [(45, None, None)]
        console.post(f"{LIMITS}{limit.public_id}/remove/")
        assert in_force() == []


class RightsTests:
    def test_an_administrator_limits_his_account_only(self, ada: User, acme: Account, bolt: Account) -> None:
        client = signed_in(ada)
        add(client, account="acme", idle="1 hour")
        assert Limit.objects.get().account == acme
        for given in ({"account": "bolt"}, {}):
            assert client.post(ADD, form(idle="1 hour", confirmed="1", **given)).status_code == 400
        assert Limit.objects.count() == 1

    def test_a_holder_of_the_permission_limits_all(self, ben: User) -> None:
        permit(ben, "change_limit")
        add(signed_in(ben), idle="1 hour")
        assert in_force() == [(60, None, None)]

    def test_another_account_s_limit_is_not_shown(self, ada: User, acme: Account, bolt: Account) -> None:
        set_one(idle=45, account=bolt, reason="Of Bolt")
        assert "Of Bolt" not in text_of(signed_in(ada).get(LIMITS))


class AccountTests:
    def test_is_named_by_its_slug_or_name(self, console: Client, acme: Account) -> None:
        for written in ("acme", "ACME", " Acme "):
            add(console, account=written, idle="1 hour")
        assert [limit.account for limit in Limit.objects.all()] == [acme] * 3

    def test_of_a_name_that_two_have_is_asked_for_by_slug(self, console: Client, acme: Account) -> None:
        Account.objects.create(slug="acme-2", name="acme")
        Account.objects.filter(pk=acme.pk).update(slug="acme-1")
        said = text_of(add(console, account="Acme", idle="1 hour"))
        assert "More than one account here is called “Acme”; write acme-1 or acme-2." in said
        assert in_force() == []

    def test_none_are_listed_however_many_there_are(
        self, console: Client, acme: Account, django_assert_num_queries: Any
    ) -> None:
        Account.objects.bulk_create([Account(slug=f"team-{n}", name=f"Team {n}") for n in range(50)])
        console.get(ADD)
        with django_assert_num_queries(4):
            assert "Team 7" not in console.get(ADD).content.decode()

    def test_the_only_one_that_one_administers_stands_there(self, ada: User, acme: Account, bolt: Account) -> None:
        assert 'name="account" value="acme"' in signed_in(ada).get(ADD).content.decode()

    def test_the_only_one_there_is_does_not_where_one_limits_all(self, console: Client, acme: Account) -> None:
        assert 'value="acme"' not in console.get(ADD).content.decode()

    def test_is_kept_when_the_limit_is_changed(self, console: Client, acme: Account, bolt: Account) -> None:
        before = set_one(idle=45, account=acme)
        assert 'name="account" value="acme"' in console.get(f"{LIMITS}{before.public_id}/").content.decode()


class RefusedInputTests:
    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({}, "A limit needs an idle time, a lifetime or a number of parallel sessions."),
            ({"idle": "soon"}, "“soon” is no length of time; write it as 15 minutes, 12 hours or 30 days."),
            ({"idle": "1 minute"}, "Choose 5 minutes at least and 90 days at most."),
            ({"lifetime": "999999 d"}, "Choose 10 minutes at least and 400 days at most."),
            ({"idle": "2 h", "lifetime": "1 h"}, "Nobody is idle for 2 hours in 1 hour: choose less, or none."),
            ({"parallel": "0"}, "Ensure this value is greater than or equal to 1."),
            ({"account": "nowhere", "idle": "1 h"}, "There is no account “nowhere” here."),
            ({"idle": "1 h", "at_limit": "explode"}, "Select a valid choice. explode is not one of the available"),
        ],
    )
    def test_says_what_to_write(self, console: Client, given: dict[str, str], sentence: str) -> None:
        response = console.post(ADD, form(confirmed="1") | given)
        assert response.status_code == 400
        assert sentence in text_of(response)
        assert in_force() == []


class EndsInTests:
    """In the list, on the session's page and under my sessions."""

    @pytest.fixture
    def near(self, console: Client, anna: User, acme: Account) -> Session:
        """A session of anna with nine and a half of its 720 minutes left."""
        set_one(idle=1_440, lifetime=720)
        session = make_session(anna, acme)
        Session.objects.filter(pk=session.pk).update(created_on=Now() - timedelta(minutes=710, seconds=30))
        return session

    def test_is_said_in_the_list_when_near(self, console: Client, near: Session) -> None:
        assert len(re.findall(r"ends in \d+ min", text_of(console.get(LIST)))) == 1

    def test_is_said_in_full_on_the_session_s_page(self, console: Client, near: Session) -> None:
        text = text_of(console.get(f"{LIST}{near.public_id}/"))
        assert "12 hours old" in text
        assert "Ends when idle" in text
        assert "idle for 1 day" in text

    def test_is_said_under_my_sessions(self, anna: User, near: Session) -> None:
        assert "ends in" in text_of(signed_in(anna).get("/my-sessions/"))

    def test_asks_nothing_more(self, console: Client, near: Session) -> None:
        """The check of the request has read the limits."""
        console.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            console.get(LIST)
        assert len([query for query in asked if 'FROM "sessions_ui_limit"' in query["sql"]]) == 1


class SignInPageTests:
    def test_says_that_the_limit_has_refused(self, anna: User) -> None:
        anna.set_password("of anna, for a test")
        anna.save()
        signed_in(anna)
        set_one(parallel=1, at_limit="refuse")
        browser = Client()
        page = browser.post("/sign-in/", {"username": "anna", "password": "of anna, for a test"}, follow=True)
        assert "Nobody was signed in: Limit of 1 parallel session" in text_of(page)
        assert "Nobody was signed in" not in text_of(browser.get("/sign-in/"))

    def test_says_that_the_oldest_had_to_end(self, anna: User) -> None:
        set_one(parallel=1)
        first = signed_in(anna)
        signed_in(anna)
        page = first.get("/my-sessions/", follow=True)
        assert "Limit of 1 parallel session: it was the oldest one when you signed in somewhere else." in text_of(page)
        assert current(signed_in(anna)).user == anna
