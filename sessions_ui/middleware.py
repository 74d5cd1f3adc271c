"""The middleware of the engine."""

from __future__ import annotations

import logging
import weakref
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.db import DatabaseError, InterfaceError
from django.db.models import Manager, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.crypto import constant_time_compare
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject
from django.utils.http import http_date, url_has_allowed_host_and_scheme
from django.utils.timezone import now

from . import ended_notice, passwords, services
from .backends.db import Fate, SessionStore
from .models.password_digests import kept_for
from .models.scopes import UnreadableScope
from .origin import Origin
from .outage import unavailable_response
from .parallel import TooManySessions

logger = logging.getLogger(__name__)


class SessionMiddleware(DjangoSessionMiddleware):
    """Give the request its session, save it, and turn what befell it into an answer."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if isinstance(request.session, SessionStore):
            # So that a sign-in knows where it comes from, whoever made it.
            request.session.request = weakref.ref(request)
            request.refused_sign_in = SimpleLazyObject(partial(ended_notice.take_refusal, weakref.proxy(request)))  # type: ignore[attr-defined]
            request.ended_session = SimpleLazyObject(partial(ended_notice.take, weakref.proxy(request)))  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = getattr(request, "session", None)
        if not isinstance(session, SessionStore):
            return response
        saved = self._save(session, response)
        if session.fate is Fate.OUTAGE:
            return unavailable_response()
        if session.fate is Fate.ENDED:
            response = to_sign_in(request)
        if session.refusal is not None:
            return self._without_detour(request, refuse_sign_in(request, session.refusal))
        if session.accessed:
            patch_vary_headers(response, ("Cookie",))
        ended_notice.use_up(request, response)
        if session.fate is Fate.ENDED or (settings.SESSION_COOKIE_NAME in request.COOKIES and session.is_empty()):
            self._delete_cookie(response)
            tell_that_it_ended(request, session, response)
            return self._without_detour(request, response)
        key = session.session_key if saved else session.committed_key
        if key and session.fate is not Fate.SUPERSEDED:
            self._set_cookie(session, key, response)
        return response

    def _save(self, session: SessionStore, response: HttpResponse) -> bool:
        due = session.modified or settings.SESSION_SAVE_EVERY_REQUEST
        if session.fate or not due or session.is_empty() or response.status_code >= 500:
            return False
        try:
            session.save()
        except (UpdateError, DatabaseError, InterfaceError, UnreadableScope):
            # The store has noted its fate; without one the error is not about the session.
            if session.fate is None:
                raise
            logger.warning("The session could not be saved: %s", session.fate.name.lower())
        return True

    def _set_cookie(self, session: SessionStore, key: str, response: HttpResponse) -> None:
        max_age = None if session.get_expire_at_browser_close() else session.get_expiry_age()
        response.set_cookie(
            settings.SESSION_COOKIE_NAME,
            key,
            max_age=max_age,
            expires=None if max_age is None else http_date(now().timestamp() + max_age),
            domain=settings.SESSION_COOKIE_DOMAIN,
            path=settings.SESSION_COOKIE_PATH,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=settings.SESSION_COOKIE_HTTPONLY,
            samesite=settings.SESSION_COOKIE_SAMESITE,  # type: ignore[arg-type]
        )

    def _delete_cookie(self, response: HttpResponse) -> None:
        response.delete_cookie(
            settings.SESSION_COOKIE_NAME,
            path=settings.SESSION_COOKIE_PATH,
            domain=settings.SESSION_COOKIE_DOMAIN,
            samesite=settings.SESSION_COOKIE_SAMESITE,  # type: ignore[arg-type]
        )
        patch_vary_headers(response, ("Cookie",))

    def _without_detour(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Send htmx to the sign-in page itself: it would follow a redirect and swap the page into the fragment."""
        if "HX-Request" not in request.headers:
            return response
        if not response.get("Location", "").startswith(resolve_url(settings.LOGIN_URL)):
            return response
        # The address of a fragment is no page to come back to.
        back = "" if request.method != "GET" else shown_page(request)
        location = redirect_to_login(back)["Location"] if back else response["Location"]
        answer = HttpResponse(status=401, headers={"HX-Redirect": location})
        answer.cookies = response.cookies
        patch_vary_headers(answer, ("Cookie",))
        return answer


def tell_that_it_ended(request: HttpRequest, session: SessionStore, response: HttpResponse) -> None:
    """Note the first refusal of a terminated session, and have the sign-in page say that it was ended."""
    if session.refused_halves is None:
        return
    try:
        if refused := services.record_refused(session.refused_halves, request):
            ended_notice.carry(response, refused)
    except (DatabaseError, InterfaceError, UnreadableScope):
        # It is refused already; only the note of it is missing.
        logger.warning("The refusal of an ended session could not be noted.", exc_info=True)


def refuse_sign_in(request: HttpRequest, refusal: TooManySessions) -> HttpResponse:
    """Send back to the sign-in page, which says why; whatever the view has answered, nobody was signed in."""
    response = redirect_to_login("")
    try:
        ended_notice.carry(response, services.record_failed_sign_in(request, refusal.username, str(refusal)))
    except (DatabaseError, InterfaceError):
        logger.warning("The refusal of a sign-in could not be noted.", exc_info=True)
    return response


def shown_page(request: HttpRequest) -> str:
    """Return the page of ours into which htmx was to put the answer, or nothing where it does not say."""
    url = request.headers.get("HX-Current-URL", "")
    parts = urlsplit(url) if url_has_allowed_host_and_scheme(url, {request.get_host()}) else None
    return urlunsplit(parts._replace(scheme="", netloc="", fragment="")) if parts else ""


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page, and from there back to the page that was asked for."""
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "")


class AuthenticationMiddleware(DjangoAuthenticationMiddleware):
    """Give the request its user: the one that came with the row once he is proven, else the one Django finds."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(partial(get_user, request))  # type: ignore[assignment]
        request.auser = partial(sync_to_async(get_user), request)  # type: ignore[assignment]


def get_user(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    """Return the user of the request, found once."""
    if not hasattr(request, "_cached_user"):
        renew_if_kept(request.session)
        request._cached_user = proven_user(request.session) or auth.get_user(request)  # type: ignore[attr-defined]
        # Who changes his own password with this object, as Django's page does, stays signed in here.
        passwords.change_of(request._cached_user).spared = getattr(request.session, "row_id", None)  # type: ignore[attr-defined]
    user: AbstractBaseUser | AnonymousUser = request._cached_user  # type: ignore[attr-defined]
    return user


def renew_if_kept(session: Any) -> None:
    """Sign the session anew for its user's present password, if the row was kept for exactly that one.

    A user model with a session hash of its own may refuse for other reasons than the
    password; of those a row knows nothing, so Django decides.
    """
    if not isinstance(session, SessionStore) or auth.SESSION_KEY not in session:
        return
    user = session.loaded_user
    if user is None or session.password_digest != kept_for(user.password) or not has_djangos_hash(type(user)):
        return
    if not constant_time_compare(session.get(auth.HASH_SESSION_KEY) or "", present := user.get_session_auth_hash()):
        session[auth.HASH_SESSION_KEY] = present


@cache
def has_djangos_hash(model: type[AbstractBaseUser]) -> bool:
    """Return whether the session hash of these users is Django's own, an HMAC of the password."""
    names = ("get_session_auth_hash", "_get_session_auth_hash")
    return all(getattr(model, name) is getattr(AbstractBaseUser, name) for name in names)


def proven_user(session: Any) -> AbstractBaseUser | None:
    """Return the user that came with the session's row, if Django would have found the same one.

    That is so when the session's backend is configured and loads users as
    ModelBackend does, the user may authenticate, and the session was made with his
    present password. None means: ask Django.
    """
    if not isinstance(session, SessionStore) or auth.SESSION_KEY not in session:
        return None
    user, path = session.loaded_user, session.get(auth.BACKEND_SESSION_KEY, "")
    if user is None or path not in settings.AUTHENTICATION_BACKENDS:
        return None
    if user._meta.pk.to_python(session[auth.SESSION_KEY]) != user.pk:
        return None
    backend = auth.load_backend(path)
    if not isinstance(backend, ModelBackend) or type(backend).get_user is not ModelBackend.get_user:
        return None
    if not backend.user_can_authenticate(user):  # type: ignore[arg-type]
        return None
    if not finds_everybody(type(user)._default_manager):
        return None
    made_with, present = session.get(auth.HASH_SESSION_KEY) or "", user.get_session_auth_hash()
    if constant_time_compare(made_with, present):
        return user
    if not any(constant_time_compare(made_with, former) for former in user.get_session_auth_fallback_hash()):
        return None
    # Django changes the key as well when SECRET_KEY has changed. A second request that was under way
    # with the old one would then delete the browser's cookie: a sign-out that nobody asked for.
    session[auth.HASH_SESSION_KEY] = present
    return user


@cache
def finds_everybody(manager: Any) -> bool:
    """Return whether the manager, by which ModelBackend loads users, is Django's own and so leaves nobody out."""
    kind = type(manager)
    own = kind.get_queryset is Manager.get_queryset and kind.get is Manager.get
    return own and type(manager.get_queryset()) is QuerySet


class ActivityMiddleware(MiddlewareMixin):
    """Note the last activity of the session that the request used, once a minute at most."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = getattr(request, "session", None)
        if isinstance(session, SessionStore) and session.touch_due:
            try:
                session.touch(Origin.of(request))
            except (DatabaseError, InterfaceError):
                # The answer is ready; only "last active" stays behind.
                logger.warning("The last activity could not be noted.", exc_info=True)
        return response
