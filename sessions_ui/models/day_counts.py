from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .reaches import ALL
from .scopes import Reach

# What stands for an account where there is none, or where it does not matter: NULLs would all be different.
NO_ACCOUNT, ALL_ACCOUNTS = 0, -1


class DayCountQuerySet(models.QuerySet["DayCount"]):
    def within(self, reach: Reach) -> DayCountQuerySet:
        """Keep the counts of all accounts together, or those of the administered ones."""
        return self.filter(account_id__in=[ALL_ACCOUNTS] if reach == ALL else reach["accounts"])


class DayCount(models.Model):
    """How many events of a kind there were on one day of UTC, of an account in an application."""

    day = models.DateField()
    account_id = models.BigIntegerField()
    application_id = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    number = models.PositiveIntegerField()
    counted_on = models.DateTimeField(db_default=Now())

    objects = DayCountQuerySet.as_manager()

    class Meta:
        ordering = ["day"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["account_id", "day", "application_id", "kind"], name="one_count_per_day")
        ]
        indexes = [models.Index(fields=["day"], condition=Q(account_id=ALL_ACCOUNTS), name="day_count_of_all")]

    def __str__(self) -> str:
        return f"{self.day}: {self.number} {self.kind}"


def counts_of(day: Any, groups: dict[tuple[int, int, str], int]) -> list[DayCount]:
    """Return the counts of the day by account, application and kind, and those of all accounts together."""
    totals: dict[tuple[int, int, str], int] = {}
    for (_, application, kind), number in groups.items():
        key = (ALL_ACCOUNTS, application, kind)
        totals[key] = totals.get(key, 0) + number
    return [
        DayCount(day=day, account_id=account, application_id=application, kind=kind, number=number)
        for (account, application, kind), number in (groups | totals).items()
    ]
