"""What takes events away: LOGIN_RECORD_DAYS, in the worker, and forgetting a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from .models import Expected, Export, Limit, NetworkChange, Review, ReviewedSession, SessionEvent, Termination
from .models.events import retention
from .models.search_text import PARTS, search_text
from .naming import record_name
from .pacing import Pace

FORGOTTEN = "A person who was forgotten"
# What tells of a person. Country, application and kind of device stay: they are counted.
IDENTITY: dict[str, Any] = {
    "user_key": "",
    "user_label": FORGOTTEN,
    "ip": None,
    "location": "",
    "network": "",
    "user_agent": "",
    "device": "",
    "search_text": search_text(dict.fromkeys(PARTS)),
}


def remove_old(using: str, pace: Pace) -> int:
    """Remove the events that are older than LOGIN_RECORD_DAYS, in batches; write down how many, and return it.

    The newest event stays, whatever its age: by it a restored database is noticed.
    """
    days = getattr(settings, "LOGIN_RECORD_DAYS", 0)
    if not days:
        return 0
    events, removed = SessionEvent.objects.using(using), 0
    newest = events.aggregate(newest=Max("id"))["newest"] or 0
    while True:
        with pace.batch() as rows, retention(using):
            old = events.filter(happened_on__lt=Now() - timedelta(days=days), id__lt=newest)
            old = old.exclude(kind=SessionEvent.Kind.REMOVED).order_by("happened_on")
            ids = list(old.values_list("id", flat=True)[:rows])
            events.filter(pk__in=ids).delete()
        removed += len(ids)
        if len(ids) < rows:
            break
    if removed:
        events.create(kind=SessionEvent.Kind.REMOVED, reason=f"{removed:,} older than {days} days")
    return removed


def forget(user: Any, using: str) -> int:
    """Take the person's identity out of the history, and return the number of events; counts stay as they are.

    His sessions must have ended before.
    """
    name, label = getattr(user, get_user_model().USERNAME_FIELD), FORGOTTEN
    with transaction.atomic(using):
        with retention(using):
            _forget_in_reviews(user, using)
            events = SessionEvent.objects.using(using).filter(Q(user_key=str(user.pk)) | Q(user_label=name))
            number = events.update(hints=None, **IDENTITY)
        # Who is deleted already is known by his label alone.
        his = Q(actor_id=user.pk) | Q(actor_label=record_name(user))
        for records in (Termination, NetworkChange, Export):
            records._default_manager.using(using).filter(his).update(actor_label=label)
        for who in ("set_by", "removed_by"):
            Limit.objects.using(using).filter(**{who: record_name(user)}).update(**{who: label})
        for acts in (Termination.objects.using(using), Export.objects.using(using)):
            for pk in (str(user.pk), user.pk):
                acts.filter(conditions__user=pk).update(in_words=f"Every session of {label.lower()}")
        words = Expected.objects.using(using)
        words.filter(actor_label=record_name(user)).update(actor_label=label)
        words.filter(taken_back_label=record_name(user)).update(taken_back_label=label)
    return number


def _forget_in_reviews(user: Any, using: str) -> None:
    """Take the person out of reviews, the signed ones too: as reviewer and as one whose sessions were reviewed."""
    label = record_name(user)
    Review.objects.using(using).filter(reviewer_label=label).update(reviewer_label=FORGOTTEN)
    rows = ReviewedSession.objects.using(using)
    rows.filter(decided_by=label).update(decided_by=FORGOTTEN)
    unknown = {name: value for name, value in IDENTITY.items() if name != "search_text"}
    rows.filter(user_key=str(user.pk)).update(**unknown)
