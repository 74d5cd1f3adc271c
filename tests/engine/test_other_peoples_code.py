"""Code that was written for Django's own engines: it saves by hand, rotates, creates, sets the auth keys."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    login,
    logout,
    update_session_auth_hash,
)
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Session, SessionEvent

from . import site
from .browser import Browser, cookie_of

Serve = Callable[[site.View], None]
Kind = SessionEvent.Kind


def kinds() -> list[str]:
    return list(SessionEvent.objects.order_by("id").values_list("kind", flat=True))


def become(request: HttpRequest, user: User) -> None:
    """Set the auth keys as impersonation packages do."""
    request.session[SESSION_KEY] = str(user.pk)
    request.session[BACKEND_SESSION_KEY] = site.BACKEND
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()


@pytest.mark.django_db
class ScriptsAndTestsTests:
    """Sign-ins without address, agent or request."""

    def test_force_login(self, client: Client, anna: User) -> None:
        client.force_login(anna)
        assert client.get("/who/").content == b"anna"
        assert Session.objects.get().ip is None

    def test_client_login(self, client: Client, anna: User) -> None:
        assert client.login(username="anna", password="of anna")
        assert client.get("/who/").content == b"anna"

    def test_client_login_with_a_wrong_password(self, client: Client, anna: User) -> None:
        assert not client.login(username="anna", password="of ben")
        assert kinds() == [Kind.SIGN_IN_FAILED]

    def test_client_logout(self, client: Client, anna: User) -> None:
        client.force_login(anna)
        client.logout()
        assert not Session.objects.exists()
        assert kinds() == [Kind.SIGNED_IN, Kind.SIGNED_OUT]

    def test_client_session_of_a_visitor(self, client: Client) -> None:
        session = client.session
        session["visits"] = 6
        session.save()
        assert client.get("/visit/").content == b"7"

    def test_client_session_of_somebody(self, client: Client, anna: User) -> None:
        client.force_login(anna)
        session = client.session
        session["visits"] = 6
        session.save()
        assert client.get("/visit/").content == b"7"
        assert client.get("/who/").content == b"anna"

    def test_a_request_without_middleware(self, anna: User) -> None:
        request = RequestFactory().get("/")
        request.session = SessionStore()
        login(request, anna, site.BACKEND)
        request.session.save()
        assert Session.objects.get().user == anna


@pytest.mark.django_db(transaction=True)
class SavingByHandTests:
    def test_of_a_visitor(self, visitor: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session["visits"] = 6
            request.session.save()
            raise RuntimeError

        serve(view)
        assert visitor.get("/view/").status_code == 500
        assert visitor.get("/visit/").content == b"7"

    def test_of_a_sign_in(self, visitor: Browser, serve: Serve, anna: User) -> None:
        """The row is there, so the browser gets its key although the view failed."""

        def view(request: HttpRequest) -> HttpResponse:
            login(request, anna, site.BACKEND)
            request.session.save()
            raise RuntimeError

        serve(view)
        assert visitor.get("/view/").status_code == 500
        assert visitor.who() == "anna"
        assert kinds() == [Kind.SIGNED_IN]

    def test_twice_is_one_sign_in(self, visitor: Browser, serve: Serve, anna: User) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            login(request, anna, site.BACKEND)
            request.session.save()
            request.session.save()
            return HttpResponse()

        serve(view)
        visitor.get("/view/")
        assert visitor.who() == "anna"
        assert kinds() == [Kind.SIGNED_IN]

    def test_of_a_sign_in_before_another_rotation_that_fails(self, visitor: Browser, serve: Serve, anna: User) -> None:
        """The cookie carries the key that was committed, not one that only the failed view knew."""

        def view(request: HttpRequest) -> HttpResponse:
            login(request, anna, site.BACKEND)
            request.session.save()
            request.session.cycle_key()
            raise RuntimeError

        serve(view)
        visitor.get("/view/")
        assert visitor.who() == "anna"

    def test_before_our_receiver_is_one_sign_in(self, visitor: Browser, anna: User) -> None:
        """Recipes that allow one session per user save in user_logged_in, to learn the key."""
        keys = []

        def learn(sender: object, request: HttpRequest, **kwargs: object) -> None:
            request.session.save()
            keys.append(request.session.session_key)

        ours = user_logged_in.receivers
        user_logged_in.receivers = []
        user_logged_in.connect(learn)
        user_logged_in.receivers += ours
        try:
            visitor.sign_in(anna)
        finally:
            user_logged_in.receivers = ours
            user_logged_in.sender_receivers_cache.clear()
        assert kinds() == [Kind.SIGNED_IN]
        assert keys == [visitor.key]
        assert visitor.row.ip == "127.0.0.1"

    def test_after_a_rotation_by_a_failing_view(self, signed_in: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session.cycle_key()
            request.session.save()
            raise RuntimeError

        serve(view)
        before = signed_in.key
        assert signed_in.get("/view/").status_code == 500
        assert signed_in.key != before
        assert signed_in.who() == "anna"

    def test_in_a_transaction_that_is_rolled_back(self, signed_in: Browser, serve: Serve) -> None:
        """The browser's key is still the good one."""

        def view(request: HttpRequest) -> HttpResponse:
            with transaction.atomic():
                request.session.cycle_key()
                request.session.save()
                transaction.set_rollback(True)
            return HttpResponse()

        serve(view)
        signed_in.get("/view/")
        assert signed_in.who() == "anna"

    def test_of_a_sign_in_that_is_rolled_back(self, signed_in: Browser, serve: Serve, anna: User) -> None:
        """Nobody is signed out by that: the sign-in happens, or the session from before lives on."""

        def view(request: HttpRequest) -> HttpResponse:
            with transaction.atomic():
                login(request, anna, site.BACKEND)
                request.session.save()
                transaction.set_rollback(True)
            return HttpResponse()

        serve(view)
        assert signed_in.get("/view/").status_code == 200
        assert signed_in.who() == "anna"

    def test_of_a_user_whose_making_is_rolled_back(self, visitor: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            with transaction.atomic():
                login(request, User.objects.create_user("carl"), site.BACKEND)
                transaction.set_rollback(True)
            return HttpResponse("registration failed")

        serve(view)
        assert visitor.get("/view/").status_code < 500
        assert visitor.who() == "nobody"

    def test_create_by_hand_is_a_sign_in(self, signed_in: Browser, serve: Serve, anna: User) -> None:
        """A signed-in row without its user would be listed nowhere and covered by no termination."""

        def view(request: HttpRequest) -> HttpResponse:
            assert request.user.is_authenticated
            request.session.get("visits")
            request.session.create()
            raise RuntimeError

        serve(view)
        signed_in.get("/view/")
        assert Session.objects.get().user == anna
        assert signed_in.who() == "anna"


@pytest.mark.django_db
class AuthKeysTests:
    def test_impersonation_is_a_sign_in_of_the_other(self, signed_in: Browser, serve: Serve, ben: User) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            become(request, ben)
            return HttpResponse()

        old = signed_in.store
        serve(view)
        signed_in.get("/view/")
        assert signed_in.who() == "ben"
        assert signed_in.row.user == ben
        assert old.load() == {}
        assert kinds() == [Kind.SIGNED_IN, Kind.SIGNED_OUT, Kind.SIGNED_IN]

    def test_impersonation_by_a_visitor(self, visitor: Browser, serve: Serve, ben: User) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            become(request, ben)
            return HttpResponse()

        serve(view)
        visitor.get("/view/")
        assert visitor.row.user == ben

    def test_a_user_who_does_not_exist(self, visitor: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session[SESSION_KEY] = "4711"
            return HttpResponse()

        serve(view)
        assert visitor.get("/view/").status_code < 500
        assert visitor.who() == "nobody"

    def test_taking_the_auth_keys_out_is_a_sign_out(self, signed_in: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            del request.session[SESSION_KEY]
            request.session["visits"] = 6
            return HttpResponse()

        old = signed_in.store
        serve(view)
        signed_in.get("/view/")
        assert signed_in.get("/visit/").content == b"7"
        assert signed_in.who() == "nobody"
        assert old.load() == {}
        assert kinds() == [Kind.SIGNED_IN, Kind.SIGNED_OUT]

    def test_update_session_auth_hash(self, signed_in: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            user: Any = request.user
            user.set_password("another")
            user.save()
            update_session_auth_hash(request, user)
            return HttpResponse()

        old, row = signed_in.store, signed_in.row
        serve(view)
        signed_in.get("/view/")
        assert signed_in.who() == "anna"
        assert signed_in.row.public_id == row.public_id
        assert old.load() == {}
        assert kinds() == [Kind.SIGNED_IN]

    def test_an_empty_session_after_flush_leaves_no_key(self, signed_in: Browser, serve: Serve) -> None:
        """R019, T31."""

        def view(request: HttpRequest) -> HttpResponse:
            request.session.flush()
            return HttpResponse(str(request.session.session_key))

        serve(view)
        response = signed_in.get("/view/")
        assert response.content == b"None"
        assert cookie_of(response) == ""
        assert not Session.objects.exists()

    def test_flush_then_data_is_a_visitor(self, signed_in: Browser, serve: Serve) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            logout(request)
            request.session["visits"] = 6
            return HttpResponse()

        serve(view)
        signed_in.get("/view/")
        assert signed_in.who() == "nobody"
        assert signed_in.get("/visit/").content == b"7"

    def test_logout_of_a_visitor(self, visitor: Browser) -> None:
        visitor.get("/visit/")
        visitor.get("/sign-out/")
        assert visitor.key == ""
        assert kinds() == []

    def test_login_then_logout_in_one_view(self, visitor: Browser, serve: Serve, anna: User) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            login(request, anna, site.BACKEND)
            logout(request)
            assert isinstance(request.user, AnonymousUser)
            return HttpResponse()

        serve(view)
        assert visitor.get("/view/").status_code == 200
        assert not Session.objects.exists()

    @pytest.mark.parametrize("name", ["create", "cycle_key"])
    def test_a_visitor_with_another_key(self, visitor: Browser, serve: Serve, name: str) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            request.session["visits"] = 6
            getattr(request.session, name)()
            return HttpResponse()

        visitor.get("/visit/")
        serve(view)
        before = visitor.key
        visitor.get("/view/")
        assert visitor.key != before
        assert visitor.get("/visit/").content == b"7"
