from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import router, transaction
from django.db.models import ProtectedError, RestrictedError

from sessions_ui import retention
from sessions_ui.models import SessionEvent


class Command(BaseCommand):
    help = (
        "Erase a person: end his sessions, take his identity out of the history, and delete his user. Counts stay. "
        "Without --yes it only says what would happen."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--yes", action="store_true", help="do it; it cannot be taken back")

    def handle(self, *, username: str, yes: bool, **options: Any) -> None:
        User, using = get_user_model(), router.db_for_write(SessionEvent)
        user = User._default_manager.filter(**{User.USERNAME_FIELD: username}).first()
        if user is None:
            raise CommandError(f"There is no user “{username}”. Nothing has happened.")
        events = SessionEvent.objects.using(using).filter(user_key=str(user.pk)).count()
        if not yes:
            self.stdout.write(
                f"Would end the sessions of {username}, take the identity out of {events:,} events and delete the "
                "user. Nothing has happened. Add --yes to do it."
            )
            return
        try:
            with transaction.atomic(using):
                pk = user.pk
                # Ends his sessions first, each with its event.
                user.delete()
                user.pk = pk
                number = retention.forget(user, using)
        except (ProtectedError, RestrictedError) as error:
            raise CommandError(f"Other records need this user; nothing has happened. {error.args[0]}") from error
        self.stdout.write(f"{username} is forgotten: the user is deleted, and {number:,} events tell of nobody now.")
