from __future__ import annotations

import uuid
from datetime import UTC
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models.functions import Now, TruncDate

from .accounts import Account, Application
from .conditions import SIGNED_IN
from .fences import Fence
from .functions import Era
from .limits import TOUCH_INTERVAL
from .origins import FromOrigin
from .reaches import reaches_of
from .scopes import Reach, Scope, reach_q

# A day of one zone for everybody, whatever zone a request has activated.
TODAY = TruncDate(Now(), tzinfo=UTC)
TOUCH_DUE = SIGNED_IN & models.Q(last_active_on__lt=Now() - TOUCH_INTERVAL)


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self, fence: Fence | None = None) -> SessionQuerySet:
        """Leave out what has expired, by its own date or by a limit, or is covered by an unfinished termination.

        Reads the unfinished terminations and the limits unless a fence is given. Raises UnreadableScope.
        """
        refused = (fence or Fence.read(self.db)).refused
        unexpired = self.filter(expire_date__gt=Now())
        return unexpired if refused is None else unexpired.exclude(refused)

    def signed_in(self) -> SessionQuerySet:
        """Leave out the sessions of anonymous visitors."""
        return self.filter(SIGNED_IN)

    def within(self, reach: Reach) -> SessionQuerySet:
        """Keep the signed-in sessions within the reach."""
        return self.signed_in().filter(reach_q(reach))

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> SessionQuerySet:
        """Keep the sessions that the user may see."""
        return self.within(reaches_of(user).see)

    def in_scope(self, scope: Scope) -> SessionQuerySet:
        """Keep what a termination of this scope covers; raises UnreadableScope."""
        return self.filter(scope.q())

    def of_application(self, slug: str) -> SessionQuerySet:
        return self.filter(application__slug=slug)


class Session(FromOrigin):
    """One sign-in of one user in one application of one account, or the session of an anonymous visitor.

    A row is live while it has not expired, has passed no limit and no unfinished termination covers it;
    without a row the browser is signed out.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # SHA-256 of the key: the first half finds the row, the second half goes into the event that ends the session.
    key_digest = models.BinaryField(max_length=16, unique=True)
    key_digest_rest = models.BinaryField(max_length=16)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, db_index=False, related_name="sessions"
    )
    account = models.ForeignKey(Account, models.CASCADE, null=True, db_index=False, related_name="sessions")
    application = models.ForeignKey(Application, models.PROTECT, db_index=False, related_name="sessions")
    session_data = models.TextField()
    # Under which password hash it began, or for which it was kept: passwords.py.
    password_digest = models.BinaryField(max_length=16, null=True)
    expire_date = models.DateTimeField(db_index=True)
    created_on = models.DateTimeField(db_default=Now())

    # When the person last gave his password again; the sign-in was the first proof.
    proven_on = models.DateTimeField(null=True)

    last_active_on = models.DateTimeField(db_default=Now())
    last_active_day = models.DateField(db_index=True)
    last_ip = models.GenericIPAddressField(null=True)
    last_location = models.CharField(max_length=200, blank=True)
    last_browser = models.CharField(max_length=100, blank=True)

    search_text = models.TextField(blank=True)
    # What is unusual about it: each with its kind, sentence and network, and whether somebody has called it expected.
    hints = models.JSONField(null=True)
    needs_look = models.BooleanField(default=False, db_default=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=[*of, "-id"], condition=models.Q(user__isnull=False), name=f"session_{name}")
            for name, of in {
                "newest": [],
                "by_user": ["user"],
                "by_account": ["account"],
                "by_application": ["application"],
                "by_ip": ["ip"],
            }.items()
        ] + [
            models.Index("created_on", condition=models.Q(user__isnull=False), name="session_by_created_on"),
        ]
        # The eras that hold rows of a time are found without a look at those of another.
        indexes += [
            models.Index(Era("id"), moment, condition=models.Q(user__isnull=False), name=f"session_era_{name}")
            for name, moment in {"created": "created_on", "active": "last_active_day"}.items()
        ]
        indexes += [
            models.Index(fields=[*of, "-id"], condition=models.Q(needs_look=True), name=f"session_look{name}")
            for name, of in {"": [], "_by_account": ["account"]}.items()
        ]

    @property
    def standing_hints(self) -> list[dict[str, Any]]:
        """The hints that nobody has called expected."""
        return [hint for hint in self.hints or [] if not hint["expected"]]

    def __str__(self) -> str:
        return f"{self.user}’s session in {self.application}" if self.user else f"Visitor in {self.application}"
