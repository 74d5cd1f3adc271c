"""What happens to sessions, one function each; every door calls these."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, TypedDict, Unpack

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, router, transaction
from django.db.models import SlugField
from django.http import HttpRequest
from django.utils.module_loading import import_string

from . import habits, naming, sign_in_lock, sweep
from .bounded_wait import WaitedTooLong, bounded_wait
from .ending import end, lock
from .geoip import country_name
from .models import Account, Application, Letter, Session, SessionEvent, Termination
from .models.events import REPLACED, record, record_sign_in
from .models.password_digests import begun_with
from .models.plain_text import plainly
from .models.scopes import Scope
from .models.search_text import search_text
from .models.sessions import TODAY, SessionQuerySet
from .models.statements import Select, Slot
from .naming import record_name
from .networks import named
from .origin import Origin
from .parallel import make_room
from .time_limit import in_time

# Up to so many sessions are ended in the transaction of their termination; more are left to the worker.
SMALL = 1_000
# Meanwhile nobody signs in.
LOOK_SECONDS = 0.5
LONGEST_LABEL = Termination._meta.get_field("actor_label").max_length
REFUSED_LIKE_ENDED = [
    *("session_id", "session_public_id", "signed_in_on", "user_key", "user_label", "account_id", "account_label"),
    *("application_id", "application_label", "termination_id", "search_text"),
]


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a sign-in leaves for the save that follows it: who, and the request he came with, if any."""

    user: AbstractBaseUser
    request: HttpRequest | None = None

    def account(self) -> Account | None:
        decide = import_string(getattr(settings, "SESSION_ACCOUNT", "sessions_ui.accounts.only_membership"))
        account: Account | None = decide(self.request, self.user)
        return account


def start(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Note on the request's session that a sign-in has just happened; its next save makes the row.

    A receiver that heard of the sign-in before and saved has made it already.
    """
    if request.session.signed_in_now != user.pk:  # type: ignore[attr-defined]
        request.session.sign_in = SignIn(user, request)  # type: ignore[attr-defined]


def record_failed_sign_in(request: HttpRequest | None, name: str, reason: str = "") -> SessionEvent:
    """Write into the history that somebody could not sign in under this name; without a reason, he was not known."""
    User, application, origin = get_user_model(), this_application(), named(Origin.of(request), None)
    label = plainly(name)[:254]
    of_that_name = User._default_manager.filter(**{User.USERNAME_FIELD: label}).values_list("pk", flat=True).first()
    parts = {"username": label, **naming.searchable_application(application), **searchable_origin(origin)}
    return SessionEvent.objects.create(
        kind=SessionEvent.Kind.SIGN_IN_FAILED,
        reason=reason,
        user_key="" if of_that_name is None else str(of_that_name),
        user_label=label,
        application_id=application.pk,
        application_label=application.name,
        search_text=search_text(parts),
        **asdict(origin),
    )


def this_application() -> Application:
    """Return the application that SESSION_APPLICATION names; made on first use."""
    slug, using = settings.SESSION_APPLICATION, router.db_for_write(Application)
    found: list[Application] = _select_application(using).instances(slug=slug)
    if found:
        return found[0]
    return Application.objects.get_or_create(slug=slug, defaults={"name": slug.replace("-", " ").capitalize()})[0]


@cache
def _select_application(using: str) -> Select:
    of_slug = Application.objects.using(using).filter(slug=Slot("slug", SlugField()))
    return Select(of_slug.values_list("id", "name", "slug"))


def insert_visitor(row: dict[str, Any]) -> Session:
    """Insert the session of an anonymous visitor."""
    return Session.objects.create(application=this_application(), last_active_day=TODAY, **row)


class ReplacedHasEnded(Exception):
    """The signed-in session that a new one was to replace has ended: nothing may be made from it."""


def insert_sign_in(row: dict[str, Any], sign_in: SignIn, replaced: SessionQuerySet | None) -> Session:
    """Insert a signed-in session, in place of the replaced one if there is one, with its events, in one transaction.

    Raises ReplacedHasEnded and TooManySessions.
    """
    user, using = sign_in.user, router.db_for_write(Session)
    with transaction.atomic(using):
        sign_in_lock.share(using)
        account, application = sign_in.account(), this_application()
        make_room(user, application, account, replaced)
        if replaced is not None:
            end_replaced(replaced)
        origin = named(Origin.of(sign_in.request), account.pk if account else None)
        session = Session.objects.create(
            user_id=user.pk,
            account=account,
            application=application,
            password_digest=begun_with(user.password),
            last_active_day=TODAY,
            last_ip=origin.ip,
            last_location=origin.location,
            last_browser=origin.browser,
            search_text=search_text(searchable(user, account, application, origin)),
            **habits.at_sign_in(user.pk, account.pk if account else None, origin, using),
            **asdict(origin),
            **row,
        )
        record_sign_in(session.pk, using)
        if getattr(settings, "MAIL_NEW_SIGN_INS", False):
            Letter.objects.using(using).about_sign_in(session, user)
    return session


def end_replaced(replaced: SessionQuerySet) -> None:
    """End the signed-in session whose place another one takes; raises ReplacedHasEnded."""
    locked = lock(replaced.live())
    if not locked.ids:
        raise ReplacedHasEnded
    end(replaced.db, locked, SessionEvent.Kind.SIGNED_OUT, reason=REPLACED)


def searchable(
    user: AbstractBaseUser, account: Account | None, application: Application, origin: Origin
) -> dict[str, str | None]:
    """Return the parts of a session by which it is found."""
    return {
        **naming.searchable_user(user),
        **(naming.searchable_account(account) if account else {}),
        **naming.searchable_application(application),
        **searchable_origin(origin),
    }


def searchable_origin(origin: Origin) -> dict[str, str | None]:
    """Return the parts of an origin by which what came from there is found."""
    return {
        "ip": origin.ip,
        "location": origin.location,
        "country": country_name(origin.country),
        "country_code": origin.country,
        "device_kind": origin.device_kind,
        "device": origin.device,
        "browser": origin.browser,
        "os": origin.os,
    }


class Particulars(TypedDict, total=False):
    """What the record of a termination says beside who, when and what."""

    reason: str
    note: str
    in_words: str
    matched: int | None
    previewed_after: int | None
    tells_people: bool


def terminate(scope: Scope, by: AbstractBaseUser | str | None, **particulars: Unpack[Particulars]) -> Termination:
    """End the sessions in the scope, in effect from this commit on.

    Up to SMALL rows are removed in the same transaction, more by the worker: that is only
    tidying. `by` is a user, or in words whoever is none. Where it is somebody, people are
    told by mail, if MAIL_ENDED_SESSIONS is on. Raises UnreadableScope.
    """
    using = router.db_for_write(Session)
    particulars.setdefault("tells_people", by is not None and getattr(settings, "MAIL_ENDED_SESSIONS", False))
    scope.q()  # raises before anything is written
    with transaction.atomic(using):
        alone = sign_in_lock.hold_alone(using)
        termination = Termination.objects.using(using).create(
            actor_id=by.pk if isinstance(by, AbstractBaseUser) else None,
            actor_label=(by if isinstance(by, str) else record_name(by) if by else "")[:LONGEST_LABEL],
            conditions=dict(scope.conditions),
            reach=dict(scope.reach),
            cut_off=scope.cut_off,
            spared=scope.spared,
            **particulars,
        )
        if (termination.matched or 0) <= SMALL:
            _end_if_small(termination, using, finishes=alone)
    termination.refresh_from_db()
    return termination


def end_if_small(termination: Termination, using: str) -> None:
    """Remove the rows of a termination that is in effect already, if they are not many."""
    with transaction.atomic(using):
        _end_if_small(termination, using, finishes=sign_in_lock.hold_alone(using))


def _end_if_small(termination: Termination, using: str, *, finishes: bool) -> None:
    """End what the termination covers if that is not much; what somebody else holds must not hold up its effect."""
    covered = sweep.covered(termination, using)
    # What was not counted is looked at before it is locked: that would write a thousand rows in vain.
    if termination.matched is None and in_time(LOOK_SECONDS, using, covered.order_by()[SMALL:].exists) is not False:
        return
    with suppress(WaitedTooLong), bounded_wait(using):
        locked = lock(covered, SMALL + 1)
        if len(locked.ids) <= SMALL:
            sweep.end_for(termination, using, locked, finishes=finishes)


def record_refused(halves: tuple[bytes, bytes], request: HttpRequest | None) -> SessionEvent | None:
    """Note the first use of a key after its session was terminated; return that event, None for any other key.

    The halves are those of the key's digest. Raises UnreadableScope.
    """
    using, (first, rest) = router.db_for_write(Session), halves
    events = SessionEvent.objects.using(using)
    of_key = events.filter(ended_key=rest, kind=SessionEvent.Kind.TERMINATED)
    ended = of_key.filter(application_id=this_application().pk).first()
    if ended is not None:
        kept = {name: getattr(ended, name) for name in REFUSED_LIKE_ENDED}
        origin = named(Origin.of(request), ended.account_id)
        refused = SessionEvent(kind=SessionEvent.Kind.REFUSED, **kept, **asdict(origin))
        events.bulk_create([refused], ignore_conflicts=True)
        return events.refusals().filter(session_public_id=ended.session_public_id).first()
    # Covered, and not swept yet: the row is still there.
    session = Session.objects.using(using).signed_in().of_application(settings.SESSION_APPLICATION)
    session = session.filter(key_digest=first)
    found = session.values_list("public_id", "account_id").first()
    if found is None:
        return None
    public_id, account_id = found
    refusals = events.refusals().filter(session_public_id=public_id)
    for termination in Termination.objects.using(using).unfinished():
        if termination.scope.stands and session.in_scope(termination.scope).exists():
            with suppress(IntegrityError), transaction.atomic(using):
                origin = named(Origin.of(request), account_id)
                record(session, SessionEvent.Kind.REFUSED, termination_id=termination.pk, **asdict(origin))
            break
    return refusals.first()


def end_all_of(what: str, owner: AbstractBaseUser | Account, reason: str, spared: int | None = None) -> None:
    """End every session of a user or of an account, but for the spared one."""
    using = router.db_for_write(Session)
    # Before it is asked whether there are any: this waits for sign-ins that are under way.
    cut_off = sign_in_lock.cut_off(using)
    others = Session.objects.using(using).filter(**{what: owner}).exclude(pk__in=[spared])
    if others.exists():
        scope = Scope({what: owner.pk}, {"all": True}, cut_off, spared)
        terminate(scope, None, reason=reason, in_words=f"Every session of {owner}")


def end_some_of(owner: AbstractBaseUser, sessions: SessionQuerySet, reason: str) -> None:
    """End these sessions of a user."""
    using = router.db_for_write(Session)
    conditions = {"sessions": list(sessions.order_by("id").values_list("pk", flat=True))}
    if conditions["sessions"]:
        scope = Scope(conditions, {"all": True}, sign_in_lock.cut_off(using))
        terminate(scope, None, reason=reason, in_words=f"Some sessions of {owner}")
