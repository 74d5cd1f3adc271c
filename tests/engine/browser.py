"""A browser as the engine's tests see it: a cookie jar, and the row behind the cookie."""

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http.response import HttpResponseBase
from django.test import Client

from sessions_ui.backends.db import SessionStore
from sessions_ui.backends.keys import halves
from sessions_ui.models import Session


class Browser(Client):
    """Django's test client; an exception in a view is an answer of 500, as on a server."""

    def __init__(self) -> None:
        super().__init__(raise_request_exception=False)

    @property
    def key(self) -> str:
        """The session key in the cookie, "" without one."""
        cookie = self.cookies.get(settings.SESSION_COOKIE_NAME)
        return cookie.value if cookie else ""

    @key.setter
    def key(self, key: str) -> None:
        self.cookies[settings.SESSION_COOKIE_NAME] = key

    @property
    def row(self) -> Session:
        """The row of the key in the cookie; raises Session.DoesNotExist."""
        return Session.objects.get(key_digest=halves(self.key)[0])

    @property
    def store(self) -> SessionStore:
        """A new store for the key in the cookie, as one more request would have."""
        return SessionStore(self.key)

    def sign_in(self, user: AbstractBaseUser) -> "Browser":
        """Sign in through the site's page."""
        assert self.post("/sign-in/", {"name": user.get_username()}).status_code == 200
        return self

    def who(self) -> str:
        """Return the name that the site sees, "nobody" for a visitor."""
        return self.get("/who/").content.decode()


def cookie_of(response: HttpResponseBase) -> str | None:
    """Return the session key that the answer sets, "" if it deletes the cookie, None if it leaves it alone."""
    cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
    return cookie.value if cookie else None
