from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from .scopes import Reach


class ExportQuerySet(models.QuerySet["Export"]):
    def visible_to(self, user: Any, see: Reach) -> ExportQuerySet:
        """Keep all for those who see all sessions, for everybody else his own."""
        return self if "all" in see else self.filter(actor_id=user.pk)

    def begun_within(self, span: timedelta) -> ExportQuerySet:
        return self.filter(created_on__gt=Now() - span)


class Export(models.Model):
    """One file that somebody took along: who, when, which list, what its filter kept and how many rows he got."""

    class What(models.TextChoices):
        SESSIONS = "sessions", "Active user sessions"
        LOGIN_RECORDS = "login-records", "Login records"
        REVIEW = "access-review", "Access review"

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="exports")
    actor_label = models.CharField(max_length=254, blank=True)
    created_on = models.DateTimeField(db_default=Now())
    what = models.CharField(max_length=20, choices=What)
    conditions = models.JSONField(encoder=DjangoJSONEncoder)
    reach = models.JSONField(encoder=DjangoJSONEncoder)
    in_words = models.TextField(blank=True)
    rows = models.BigIntegerField(db_default=0, default=0)
    # Without one it is under way, or its process died.
    finished_on = models.DateTimeField(null=True, blank=True)
    broken_off = models.CharField(max_length=200, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ["view"]
        indexes = [models.Index(fields=["actor", "created_on"], name="export_by_actor")]

    def __str__(self) -> str:
        return f"{self.in_words} by {self.actor_label}"
