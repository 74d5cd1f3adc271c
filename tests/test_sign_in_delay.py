"""Wrong passwords meet a growing delay, never a lock."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.contrib.auth.models import User
from django.core import signing
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from django.http import HttpResponse
from django.test import Client, RequestFactory, TestCase, TransactionTestCase
from django.urls import reverse

from sessions_ui import sign_in_delay
from sessions_ui.models import Session
from sessions_ui.models.delays import SignInDelay
from sessions_ui.sign_in_delay import begin_attempt, clear, cookie_name, person_and_origin

PASSWORD = "correct horse battery staple"


def let_waits_end() -> None:
    SignInDelay.objects.update(wait_until=F("wait_until") - timedelta(hours=1))


def fail_often(whose: str) -> None:
    """Bring about the longest wait, which no test lasts."""
    begin_attempt(whose)
    SignInDelay.objects.filter(person_and_origin=whose).update(failures=20)
    begin_attempt(whose)


def attempt(client: Client, password: str, name: str = "anna") -> int:
    return client.post(reverse("sign-in"), {"username": name, "password": password}).status_code


def guess_until_refused(client: Client, name: str = "anna") -> None:
    assert [attempt(client, "a guess", name) for _ in range(2)] == [200, 200]
    SignInDelay.objects.filter(failures=2).update(failures=20)
    assert [attempt(client, "a guess", name) for _ in range(2)] == [200, 429]


class WaitTests(TestCase):
    def test_the_wait_doubles_after_the_third_failure_up_to_thirty_seconds(self) -> None:
        rows = [SignInDelay(person_and_origin=str(n), failures=n, wait_until=Now()) for n in range(10)]
        SignInDelay.objects.bulk_create(rows)
        wait = ExpressionWrapper(sign_in_delay.AFTER_ONE_MORE - Now(), DurationField())
        waits = SignInDelay.objects.order_by("failures").annotate(wait=wait).values_list("wait", flat=True)
        assert [wait.total_seconds() for wait in waits] == [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]

    def test_the_first_three_failures_are_counted_without_a_wait_before_them(self) -> None:
        assert [begin_attempt("anna") for _ in range(3)] == [0, 0, 0]
        assert SignInDelay.objects.get().failures == 3

    def test_an_attempt_during_a_wait_does_not_lengthen_it(self) -> None:
        fail_often("anna")
        before = SignInDelay.objects.values_list("failures", "wait_until").get()
        assert begin_attempt("anna") > 0
        assert SignInDelay.objects.values_list("failures", "wait_until").get() == before

    def test_the_wait_ends(self) -> None:
        fail_often("anna")
        let_waits_end()
        assert begin_attempt("anna") == 0

    def test_clearing_starts_anew(self) -> None:
        fail_often("anna")
        clear("anna")
        assert begin_attempt("anna") == 0
        assert SignInDelay.objects.get().failures == 1

    def test_one_persons_failures_hold_up_nobody_else(self) -> None:
        fail_often("anna")
        assert begin_attempt("ben") == 0

    def test_failures_of_yesterday_are_removed_in_passing_and_fresh_ones_kept(self) -> None:
        for name in ("yesterday", "fresh"):
            begin_attempt(name)
        SignInDelay.objects.filter(person_and_origin="yesterday").update(wait_until=Now() - timedelta(hours=25))
        begin_attempt("anna")
        kept = SignInDelay.objects.order_by("id").values_list("person_and_origin", flat=True)
        assert list(kept) == ["fresh", "anna"]

    def test_no_more_than_a_batch_is_removed_at_once(self) -> None:
        long_ago = Now() - timedelta(days=30)
        rows = [SignInDelay(person_and_origin=str(n), failures=1, wait_until=long_ago) for n in range(150)]
        SignInDelay.objects.bulk_create(rows)
        begin_attempt("anna")
        assert SignInDelay.objects.count() == 150 - sign_in_delay.REMOVED_AT_ONCE + 1


def begin_at_once(attempts: int) -> list[int]:
    def begin(_: int) -> int:
        try:
            return begin_attempt("anna")
        finally:
            connection.close()

    with ThreadPoolExecutor(attempts) as pool:
        return list(pool.map(begin, range(attempts)))


class ParallelTests(TransactionTestCase):
    def test_no_failure_is_lost(self) -> None:
        assert begin_at_once(3) == [0, 0, 0]
        assert SignInDelay.objects.get().failures == 3

    def test_of_guesses_sent_at_once_only_one_is_looked_at(self) -> None:
        """R-071: a burst gets no further than one guess after the other."""
        fail_often("anna")
        let_waits_end()
        assert begin_at_once(12).count(0) == 1
        assert SignInDelay.objects.get().failures == 22


class OriginTests(TestCase):
    def whose(self, name: str = "anna", address: str = "203.0.113.7") -> str:
        return person_and_origin(RequestFactory(REMOTE_ADDR=address).get("/"), name)

    def test_spellings_of_a_name_count_as_one_person(self) -> None:
        for spelling in ("ANNA", " anna ", "\uff41nna"):
            assert self.whose(spelling) == self.whose("anna"), spelling

    def test_each_address_counts_for_itself(self) -> None:
        assert self.whose(address="203.0.113.7") != self.whose(address="203.0.113.8")

    def test_the_addresses_of_one_ipv6_network_count_as_one(self) -> None:
        assert self.whose(address="2001:db8::1") == self.whose(address="2001:db8::ffff:2")
        assert self.whose(address="2001:db8::1") != self.whose(address="2001:db8:0:1::1")

    def test_neither_name_nor_address_is_stored(self) -> None:
        assert re.search(r"\A[0-9a-f]{64}\Z", self.whose())


class KnownBrowserTests(TestCase):
    anna: User
    ben: User

    @classmethod
    def setUpTestData(cls) -> None:
        cls.anna = User.objects.create_user("anna", password=PASSWORD)
        cls.ben = User.objects.create_user("ben", password=PASSWORD)

    def whose(self, user: User, name: str) -> str:
        response = HttpResponse()
        sign_in_delay.remember_browser(response, user)
        request = RequestFactory().get("/")
        request.COOKIES[cookie_name()] = response.cookies[cookie_name()].value
        return person_and_origin(request, name)

    def stranger(self, name: str = "anna") -> str:
        return person_and_origin(RequestFactory().get("/"), name)

    def test_a_known_browser_counts_for_itself(self) -> None:
        assert self.whose(self.anna, "anna") != self.stranger()
        assert self.whose(self.anna, "anna") != self.whose(self.anna, "anna")

    def test_it_is_known_for_nobody_else(self) -> None:
        assert self.whose(self.ben, "anna") == self.stranger()

    def test_it_is_not_known_any_more_under_a_new_password(self) -> None:
        before = User.objects.get(pk=self.anna.pk)
        self.anna.set_password("another one entirely")
        self.anna.save()
        assert self.whose(before, "anna") == self.stranger()

    def test_a_forged_or_foreign_cookie_is_nobodys(self) -> None:
        known = {"user": str(self.anna.pk), "nonce": "x", "password": sign_in_delay.password_mark(self.anna)}
        for cookie in ("", "x", "a:b:c", signing.dumps(known), signing.dumps(known, key="another", salt="s")):
            request = RequestFactory().get("/")
            request.COOKIES[cookie_name()] = cookie
            assert person_and_origin(request, "anna") == self.stranger(), cookie

    def test_the_cookie_is_kept_from_scripts_and_other_sites(self) -> None:
        response = HttpResponse()
        sign_in_delay.remember_browser(response, self.anna)
        cookie = response.cookies[cookie_name()]
        assert cookie["httponly"]
        assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")


class TwoClientsBehindOneProxyTests(TestCase):
    """Both have the same address; the proxy is not trusted, so its word on them does not count."""

    @classmethod
    def setUpTestData(cls) -> None:
        for name in ("anna", "ben"):
            User.objects.create_user(name, password=PASSWORD)

    def setUp(self) -> None:
        self.guesser, self.anna = Client(), Client()

    def test_during_a_wait_even_the_right_password_is_not_looked_at(self) -> None:
        """R-071"""
        guess_until_refused(self.guesser)
        assert attempt(self.guesser, PASSWORD) == 429
        assert not Session.objects.filter(user__username="anna").exists()

    def test_the_answer_says_when_to_try_again(self) -> None:
        guess_until_refused(self.guesser)
        answer = self.guesser.post(reverse("sign-in"), {"username": "anna", "password": "a guess", "next": "/x/"})
        self.assertContains(answer, f"Try again in {answer['Retry-After']} seconds.", status_code=429)
        self.assertContains(answer, f"{reverse('sign-in')}?next=%2Fx%2F", status_code=429)

    def test_the_person_gets_in_from_a_browser_of_his_while_somebody_guesses(self) -> None:
        assert attempt(self.anna, PASSWORD) == 302
        self.anna.post(reverse("sign-out"))
        guess_until_refused(self.guesser)
        assert attempt(self.anna, PASSWORD) == 302
        assert attempt(self.guesser, "a guess") == 429

    def test_a_browser_never_seen_before_gets_in_after_the_wait(self) -> None:
        guess_until_refused(self.guesser)
        assert attempt(self.anna, PASSWORD) == 429
        let_waits_end()
        assert attempt(self.anna, PASSWORD) == 302

    def test_somebody_else_gets_in_at_once(self) -> None:
        guess_until_refused(self.guesser)
        assert attempt(self.anna, PASSWORD, "ben") == 302

    def test_a_name_that_nobody_has_meets_the_same_delay(self) -> None:
        guess_until_refused(self.guesser, "nobody")

    def test_a_known_browser_that_guesses_is_delayed_too(self) -> None:
        attempt(self.anna, PASSWORD)
        self.anna.post(reverse("sign-out"))
        guess_until_refused(self.anna)
