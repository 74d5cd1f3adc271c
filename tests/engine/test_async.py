"""The same under async views: the engine has one way, and async goes it in a thread."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import SESSION_KEY, alogin, alogout, aupdate_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient
from django.urls import path
from pytest_django import Settings

from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Session, SessionEvent

from . import site
from .database import Database
from .endings import begun, terminate

AsyncView = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]


async def who(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(user.get_username() or "nobody")


async def visit(request: HttpRequest) -> HttpResponse:
    visits = await request.session.aget("visits", 0) + 1
    await request.session.aset("visits", visits)
    return HttpResponse(str(visits))


async def sign_in(request: HttpRequest) -> HttpResponse:
    await alogin(request, await User.objects.aget(username="anna"), site.BACKEND)
    return HttpResponse()


async def sign_out(request: HttpRequest) -> HttpResponse:
    await alogout(request)
    return HttpResponse()


async def change_password(request: HttpRequest) -> HttpResponse:
    user: Any = await request.auser()
    user.set_password("another")
    await user.asave()
    await aupdate_session_auth_hash(request, user)
    return HttpResponse()


class Asker:
    """Asks async views, through the whole stack of middleware."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client = AsyncClient(raise_request_exception=False)

    def __call__(self, view: AsyncView) -> Any:
        self.settings.ROOT_URLCONF = (path("view/", view), *site.urlpatterns)
        return async_to_sync(self.client.get)("/view/")

    @property
    def key(self) -> str:
        return self.client.cookies[self.settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def ask(settings: Settings) -> Asker:
    return Asker(settings)


@pytest.fixture
def signed_in(ask: Asker, anna: User) -> Asker:
    ask(sign_in)
    return ask


@pytest.mark.django_db(transaction=True)
class ViewTests:
    def test_a_visitor(self, ask: Asker) -> None:
        assert [ask(visit).content for _ in range(3)] == [b"1", b"2", b"3"]
        assert ask(who).content == b"nobody"

    def test_signs_in(self, signed_in: Asker) -> None:
        assert signed_in(who).content == b"anna"
        assert Session.objects.get().ip == "127.0.0.1"

    def test_signs_in_again(self, signed_in: Asker) -> None:
        key = signed_in.key
        signed_in(sign_in)
        assert signed_in.key != key
        assert signed_in(who).content == b"anna"
        assert Session.objects.count() == 1

    def test_signs_out(self, signed_in: Asker) -> None:
        signed_in(sign_out)
        assert signed_in(who).content == b"nobody"
        assert not Session.objects.exists()

    def test_changes_the_password(self, signed_in: Asker) -> None:
        row, key = Session.objects.get(), signed_in.key
        assert signed_in(change_password).status_code == 200
        assert signed_in(who).content == b"anna"
        assert signed_in.key != key
        assert Session.objects.get().public_id == row.public_id

    @pytest.mark.parametrize("end", [begun, terminate])
    def test_is_refused_after_a_termination(self, signed_in: Asker, end: Callable[[], object]) -> None:
        end()
        assert signed_in(who).content == b"nobody"
        assert signed_in.key == ""

    def test_that_saves_too_late_leads_to_the_sign_in_page(self, signed_in: Asker) -> None:
        async def view(request: HttpRequest) -> HttpResponse:
            await visit(request)
            await sync_to_async(begun)()
            return HttpResponse()

        response = signed_in(view)
        assert response["Location"].startswith("/sign-in/")
        assert signed_in.key == ""

    def test_in_an_outage_is_a_503(self, signed_in: Asker, database: Database) -> None:
        key = signed_in.key
        database.lose()
        assert signed_in(who).status_code == 503
        database.restore()
        assert signed_in.key == key
        assert signed_in(who).content == b"anna"

    def test_of_a_disabled_user(self, signed_in: Asker) -> None:
        User.objects.update(is_active=False)
        assert signed_in(who).content == b"nobody"


@pytest.mark.django_db(transaction=True)
class StoreTests:
    def test_late_save_raises(self, signed_in: Asker) -> None:
        """R016."""
        store = SessionStore(signed_in.key)
        async_to_sync(store.aset)("visits", 1)
        begun()
        with pytest.raises(UpdateError):
            async_to_sync(store.asave)()

    def test_rotates(self, signed_in: Asker) -> None:
        async def rotate() -> SessionStore:
            store = SessionStore(signed_in.key)
            await store.acycle_key()
            await store.asave()
            return store

        key = async_to_sync(rotate)().session_key
        assert SESSION_KEY in SessionStore(key)
        assert SESSION_KEY not in SessionStore(signed_in.key)

    def test_flushes(self, signed_in: Asker) -> None:
        store = SessionStore(signed_in.key)
        async_to_sync(store.aflush)()
        assert store.session_key is None
        assert SessionEvent.objects.filter(kind=SessionEvent.Kind.SIGNED_OUT).count() == 1

    def test_exists(self, signed_in: Asker) -> None:
        exists = async_to_sync(SessionStore().aexists)
        assert exists(signed_in.key)
        assert not exists("a" * 32)
