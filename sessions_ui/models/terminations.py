from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from .functions import RandomUUID
from .scopes import Reach, Scope, reach_branches


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


@dataclass(frozen=True, slots=True)
class Fence:
    """The unfinished terminations as they were read once, and the condition of what they cover.

    They are known by their public ids: SQLite gives the id of a rolled-back row again.
    """

    known: frozenset[uuid.UUID]
    covered: models.Q | None
    # Where "everything" was ended: up to this id only these sessions can be live.
    floor: int = 0
    spared: frozenset[int] = frozenset()

    @classmethod
    def read(cls, using: str | None = None, before: Termination | None = None) -> Fence:
        """Read the unfinished terminations, or only those before this one; raises UnreadableScope."""
        unfinished = Termination.objects.using(using).unfinished()
        if before is not None:
            unfinished = unfinished.filter(id__lt=before.pk)
        covered = models.Q()
        scopes = [termination.scope for termination in unfinished if termination.scope.stands]
        for scope in scopes:
            covered |= scope.q()
        whole = [scope for scope in scopes if scope.is_everything]
        return cls(
            frozenset(t.public_id for t in unfinished),
            covered or None,
            max((scope.cut_off for scope in whole), default=0),
            frozenset(scope.spared for scope in whole if scope.spared is not None),
        )

    def branches(self, reach: Reach) -> list[models.Q]:
        """Return the parts of the reach, cut off where nothing can be live: a list would walk past a million rows."""
        above = reach_branches(reach, self.floor)
        if not self.spared:
            return above
        return above + [branch & models.Q(id__in=sorted(self.spared)) for branch in reach_branches(reach)]

    @property
    def complete(self) -> models.Q:
        """The condition that no termination has begun since this was read."""
        begun_since = Termination.objects.unfinished().exclude(public_id__in=self.known).order_by()
        return ~models.Q(models.Exists(begun_since))
