"""How long sessions last and how many one person may have: each limit that speaks of a session holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

from django.db import models
from django.db.models import Case, CharField, Expression, Q, Value, When
from django.db.models.functions import Now

from .accounts import Account, Application
from .conditions import SIGNED_IN, any_of
from .functions import Ago, Instant, RandomUUID

# The last activity is noted so often. What happened since counts as well: idle is counted from the end of it.
TOUCH_INTERVAL = timedelta(minutes=1)

PARALLEL = "Limit of"
UNITS = ((1_440, "day"), (60, "hour"), (1, "minute"))
# What a new database begins with (NIST SP 800-63B-4, sections 2.2.3 and 2.3.3); the README gives the reasons.
SHIPPED: dict[str, Any] = {"idle": 60, "lifetime": 1_440, "reason": "As NIST SP 800-63B-4 advises for AAL2"}
SHIPPED_FOR_THE_CONSOLE: dict[str, Any] = {
    "idle": 15,
    "lifetime": 720,
    "reason": "As for AAL3: whoever is in here can end everybody’s sessions",
}


class LimitQuerySet(models.QuerySet["Limit"]):
    def in_force(self) -> LimitQuerySet:
        """Leave out those that were removed."""
        return self.filter(removed_on__isnull=True)

    def binding(self) -> LimitQuerySet:
        """Keep those in force, and those whose sessions are still to be removed: what has ended does not revive."""
        return self.filter(is_swept=False).order_by("id")

    def remove(self, by: str) -> int:
        """Take them out of force; what they have ended by now stays ended."""
        return self.in_force().update(removed_on=Now(), removed_by=by, public_id=RandomUUID())

    def speaking_of(self, application: Expression, account: Expression) -> LimitQuerySet:
        """Keep those that speak of the sessions in this application and account, whose primary keys these are."""
        of_account = Q(account__isnull=True) | Q(account_id=account)
        return self.filter(Q(application__isnull=True) | Q(application_id=application), of_account)


class Limit(models.Model):
    """A limit for the sessions of one application or all, in one account or all; times are in minutes.

    It is never changed, only removed and followed by another, so that the table is its own
    history. A removed one still ends what had passed it by then.
    """

    class AtLimit(models.TextChoices):
        """What becomes of a sign-in when the number of parallel sessions is reached."""

        END_OLDEST = "end-oldest", "End the oldest"
        REFUSE = "refuse", "Refuse the new one"

    # Fences know limits by it, so a removed one takes another.
    public_id = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    application = models.ForeignKey(Application, models.CASCADE, null=True, blank=True, related_name="limits")
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="limits")
    idle = models.PositiveIntegerField(null=True, blank=True)
    lifetime = models.PositiveIntegerField(null=True, blank=True)
    parallel = models.PositiveIntegerField(null=True, blank=True)
    at_limit = models.CharField(max_length=10, choices=AtLimit, default=AtLimit.END_OLDEST)
    reason = models.CharField(max_length=200, blank=True)
    set_on = models.DateTimeField(db_default=Now())
    set_by = models.CharField(max_length=254, blank=True)
    removed_on = models.DateTimeField(null=True, blank=True)
    removed_by = models.CharField(max_length=254, blank=True)
    is_swept = models.BooleanField(default=False, db_default=False)

    objects = LimitQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ["change"]

    def __str__(self) -> str:
        return f"Limit for {self.whose}"

    @property
    def whose(self) -> str:
        """Whose sessions it speaks of, such as "every application, in Kestrel Logistics"."""
        application = str(self.application) if self.application else "every application"
        return f"{application}, in {self.account}" if self.account else application

    @property
    def of_sessions(self) -> Q:
        """The sessions that it speaks of, if they are signed in."""
        speaks_of = Q()
        if self.application_id is not None:
            speaks_of &= Q(application_id=self.application_id)
        return speaks_of if self.account_id is None else speaks_of & Q(account_id=self.account_id)

    @property
    def of_parallel(self) -> str:
        """The limit of parallel sessions in words, as events give it for their reason."""
        return f"{PARALLEL} {self.parallel:,} parallel session{'' if self.parallel == 1 else 's'}"

    @property
    def ends(self) -> list[tuple[str, Q]]:
        """For each way in which it ends sessions the reason in words, and which of its sessions have passed it."""
        found = []
        if self.idle is not None:
            since = self._before(timedelta(minutes=self.idle) + TOUCH_INTERVAL)
            found.append((f"idle for {in_words(self.idle)}", Q(last_active_on__lt=since)))
        if self.lifetime is not None:
            begun = self._before(timedelta(minutes=self.lifetime))
            # Whoever gives the password again begins anew (NIST SP 800-63B-4, 5.2; R010).
            proven_since = Q(proven_on__isnull=False, proven_on__gte=begun)
            found.append((f"{in_words(self.lifetime)} old", Q(created_on__lt=begun) & ~proven_since))
        return found

    def speaks_of(self, session: Any) -> bool:
        """Whether it holds for this session, as of_sessions says."""
        return self.application_id in (None, session.application_id) and self.account_id in (None, session.account_id)

    def _before(self, span: timedelta) -> Ago | Instant:
        return Ago(span) if self.removed_on is None else Instant(self.removed_on - span)


def past(limits: Iterable[Limit]) -> Q | None:
    """Return the condition of the sessions that have passed any of the limits, None where none ends any."""
    # What several of them ask is asked once: a list asks it of ten thousand rows.
    each = [limit.of_sessions & any_of(passed for _, passed in ends) for limit in limits if (ends := limit.ends)]
    return SIGNED_IN & any_of(each) if each else None


def expiry(limits: Iterable[Limit]) -> Case:
    """Return why a session has expired: a limit in words, nothing where its own date has passed; NULL while it lives.

    Asked once for each row: two looks at the clock could give two answers.
    """
    reasons = [
        When(SIGNED_IN & limit.of_sessions & passed, then=Value(reason))
        for limit in limits
        for reason, passed in limit.ends
    ]
    return Case(When(expire_date__lte=Now(), then=Value("")), *reasons, default=None, output_field=CharField())


@cache
def in_words(minutes: int) -> str:
    """Return the length of time in its largest whole unit, such as "15 minutes", "1 hour" or "30 days"."""
    size, unit = next(one for one in UNITS if minutes % one[0] == 0)
    number = minutes // size
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
