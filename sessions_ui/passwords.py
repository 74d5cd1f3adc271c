"""What a new password does to sessions: it ends them, but for those that go on under it.

Django binds a session to the password of its user by an HMAC with the SECRET_KEY of the application, so no
application can let the sessions of another go on: they would be signed out silently at their next request.
Therefore the row of a session holds a digest of the password hash under which it began. Who lets sessions go
on marks the rows that hold the former one as kept for the new one; AuthenticationMiddleware signs them anew.

The mark opens nothing by itself. It is compared with the user's present password only after the key has found
the row, stands in for nothing but the HMAC, and is worth nothing after the next password that it was not kept
for. Rows that did not hold the former password get none: what a reset has refused does not come back with a
later change. Whoever can write it could write the user's password as well.

All this hangs on save(), in every application: a change there ends sessions whoever made it, a page, a reset by
link, a command or a shell. A hash that Django renews at a sign-in is no change and ends none (R027, R028, M11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import get_hasher, identify_hasher, is_password_usable
from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction

from . import services
from .ending import lock
from .models import Session, SessionQuerySet
from .models.password_digests import begun_with, kept_for


@dataclass(slots=True)
class Change:
    """What shall become of the sessions when this user object is saved with another password."""

    loaded: str | None = None
    """The password hash with which the object was loaded."""
    former: str | None = None
    """The one that is being replaced, while it is."""
    spared: int | None = None
    keeps_others: bool = False
    reason: str = "The password was changed"


def change_of(user: Any) -> Change:
    """Return what a change of the password of this object would mean; set on it what is wanted."""
    # request.user is a lazy object with a dictionary of its own, and passes on attributes.
    change: Change | None = getattr(user, "_sessions_ui_change", None)
    if change is None:
        user._sessions_ui_change = change = Change()
    return change


def note_loaded(user: AbstractBaseUser) -> None:
    """Remember the password with which the user was loaded, so that most saves ask nothing."""
    # A deferred password is not in the dictionary.
    change_of(user).loaded = user.__dict__.get("password")


def before_save(user: AbstractBaseUser, using: str, update_fields: frozenset[str] | None) -> None:
    """Mark the sessions that shall go on, before the new password is there: none of them is refused in between."""
    change = change_of(user)
    written = "password" in user.__dict__ and (update_fields is None or "password" in update_fields)
    if user._state.adding or not written or user.password == change.loaded:
        return
    with transaction.atomic(using):
        same_user = get_user_model()._base_manager.using(using).filter(pk=user.pk)
        former = same_user.select_for_update(no_key=True).values_list("password", flat=True).first()
        if former is None or former == user.password:
            return
        mine = Session.objects.using(router.db_for_write(Session)).filter(user_id=user.pk)
        if _is_renewal(user, change.loaded, update_fields):
            if former != change.loaded:
                # Somebody was quicker, with another renewal or another password: that one stays.
                user.password = former
                return
            # With the marks in one transaction; save() writes the same again.
            same_user.update(password=user.password)
            _keep(mine, former, user.password)
            return
        _keep(mine if change.keeps_others else mine.filter(pk__in=[change.spared]), former, user.password)
        change.former = former


def after_save(user: AbstractBaseUser) -> None:
    """End the sessions of the user that do not go on under his new password."""
    change = change_of(user)
    note_loaded(user)
    if change.former is None:
        return
    change.former = None
    using = router.db_for_write(Session)
    others = Session.objects.using(using).filter(user_id=user.pk).exclude(pk__in=[change.spared])
    going_on = others.filter(password_digest__in=[begun_with(user.password), kept_for(user.password)])
    if going_on.exists():
        services.end_some_of(user, others.exclude(pk__in=going_on.values("pk")), change.reason)
    else:
        services.end_all_of("user", user, change.reason, change.spared)


def _keep(sessions: SessionQuerySet, former: str, new: str) -> None:
    """Mark those of the sessions that went on under the former password, locked in the order of their ids."""
    of_former = sessions.filter(password_digest__in=[begun_with(former), kept_for(former)])
    Session.objects.using(sessions.db).filter(pk__in=lock(of_former).ids).update(password_digest=kept_for(new))


def _is_renewal(user: AbstractBaseUser, loaded: str | None, update_fields: frozenset[str] | None) -> bool:
    """Whether this is AbstractBaseUser.check_password() that saves the same password under a newer hash."""
    if set(update_fields or ()) != {"password"} or user._password is not None or loaded is None:  # type: ignore[attr-defined]
        return False
    return _is_outdated(loaded) and is_password_usable(user.password) and not _is_outdated(user.password)


def _is_outdated(password: str) -> bool:
    """Whether Django would renew this hash at the next sign-in."""
    preferred = get_hasher()
    try:
        used = identify_hasher(password)
    except ValueError:
        return False
    return used.algorithm != preferred.algorithm or preferred.must_update(password)
