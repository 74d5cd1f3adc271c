from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, models
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now

from .origins import FromOrigin
from .scopes import Reach


class SignedReview(Exception):
    """Somebody tried to change a review that is signed."""

    def __init__(self) -> None:
        super().__init__("This review is signed: nothing in it can be changed.")


class KeptQuerySet(models.QuerySet[Any]):
    """Rows of reviews. What is signed is changed and deleted by nobody but forget_user."""

    signed = Q(signed_on__isnull=False)

    def update(self, **columns: Any) -> int:
        self._refuse_signed()
        return super().update(**columns)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse_signed()
        return super().delete()

    def _refuse_signed(self) -> None:
        forgetting = getattr(connections[self.db], "sessions_ui_retention", False)
        if not forgetting and self.filter(self.signed).exists():
            raise SignedReview


class ReviewQuerySet(KeptQuerySet):
    def visible_to(self, user: Any, see: Reach) -> Self:
        """Keep his own, and those none of whose sessions is beyond the accounts that he reaches."""
        if "all" in see:
            return self
        beyond = ReviewedSession.objects.filter(review=OuterRef("pk")).exclude(account_id__in=see["accounts"])
        return self.filter(Q(reviewer_id=user.pk) | ~Exists(beyond))

    def numbered(self) -> Self:
        """Count with each its sessions and what was decided."""
        counted = {
            name: Count("sessions", filter=Q(sessions__decision=name)) for name in ReviewedSession.Decision.values
        }
        people = Count("sessions__user_key", distinct=True)
        look = Count("sessions", filter=~Q(sessions__look=""))
        return self.annotate(number=Count("sessions"), people=people, look=look, **counted)


class Kept(models.Model):
    """A row that stays as it is once its review is signed."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row; raises SignedReview."""
        if not self._state.adding:
            self._stored()._refuse_signed()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row; raises SignedReview."""
        self._stored()._refuse_signed()
        return super().delete(*args, **kwargs)

    def _stored(self) -> Any:
        return type(self)._default_manager.filter(pk=self.pk)


class Review(Kept):
    """One look through sessions, each of which was kept or ended; once signed it is kept as it is."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="reviews"
    )
    reviewer_label = models.CharField(max_length=254)
    begun_on = models.DateTimeField(db_default=Now())
    conditions = models.JSONField(encoder=DjangoJSONEncoder)
    reach = models.JSONField(encoder=DjangoJSONEncoder)
    cut_off = models.BigIntegerField()
    in_words = models.TextField()
    signed_on = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=280, blank=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ["view"]

    def __str__(self) -> str:
        return f"{self.in_words} reviewed by {self.reviewer_label}"


class ReviewedSessionQuerySet(KeptQuerySet):
    signed = Q(review__signed_on__isnull=False)

    def open(self) -> Self:
        """Keep those that may still be decided, or decided otherwise."""
        return self.filter(decision__in=ReviewedSession.OPEN)


class ReviewedSession(FromOrigin, Kept):
    """A session as it was when its review began, and what was decided; outlives the session."""

    class Decision(models.TextChoices):
        UNDECIDED = "undecided", "Undecided"
        KEPT = "kept", "Kept"
        ENDED = "ended", "Ended"
        GONE = "gone", "Gone meanwhile"

    OPEN = [Decision.UNDECIDED, Decision.KEPT]

    review = models.ForeignKey(Review, models.CASCADE, related_name="sessions")
    session_id = models.BigIntegerField()
    session_public_id = models.UUIDField()
    user_key = models.CharField(max_length=64)
    user_label = models.CharField(max_length=254)
    account_id = models.BigIntegerField(null=True)
    account_label = models.CharField(max_length=200, blank=True)
    application_label = models.CharField(max_length=200)
    created_on = models.DateTimeField()
    last_active_on = models.DateTimeField()
    # Why it needs a look, in sentences; empty where nothing stands out.
    look = models.TextField(blank=True)
    decision = models.CharField(max_length=10, choices=Decision, default=Decision.UNDECIDED)
    decided_by = models.CharField(max_length=254, blank=True)
    decided_on = models.DateTimeField(null=True, blank=True)
    termination_id = models.BigIntegerField(null=True, blank=True)

    objects = ReviewedSessionQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user_label}’s session in {self.application_label}"
