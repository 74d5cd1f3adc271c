"""What takes events away, or what they tell: LOGIN_RECORD_DAYS, kept by the worker, and forgetting a person."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from .models import Expected, Export, Limit, NetworkChange, Review, ReviewedSession, SessionEvent, Termination
from .models.conditions import any_of
from .models.events import SessionEventQuerySet, retention, users_of
from .models.search_text import PARTS, normalise, search_text
from .naming import person_name, record_name
from .pacing import Pace

PAUSE = timedelta(hours=1)
FORGOTTEN = "A forgotten person"
# What tells of a person. Country, account, application and kind of device stay: they are counted.
IDENTITY: dict[str, Any] = {
    "user_label": FORGOTTEN,
    "ip": None,
    "location": "",
    "network": "",
    "user_agent": "",
    "device": "",
    "search_text": search_text(dict.fromkeys(PARTS)),
}
Kind = SessionEvent.Kind


def remove_old(using: str, pace: Pace) -> int:
    """Remove the events that are older than LOGIN_RECORD_DAYS, in batches, once an hour; return how many.

    How many they were is an event, too. The newest stays, whatever its age: by it a restored database is noticed.
    """
    days, events = getattr(settings, "LOGIN_RECORD_DAYS", 0), SessionEvent.objects.using(using)
    if days <= 0 or events.filter(kind=Kind.REMOVED, happened_on__gt=Now() - PAUSE).exists():
        return 0
    newest = events.aggregate(newest=Max("id"))["newest"] or 0
    old = events.filter(happened_on__lt=Now() - timedelta(days=days), id__lt=newest).exclude(kind=Kind.REMOVED)
    removed, told = 0, None
    while True:
        with pace.batch() as rows, retention(using):
            ids = list(old.order_by("happened_on").values_list("id", flat=True)[:rows])
            if ids:
                # Whoever does the same at the same time has removed some of them.
                removed += events.filter(pk__in=ids).delete()[0]
                told = told or events.create(kind=Kind.REMOVED)
                events.filter(pk=told.pk).update(reason=f"{removed:,} events older than {days} days")
        if len(ids) < rows:
            return removed


def forget(name: str, user: Any, using: str) -> int:
    """Take the identity of whoever had this user name out of the history, and return the number of events.

    Counts stay as they are. The user is deleted, which ends his sessions; None where that has happened before.
    """
    keys, names = keys_of(name, user, using), names_of(name, user)
    with transaction.atomic(using):
        acts = Termination.objects.using(using)
        if user:
            # Who is deleted already is known by his label alone.
            his = Q(actor_id=user.pk) | Q(actor_label=record_name(user))
            for model in (Termination, NetworkChange, Export):
                model._default_manager.using(using).filter(his).update(actor_label=FORGOTTEN)
            for who in ("set_by", "removed_by"):
                Limit.objects.using(using).filter(**{who: record_name(user)}).update(**{who: FORGOTTEN})
            for who in ("actor_label", "taken_back_label"):
                Expected.objects.using(using).filter(**{who: record_name(user)}).update(**{who: FORGOTTEN})
            with retention(using):
                _forget_in_reviews(user, using)
            user.delete()
        events = events_of(keys, names, using)
        ended_him = set(events.filter(termination_id__isnull=False).values_list("termination_id", flat=True))
        with retention(using):
            of_him = Q(conditions__user__in=[*keys, *map(_number, keys)])
            for act in acts.filter(Q(pk__in=ended_him) | of_him):
                _forget_in(act, names, using)
            for export in Export.objects.using(using).filter(of_him):
                export.in_words = without(names, export.in_words)
                export.save(update_fields=["in_words"])
            # His own, so that people are counted as before, and a random one, so that it leads nowhere.
            return events.update(user_key=f"forgotten {secrets.token_hex(12)}", hints=None, **IDENTITY)


def keys_of(name: str, user: Any, using: str) -> set[str]:
    """Return the keys of the user, and of those that are deleted and had his name; the name of others is theirs."""
    labelled = SessionEvent.objects.using(using).filter(user_label=name).exclude(user_key="").order_by()
    keys = set(labelled.values_list("user_key", flat=True).distinct())
    return (keys - users_of(keys, using).keys()) | ({str(user.pk)} if user else set())


def names_of(name: str, user: Any) -> set[str]:
    """Return how he may be called where it is said in words, or typed at the sign-in."""
    return {name, *({person_name(user), record_name(user), getattr(user, "email", "")} if user else ())} - {""}


def events_of(keys: set[str], names: Iterable[str], using: str) -> SessionEventQuerySet:
    """Return the events under these keys, and the sign-ins that failed under one of the names and no key."""
    tried = any_of(Q(user_label__iexact=name) for name in names)
    return SessionEvent.objects.using(using).filter(
        Q(user_key__in=keys) | Q(Q(kind=Kind.SIGN_IN_FAILED, user_key="") & tried)
    )


def without(names: Iterable[str], text: str) -> str:
    """Return the text with a forgotten person in the place of these names."""
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{either})(?!\w)", FORGOTTEN.lower(), text)


def _forget_in(act: Termination, names: set[str], using: str) -> None:
    reason = act.reason
    for column in ("in_words", "reason", "note"):
        longest = getattr(Termination._meta.get_field(column), "max_length", None)
        setattr(act, column, without(names, getattr(act, column))[:longest])
    if act.reason != reason:
        # It stands in what tells of others, too.
        SessionEvent.objects.using(using).filter(termination_id=act.pk, reason=reason).update(reason=act.reason)
    if act.finished_on:
        # Until then it decides which sessions are refused.
        act.conditions = _without(names | set(map(normalise, names)), act.conditions)
    act.save(update_fields=["in_words", "reason", "note", "conditions"])


def _without(names: set[str], value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(names, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without(names, one) for one in value]
    return without(names, value) if isinstance(value, str) else value


def _forget_in_reviews(user: Any, using: str) -> None:
    """Take the person out of reviews, the signed ones too: as reviewer and as one whose sessions were reviewed."""
    label, forgotten = record_name(user), FORGOTTEN
    Review.objects.using(using).filter(reviewer_label=label).update(reviewer_label=forgotten)
    rows = ReviewedSession.objects.using(using)
    rows.filter(decided_by=label).update(decided_by=forgotten)
    unknown = {name: value for name, value in IDENTITY.items() if name != "search_text"}
    rows.filter(user_key=str(user.pk)).update(user_key="", **unknown)


def _number(key: str) -> Any:
    return int(key) if key.isdigit() else key
