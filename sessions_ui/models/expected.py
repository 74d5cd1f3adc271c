from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Expected(models.Model):
    """Somebody's word that one kind of hint is to be expected of a person in an account from a network."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # An administrator of one account says nothing about sessions in another.
    account_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=20)
    network = models.CharField(max_length=50, blank=True)
    said = models.TextField()
    session_public_id = models.UUIDField()
    happened_on = models.DateTimeField(db_default=Now())
    actor_label = models.CharField(max_length=254)
    taken_back_on = models.DateTimeField(null=True)
    taken_back_label = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ["-id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.kind} from {self.network} is expected of {self.user}"
