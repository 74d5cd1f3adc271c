"""The fast path proves, the slow path decides: nobody is signed in whom Django would not have found."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import auth
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User, UserManager
from django.db import models
from django.http import HttpRequest, HttpResponse
from pytest_django import DjangoAssertNumQueries, Settings

from sessions_ui.middleware import proven_user
from sessions_ui.models import Session, SessionEvent

from . import site
from .browser import Browser, cookie_of

Serve = Callable[[site.View], None]
REMOTE = "django.contrib.auth.backends.RemoteUserBackend"


class NobodyBackend(ModelBackend):
    """Loads users in its own way: none of them."""

    def get_user(self, user_id: Any) -> None:
        return None


class RefusingBackend(ModelBackend):
    """Loads users as Django does, and lets none of them in."""

    def user_can_authenticate(self, user: Any) -> bool:
        return False


class OwnUserBackend(ModelBackend):
    """Loads users in its own way, as a subclass of the usual one."""

    def get_user(self, user_id: Any) -> Any:
        user = super().get_user(user_id)
        if user:
            user.username = f"own {user.username}"
        return user


class NoAnnaManager(UserManager[User]):
    """A manager that leaves somebody out, as those of tenants and soft deletion do."""

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().exclude(username="anna")


class NoAnnaQuerySet(models.QuerySet[User]):
    def get(self, *args: Any, **kwargs: Any) -> User:
        return super(NoAnnaQuerySet, self.exclude(username="anna")).get(*args, **kwargs)


def signed_in_by(browser: Browser, user: User, backend: str) -> Browser:
    browser.force_login(user, backend)
    return browser


@pytest.mark.django_db
class FastPathTests:
    def test_takes_no_second_statement(
        self, signed_in: Browser, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        signed_in.who()  # the first check of a process compiles its statement
        with django_assert_num_queries(1):
            assert signed_in.who() == "anna"

    def test_gives_a_whole_user(self, signed_in: Browser, serve: Serve, anna: User) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            user: Any = request.user
            assert (user, user.email, user.password) == (anna, anna.email, anna.password)
            assert not user._state.adding
            user.first_name = "Anna"
            user.save()
            return HttpResponse()

        serve(view)
        assert signed_in.get("/view/").status_code == 200
        anna.refresh_from_db()
        assert anna.first_name == "Anna"

    def test_sees_what_was_changed_since(self, signed_in: Browser, anna: User) -> None:
        User.objects.update(username="renamed")
        assert signed_in.who() == "renamed"


@pytest.mark.django_db
class SlowPathTests:
    @pytest.mark.parametrize(
        ("backend", "seen"), [(NobodyBackend, "nobody"), (RefusingBackend, "nobody"), (OwnUserBackend, "own anna")]
    )
    def test_decides_for_a_backend_of_its_own_kind(
        self, visitor: Browser, anna: User, settings: Settings, backend: type[ModelBackend], seen: str
    ) -> None:
        path = f"{__name__}.{backend.__name__}"
        settings.AUTHENTICATION_BACKENDS = [path]
        assert signed_in_by(visitor, anna, path).who() == seen

    def test_decides_for_a_backend_that_is_no_longer_configured(self, signed_in: Browser, settings: Settings) -> None:
        settings.AUTHENTICATION_BACKENDS = [REMOTE]
        assert signed_in.who() == "nobody"

    @pytest.mark.parametrize("manager", [NoAnnaManager, UserManager.from_queryset(NoAnnaQuerySet)])
    def test_decides_where_the_manager_leaves_users_out(
        self, signed_in: Browser, monkeypatch: pytest.MonkeyPatch, manager: type[UserManager[User]]
    ) -> None:
        replacement = manager()
        replacement.model, replacement.name = User, "objects"
        monkeypatch.setitem(User._meta.__dict__, "default_manager", replacement)
        assert User._default_manager is replacement
        assert signed_in.who() == "nobody"

    def test_decides_for_a_session_of_another_engine(self, anna: User) -> None:
        assert proven_user({auth.SESSION_KEY: str(anna.pk)}) is None

    def test_the_row_of_an_inactive_user_is_ended(self, signed_in: Browser) -> None:
        User.objects.update(is_active=False)
        assert signed_in.who() == "nobody"


@pytest.mark.django_db
class PasswordTests:
    def test_changed_elsewhere_signs_out(self, signed_in: Browser, anna: User) -> None:
        anna.set_password("another")
        anna.save()
        response = signed_in.get("/who/")
        assert response.content == b"nobody"
        assert cookie_of(response) == ""
        assert not Session.objects.exists()
        assert SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).count() == 1

    def test_hash_that_was_made_up_does_not_help(self, signed_in: Browser) -> None:
        store = signed_in.store
        store[auth.HASH_SESSION_KEY] = "made up"
        store.save()
        assert signed_in.who() == "nobody"

    def test_hash_that_is_missing_does_not_help(self, signed_in: Browser) -> None:
        store = signed_in.store
        del store[auth.HASH_SESSION_KEY]
        store.save()
        assert signed_in.who() == "nobody"


@pytest.mark.django_db
class SecretKeyTests:
    """F38."""

    @pytest.fixture(autouse=True)
    def _changed(self, signed_in: Browser, settings: Settings) -> None:
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the new one"

    def test_with_the_old_one_as_fallback_keeps_people_signed_in(self, signed_in: Browser) -> None:
        assert signed_in.who() == "anna"

    def test_the_session_is_signed_anew_and_keeps_its_key(self, signed_in: Browser, settings: Settings) -> None:
        key, row = signed_in.key, signed_in.row
        assert cookie_of(signed_in.get("/who/")) == key
        settings.SECRET_KEY_FALLBACKS = []
        assert signed_in.who() == "anna"
        assert signed_in.row == row

    def test_two_parallel_requests_sign_nobody_out(self, signed_in: Browser, serve: Serve) -> None:
        other = Browser()
        other.key = signed_in.key

        def view(request: HttpRequest) -> HttpResponse:
            request.session.get("visits")
            other.who()
            return site.who(request)

        serve(view)
        response = signed_in.get("/view/")
        assert response.content == b"anna"
        assert (signed_in.who(), other.who()) == ("anna", "anna")

    def test_without_a_fallback_everybody_signs_in_again(self, signed_in: Browser, settings: Settings) -> None:
        settings.SECRET_KEY_FALLBACKS = []
        assert signed_in.who() == "nobody"


@pytest.mark.django_db
class RemoteUserTests:
    @pytest.fixture
    def remote(self, settings: Settings) -> Callable[[str], Browser]:
        """Return a browser behind a server that signs people in."""

        def behind(middleware: str) -> Browser:
            settings.AUTHENTICATION_BACKENDS = [REMOTE]
            ours = "sessions_ui.middleware.AuthenticationMiddleware"
            place = settings.MIDDLEWARE.index(ours) + 1
            settings.MIDDLEWARE = [
                *settings.MIDDLEWARE[:place],
                f"django.contrib.auth.middleware.{middleware}",
                *settings.MIDDLEWARE[place:],
            ]
            return Browser()

        return behind

    def test_signs_in_once(self, remote: Callable[[str], Browser]) -> None:
        browser = remote("RemoteUserMiddleware")
        for _ in range(3):
            assert browser.get("/who/", REMOTE_USER="carl").content == b"carl"
        assert Session.objects.get().user == User.objects.get(username="carl")

    def test_without_the_header_is_signed_out(self, remote: Callable[[str], Browser]) -> None:
        browser = remote("RemoteUserMiddleware")
        browser.get("/who/", REMOTE_USER="carl")
        assert browser.who() == "nobody"
        assert not Session.objects.exists()

    def test_another_name_is_another_session(self, remote: Callable[[str], Browser]) -> None:
        """CVE-2014-0482."""
        browser = remote("RemoteUserMiddleware")
        browser.get("/visit/", REMOTE_USER="carl")
        assert browser.get("/visit/", REMOTE_USER="dora").content == b"1"
        assert Session.objects.get().user == User.objects.get(username="dora")

    def test_persists_where_it_is_told_to(self, remote: Callable[[str], Browser]) -> None:
        browser = remote("PersistentRemoteUserMiddleware")
        browser.get("/who/", REMOTE_USER="carl")
        assert browser.who() == "carl"
