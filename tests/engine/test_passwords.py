"""A new password ends sessions, but for those that go on under it, in every application (R027, R028, M11)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import HASH_SESSION_KEY, authenticate, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from pytest_django import DjangoAssertNumQueries, Settings

from sessions_ui import middleware, passwords
from sessions_ui.models import Session, SessionEvent, Termination
from sessions_ui.models.password_digests import begun_with, kept_for

from . import site
from .browser import Browser

pytestmark = pytest.mark.django_db

Serve = Callable[[site.View], None]
REPORTS = {"SESSION_APPLICATION": "reports", "SECRET_KEY": "of reports", "SESSION_COOKIE_NAME": "reports"}
RENEWED = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
OUTDATED = "django.contrib.auth.hashers.MD5PasswordHasher"


@contextmanager
def in_reports() -> Iterator[None]:
    """Be another application, with a SECRET_KEY of its own."""
    with override_settings(**REPORTS):
        yield


@pytest.fixture
def elsewhere(anna: User) -> Browser:
    """A browser in which anna is signed in to Reports."""
    with in_reports():
        return Browser().sign_in(anna)


@in_reports()
def seen_in_reports(browser: Browser) -> str:
    return browser.who()


def change(user: User, password: str, *, keeps_others: bool = False) -> None:
    passwords.change_of(user).keeps_others = keeps_others
    user.set_password(password)
    user.save()


def reasons() -> list[str]:
    return list(SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).values_list("reason", flat=True))


class EndingTests:
    def test_all_end_at_once_in_every_application(self, signed_in: Browser, elsewhere: Browser, anna: User) -> None:
        """R027: the list shows it before anybody comes back."""
        change(anna, "another")
        assert not Session.objects.exists()
        assert (signed_in.who(), seen_in_reports(elsewhere)) == ("nobody", "nobody")
        assert reasons() == ["The password was changed"] * 2

    def test_also_by_the_command(
        self, signed_in: Browser, elsewhere: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("getpass.getpass", lambda prompt: "a lighthouse of many colours")
        call_command("changepassword", "anna")
        assert not Session.objects.exists()

    def test_also_when_the_password_is_made_unusable(self, signed_in: Browser, anna: User) -> None:
        anna.set_unusable_password()
        anna.save()
        assert not Session.objects.exists()

    def test_also_when_only_the_password_is_saved(self, signed_in: Browser, anna: User) -> None:
        anna.password = make_password("another")
        anna.save(update_fields=["password"])
        assert not Session.objects.exists()

    def test_nobody_elses_end(self, signed_in: Browser, anna: User, ben: User) -> None:
        change(ben, "another")
        assert signed_in.who() == "anna"

    def test_a_save_without_another_password_ends_none_and_asks_nothing(
        self, signed_in: Browser, anna: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        anna = User.objects.get(pk=anna.pk)
        anna.first_name = "Anna"
        with django_assert_num_queries(1):
            anna.save()
        assert signed_in.who() == "anna"

    def test_a_user_that_was_loaded_without_his_password_can_be_saved(self, signed_in: Browser, anna: User) -> None:
        loaded = User.objects.defer("password").get(pk=anna.pk)
        loaded.first_name = "Anna"
        loaded.save()
        assert signed_in.who() == "anna"

    def test_a_second_change_of_the_same_object_ends_too(self, anna: User) -> None:
        change(anna, "another")
        Browser().sign_in(anna)
        change(anna, "a third")
        assert not Session.objects.exists()

    def test_past_save_it_ends_at_the_next_visit(self, signed_in: Browser, anna: User) -> None:
        User.objects.filter(pk=anna.pk).update(password=make_password("another"))
        assert Session.objects.count() == 1
        assert signed_in.who() == "nobody"


class OwnSessionTests:
    def test_goes_on_after_a_page_that_knows_nothing_of_us(
        self, signed_in: Browser, elsewhere: Browser, anna: User, serve: Serve
    ) -> None:
        """Django's own page for a change, in any application."""

        def view(request: HttpRequest) -> HttpResponse:
            data = {"old_password": "of anna", **dict.fromkeys(("new_password1", "new_password2"), "lighthouse, 12")}
            user: Any = request.user
            form = PasswordChangeForm(user, data)
            assert form.is_valid(), form.errors
            update_session_auth_hash(request, form.save())
            return HttpResponse()

        row = signed_in.row
        serve(view)
        assert signed_in.get("/view/").status_code == 200
        assert signed_in.who() == "anna"
        assert Session.objects.get().public_id == row.public_id
        assert seen_in_reports(elsewhere) == "nobody"

    def test_goes_on_after_the_next_change_elsewhere_that_keeps_it(
        self, signed_in: Browser, anna: User, serve: Serve
    ) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            user: Any = request.user
            user.set_password("another")
            user.save()
            update_session_auth_hash(request, user)
            return HttpResponse()

        serve(view)
        signed_in.get("/view/")
        change(User.objects.get(pk=anna.pk), "a third", keeps_others=True)
        assert signed_in.who() == "anna"


class KeepingTests:
    def test_all_go_on_in_every_application(self, signed_in: Browser, elsewhere: Browser, anna: User) -> None:
        rows, keys = set(Session.objects.values_list("public_id", flat=True)), (signed_in.key, elsewhere.key)
        change(anna, "another", keeps_others=True)
        for _ in range(2):
            assert (signed_in.who(), seen_in_reports(elsewhere)) == ("anna", "anna")
        assert set(Session.objects.values_list("public_id", flat=True)) == rows
        assert (signed_in.key, elsewhere.key) == keys
        assert not Termination.objects.exists()

    def test_a_kept_session_is_signed_anew(self, signed_in: Browser, anna: User) -> None:
        change(anna, "another", keeps_others=True)
        signed_in.who()
        assert signed_in.store[HASH_SESSION_KEY] == anna.get_session_auth_hash()

    def test_a_failed_save_of_that_loses_nothing(self, signed_in: Browser, anna: User, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            assert request.user.is_authenticated
            raise RuntimeError

        serve(view)
        change(anna, "another", keeps_others=True)
        assert signed_in.get("/view/").status_code == 500
        assert signed_in.who() == "anna"

    def test_kept_twice_before_it_came_back(self, elsewhere: Browser, anna: User) -> None:
        for password in ("another", "a third"):
            change(anna, password, keeps_others=True)
        assert seen_in_reports(elsewhere) == "anna"

    def test_kept_again_while_it_is_signed_anew(self, signed_in: Browser, anna: User, serve: Serve) -> None:
        """The save that carries the former hash must not undo the later mark."""

        def view(request: HttpRequest) -> HttpResponse:
            assert request.user.is_authenticated
            change(User.objects.get(pk=anna.pk), "a third", keeps_others=True)
            return HttpResponse()

        change(anna, "another", keeps_others=True)
        serve(view)
        signed_in.get("/view/")
        assert signed_in.who() == "anna"

    def test_a_change_afterwards_that_keeps_none_ends_them(self, elsewhere: Browser, anna: User) -> None:
        change(anna, "another", keeps_others=True)
        change(anna, "a third")
        assert not Session.objects.exists()
        assert seen_in_reports(elsewhere) == "nobody"

    def test_who_was_refused_already_is_not_let_in_again(self, signed_in: Browser, anna: User) -> None:
        """A reset past save() refuses the thief by the hash; a later change that keeps others must not revive him."""
        User.objects.filter(pk=anna.pk).update(password=make_password("another"))
        change(User.objects.get(pk=anna.pk), "a third", keeps_others=True)
        assert signed_in.who() == "nobody"
        assert reasons() == ["The password was changed"]

    def test_a_sign_in_that_was_under_way_is_not_let_in_by_a_later_change(self, anna: User) -> None:
        stale = User.objects.get(pk=anna.pk)
        change(anna, "another")
        late = Browser()
        late.force_login(stale)
        change(anna, "a third", keeps_others=True)
        assert late.who() == "nobody"

    def test_keeps_those_who_signed_in_since(self, signed_in: Browser, anna: User) -> None:
        User.objects.filter(pk=anna.pk).update(password=make_password("another"))
        anna = User.objects.get(pk=anna.pk)
        since = Browser().sign_in(anna)
        change(anna, "a third", keeps_others=True)
        assert (signed_in.who(), since.who()) == ("nobody", "anna")


class MarkTests:
    """The mark opens nothing by itself."""

    def test_of_another_password_does_not_help(self, signed_in: Browser, anna: User) -> None:
        User.objects.filter(pk=anna.pk).update(password=make_password("another"))
        for digest in (kept_for(anna.password), begun_with(User.objects.get(pk=anna.pk).password), b"", None):
            Session.objects.update(password_digest=digest)
            middleware.renew_if_kept(store := signed_in.store)
            assert middleware.proven_user(store) is None

    def test_does_not_help_a_disabled_user(self, signed_in: Browser, anna: User) -> None:
        change(anna, "another", keeps_others=True)
        User.objects.filter(pk=anna.pk).update(is_active=False)
        assert signed_in.who() == "nobody"

    def test_does_not_help_where_the_key_is_of_another_application(self, signed_in: Browser, anna: User) -> None:
        change(anna, "another", keeps_others=True)
        with in_reports():
            other = Browser()
            other.key = signed_in.key
            assert other.who() == "nobody"

    def test_says_nothing_where_the_user_model_has_a_hash_of_its_own(
        self, signed_in: Browser, anna: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Such a hash may hold a number that signs people out when it grows; the password says nothing of it."""
        change(anna, "another", keeps_others=True)
        monkeypatch.setattr(User, "get_session_auth_hash", lambda user: f"7 {user.password}", raising=False)
        middleware.has_djangos_hash.cache_clear()
        try:
            assert signed_in.who() == "nobody"
        finally:
            middleware.has_djangos_hash.cache_clear()

    def test_digests_of_both_kinds_differ(self) -> None:
        assert begun_with("hash") != kept_for("hash")
        assert len(kept_for("hash")) == 16


class RenewalTests:
    """M11, R028: Django renews an outdated hash at a sign-in, and that ends no session."""

    @pytest.fixture(autouse=True)
    def _hashers(self, settings: Settings, signed_in: Browser, elsewhere: Browser) -> None:
        settings.PASSWORD_HASHERS = [RENEWED, OUTDATED]

    def test_no_session_ends(self, signed_in: Browser, elsewhere: Browser, anna: User) -> None:
        assert authenticate(username="anna", password="of anna")
        assert User.objects.get(pk=anna.pk).password.startswith("pbkdf2_")
        assert (signed_in.who(), seen_in_reports(elsewhere)) == ("anna", "anna")
        assert reasons() == []

    def test_of_two_at_once_the_first_stays(self, signed_in: Browser, elsewhere: Browser, anna: User) -> None:
        first, second = (User.objects.get(pk=anna.pk) for _ in range(2))
        assert first.check_password("of anna")
        assert second.check_password("of anna")
        assert User.objects.get(pk=anna.pk).password == first.password == second.password
        assert (signed_in.who(), seen_in_reports(elsewhere)) == ("anna", "anna")

    def test_does_not_bring_the_former_password_back(self, anna: User) -> None:
        """Django alone would write the hash of the password that it has just checked over a change made meanwhile."""
        stale = User.objects.get(pk=anna.pk)
        change(anna, "another")
        stale.check_password("of anna")
        assert User.objects.get(pk=anna.pk).check_password("another")

    def test_a_change_that_is_saved_alike_is_a_change(self, anna: User) -> None:
        anna.set_password("another")
        anna.save(update_fields=["password"])
        assert not Session.objects.exists()

    def test_a_password_made_unusable_is_a_change(self, anna: User) -> None:
        anna.set_unusable_password()
        anna.save(update_fields=["password"])
        assert not Session.objects.exists()

    def test_between_applications_that_prefer_different_hashes(
        self, signed_in: Browser, elsewhere: Browser, anna: User
    ) -> None:
        for hashers in ([RENEWED, OUTDATED], [OUTDATED, RENEWED], [RENEWED, OUTDATED]):
            with override_settings(PASSWORD_HASHERS=hashers):
                assert authenticate(username="anna", password="of anna")
        assert (signed_in.who(), seen_in_reports(elsewhere)) == ("anna", "anna")
