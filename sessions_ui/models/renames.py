from django.db import models
from django.db.models.functions import Now


class Rename(models.Model):
    """A user, account or application whose texts have changed, and whose sessions are still found by the old ones."""

    class Of(models.TextChoices):
        USER = "user"
        ACCOUNT = "account"
        APPLICATION = "application"

    of = models.CharField(max_length=20, choices=Of)
    key = models.CharField(max_length=64)
    happened_on = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.of} {self.key}"
