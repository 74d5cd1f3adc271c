from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

SEEN_WITHIN = timedelta(minutes=5)


class BeatQuerySet(models.QuerySet["Beat"]):
    def give(self) -> None:
        """Say that a worker is there now."""
        self.bulk_create(
            [Beat(pk=1, seen_on=Now())], update_conflicts=True, unique_fields=["id"], update_fields=["seen_on"]
        )

    def is_recent(self) -> bool:
        """Return whether a worker was seen within SEEN_WITHIN, by the database's clock."""
        return self.filter(seen_on__gt=Now() - SEEN_WITHIN).exists()


class Beat(models.Model):
    """The sign of life of whoever tidies: one row, the same for all workers."""

    seen_on = models.DateTimeField()

    objects = BeatQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"A worker was seen on {self.seen_on}"
