"""Wrong passwords meet a growing delay, never a lock.

Failures are counted for each pair of person and origin. The first two cost nothing; after the
third the next password is looked at 1 second later, then 2, 4, 8, 16, and at most 30 seconds.
Attempts during a wait are refused unseen and do not lengthen it. The right password clears the count.

The origin is the client's address (of IPv6 the /64, which one machine may fill as it likes), so nobody
elsewhere is held up. Behind one address, say a proxy that is not trusted, guessing would hold up the person
himself; therefore a browser that has proved to be his before (he signed in with it, or changed or reset his
password there) has a count of its own. It shows that by a signed cookie, bound to user and password.

An attempt counts as failed before its password is looked at, in one UPDATE by the database's clock: a
thousand guesses sent at once are worth three, and none is lost.

Sources: OWASP Authentication Cheat Sheet, "Account Lockout"; OWASP, "Slow down online guessing attacks with
device cookies".
"""

import hashlib
import ipaddress
import math
import secrets
import unicodedata
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Case, DateTimeField, DurationField, ExpressionWrapper, F, When
from django.db.models.functions import Now
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare

from .client import client_address
from .models.delays import SignInDelay

# Seconds to wait after the first failure, the second, ...; LONGEST after all further ones.
WAITS = [0, 0, 1, 2, 4, 8, 16]
LONGEST = 30
KEPT = timedelta(days=1)
REMOVED_AT_ONCE = 100

KNOWN_FOR = timedelta(days=365)
SALT = "sessions_ui.known_browser"

AFTER_ONE_MORE = Case(
    *[When(failures=already, then=Now() + timedelta(seconds=seconds)) for already, seconds in enumerate(WAITS)],
    default=Now() + timedelta(seconds=LONGEST),
    output_field=DateTimeField(),
)


def person_and_origin(request: HttpRequest, name: str) -> str:
    """Return under what the attempts of this request to sign in as this person are counted."""
    person = _folded(name)
    origin = _known_browser(request, person) or _network(client_address(request))
    return hashlib.sha256(f"{origin}\n{person}".encode(errors="surrogatepass")).hexdigest()


def mails_to(address: str) -> str:
    """Return under what the mails to this address are counted that let somebody choose a new password.

    Wherever they are asked for: who gets too many is the same.
    """
    return hashlib.sha256(f"mail\n{_folded(address)}".encode(errors="surrogatepass")).hexdigest()


def begin_attempt(whose: str) -> int:
    """Count an attempt as failed and return 0, or return the seconds for which no password is looked at.

    clear() afterwards if the password was right.
    """
    while True:
        ready = SignInDelay.objects.filter(person_and_origin=whose, wait_until__lte=Now())
        if ready.update(failures=F("failures") + 1, wait_until=AFTER_ONE_MORE):
            return 0
        if seconds := _seconds_left(whose):
            return seconds
        try:
            with transaction.atomic():
                SignInDelay.objects.create(person_and_origin=whose, failures=1, wait_until=Now())
        except IntegrityError:
            # A parallel attempt has made the row, or the wait ended between the two looks at it.
            continue
        _remove_old()
        return 0


def clear(whose: str) -> None:
    """Forget the failures, because the password was right."""
    SignInDelay.objects.filter(person_and_origin=whose).delete()


def remember_browser(response: HttpResponseBase, user: AbstractBaseUser) -> None:
    """Let the browser show from now on that it has proved to be this user's."""
    known = {"user": str(user.pk), "nonce": secrets.token_urlsafe(16), "password": password_mark(user)}
    response.set_cookie(
        cookie_name(),
        signing.dumps(known, salt=SALT),
        max_age=KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def cookie_name() -> str:
    """Return the cookie's name, each application its own, as browsers share cookies between ports."""
    return f"{settings.SESSION_COOKIE_NAME}-known"


def password_mark(user: AbstractBaseUser) -> str:
    """Return what tells the user's present password from earlier ones, and nothing about it."""
    return user.get_session_auth_hash()[:16]


def _known_browser(request: HttpRequest, person: str) -> str:
    """Return the nonce of a browser that is known to be this person's, else ""."""
    try:
        known = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=KNOWN_FOR)
    except signing.BadSignature:
        return ""
    # The cookie's user is loaded, not the one typed: the time it takes tells nothing about names.
    user = get_user_model()._default_manager.filter(pk=known["user"]).first()
    if user is None or _folded(user.get_username()) != person:
        return ""
    return str(known["nonce"]) if constant_time_compare(known["password"], password_mark(user)) else ""


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _network(address: str) -> str:
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if ":" in address else address


def _seconds_left(whose: str) -> int:
    waiting = SignInDelay.objects.filter(person_and_origin=whose, wait_until__gt=Now())
    left = ExpressionWrapper(F("wait_until") - Now(), DurationField())
    found = waiting.annotate(left=left).values_list("left", flat=True).first()
    return math.ceil(found.total_seconds()) if found else 0


def _remove_old() -> None:
    old = SignInDelay.objects.filter(wait_until__lt=Now() - KEPT).order_by("wait_until")
    SignInDelay.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:REMOVED_AT_ONCE])).delete()
