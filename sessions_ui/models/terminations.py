from __future__ import annotations

import uuid

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from .functions import RandomUUID
from .scopes import Scope


class TerminationQuerySet(models.QuerySet["Termination"]):
    def unfinished(self) -> TerminationQuerySet:
        """Return those whose scope is still refused, oldest first."""
        return self.filter(finished_on__isnull=True).order_by("id")


class Termination(models.Model):
    """One act of ending sessions. While it is unfinished its scope is refused, hidden and fenced."""

    public_id = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="terminations"
    )
    actor_label = models.CharField(max_length=254, blank=True)
    created_on = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=280, blank=True)
    conditions = models.JSONField(encoder=DjangoJSONEncoder)
    reach = models.JSONField(encoder=DjangoJSONEncoder)
    in_words = models.TextField(blank=True)
    # By mail: whose sessions it ends, who ended them and the note, but not the reason.
    tells_people = models.BooleanField(default=False, db_default=False)
    cut_off = models.BigIntegerField()
    spared = models.BigIntegerField(null=True, blank=True)
    matched = models.BigIntegerField(null=True, blank=True)
    # The newest termination when the preview was made: what a later one ended was ended by others.
    previewed_after = models.BigIntegerField(null=True, blank=True)
    ended = models.BigIntegerField(db_default=0, default=0)
    finished_on = models.DateTimeField(null=True, blank=True)
    summary = models.JSONField(null=True, blank=True)

    objects = TerminationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(finished_on__isnull=True), name="termination_unfinished"),
        ]

    def __str__(self) -> str:
        return f"{self.in_words or 'Termination'} by {self.actor_label or 'the system'}"

    @property
    def number(self) -> int | None:
        """How many sessions it ended or, while rows are left, is to end; None where they were too many to count."""
        return self.ended if self.finished_on else self.matched

    @property
    def scope(self) -> Scope:
        return Scope(self.conditions, self.reach, self.cut_off, self.spared)
