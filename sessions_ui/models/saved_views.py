from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from .accounts import Account
from .plain_text import refuse_unseen
from .scopes import Reach


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: Any, see: Reach) -> SavedViewQuerySet:
        """Keep his own, and what is shared with those who reach this."""
        his_own = Q(owner_id=user.pk)
        if "all" in see:
            return self.filter(his_own | Q(shared=True))
        return self.filter(his_own | Q(shared=True, account_id__in=see["accounts"]))


class SavedView(models.Model):
    """A filter of a list under a name; shared with the administrators of an account, or with all who see all."""

    class Of(models.TextChoices):
        SESSIONS = "sessions", "Active user sessions"
        LOGIN_RECORDS = "login-records", "Login records"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=80, validators=[refuse_unseen])
    of = models.CharField(max_length=20, choices=Of)
    # Parameters of the list, as its filter has read them.
    query = models.TextField(blank=True)
    shared = models.BooleanField(default=False)
    # Whose administrators it is shared with; none where it is for those who see all.
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="saved_views")

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_saved_view_per_owner_and_name")]

    def __str__(self) -> str:
        return self.name
