from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connections, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from .insert_select import insert_select
from .sessions import Session, SessionQuerySet
from .terminations import Termination

# Longer than one attempt can take: until then nobody else takes the letter.
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=1)


class LetterQuerySet(models.QuerySet["Letter"]):
    def about_sign_in(self, session: Session, user: AbstractBaseUser) -> None:
        """Write to the person who has just signed in, if he has an address; whether it is news is decided later."""
        if address := getattr(user, user.get_email_field_name(), ""):
            self.create(user_id=user.pk, address=address, session_public_id=session.public_id)

    def about_ended(self, sessions: SessionQuerySet, termination: Termination) -> None:
        """Write once to each person with an address whose sessions it ends, but for the one who ends them."""
        email = get_user_model().get_email_field_name()
        if email not in {field.name for field in get_user_model()._meta.concrete_fields}:
            return
        addressed = sessions.signed_in().filter(**{f"user__{email}__gt": ""})
        if termination.actor_id is not None:
            addressed = addressed.exclude(user_id=termination.actor_id)
        columns: dict[str, Any] = {
            "user_id": F("user_id"),
            "address": F(f"user__{email}"),
            "termination_id": termination.pk,
        }
        insert_select(Letter, addressed.order_by().distinct(), columns, ignore_conflicts=True)

    def claim(self) -> Letter | None:
        """Take the oldest letter that is due, None if there is none, and put it off for the case that it is not sent.

        It counts as tried before it is: whoever is killed in the middle leaves it to be sent
        after the pause, and of two who ask at once only one gets it.
        """
        unfinished = Termination.objects.using(self.db).unfinished()
        due = self.filter(due_on__lte=Now()).exclude(termination__in=unfinished).order_by("id")
        if not due.exists():
            return None
        skip_locked = connections[self.db].features.has_select_for_update_skip_locked
        with transaction.atomic(self.db):
            letter = due.select_for_update(skip_locked=skip_locked).first()
            if letter is not None:
                pause = min(FIRST_PAUSE * 2**letter.tries, LONGEST_PAUSE)
                self.filter(pk=letter.pk).update(tries=F("tries") + 1, due_on=Now() + pause)
        return letter

    def give_up(self) -> int:
        """Drop what is older than GIVEN_UP_AFTER, and return how many letters that were."""
        return self.filter(created_on__lt=Now() - GIVEN_UP_AFTER).delete()[0]


class Letter(models.Model):
    """What a person is still to be told by mail: of a sign-in, or of his sessions that a termination ended.

    Written in the transaction of what it tells of, removed when it has been sent. The
    address is that of then: whoever took the person's place may have changed it since.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    address = models.TextField()
    session_public_id = models.UUIDField(null=True)
    termination = models.ForeignKey(Termination, models.CASCADE, null=True, db_index=False, related_name="+")
    created_on = models.DateTimeField(db_default=Now())
    due_on = models.DateTimeField(db_default=Now(), db_index=True)
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)

    objects = LetterQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["termination", "user"], name="one_letter_per_termination_and_user"),
            models.CheckConstraint(
                condition=Q(session_public_id=None, termination__isnull=False)
                | Q(session_public_id__isnull=False, termination=None),
                name="letter_is_about_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"A letter about {'a sign-in' if self.termination_id is None else 'ended sessions'}"
