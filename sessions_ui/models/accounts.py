from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from .plain_text import refuse_unseen


def refuse_no_account_slug(slug: str) -> None:
    """Refuse the one slug that the list's filter reads as "no account"."""
    if slug == "-":
        raise ValidationError("“-” stands for “no account” in filters; choose another slug.")


class Account(models.Model):
    """A tenant: the company or team on whose behalf people sign in."""

    name = models.CharField(max_length=200, validators=[refuse_unseen])
    slug = models.SlugField(max_length=100, unique=True, validators=[refuse_no_account_slug])

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user in an account, with a role."""

    class Role(models.TextChoices):
        MEMBER = "member", "Member"
        ADMIN = "admin", "Administrator"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    account = models.ForeignKey(Account, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)

    class Meta:
        ordering = ["account__name", "id"]
        constraints = [models.UniqueConstraint(fields=["user", "account"], name="one_membership_per_user_and_account")]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}"


class Application(models.Model):
    """A site or program that people sign in to; made on its first sign-in."""

    name = models.CharField(max_length=200, validators=[refuse_unseen])
    slug = models.SlugField(max_length=100, unique=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
