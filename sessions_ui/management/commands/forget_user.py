from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import router
from django.db.models import ProtectedError, RestrictedError

from sessions_ui import retention
from sessions_ui.models import SessionEvent


class Command(BaseCommand):
    help = (
        "Erase a person: end his sessions, delete his user, and take his identity out of the history. Counts stay. "
        "Whose user is deleted already is found by his user name. Without --yes it only says what would happen."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--yes", action="store_true", help="do it; it cannot be taken back")

    def handle(self, *, username: str, yes: bool, **options: Any) -> None:
        User, using = get_user_model(), router.db_for_write(SessionEvent)
        user = User._base_manager.using(using).filter(**{User.USERNAME_FIELD: username}).first()
        keys = retention.keys_of(username, user, using)
        number = retention.events_of(keys, retention.names_of(username, user), using).count()
        if user is None and not number:
            raise CommandError(f"There is no user “{username}”, and no event tells of one. Nothing has happened.")
        if not yes:
            deletes = "end the sessions of the user, delete him" if user else "find that the user is deleted already"
            self.stdout.write(
                f"Would {deletes}, and take the identity out of {number:,} events. Nothing has happened. "
                "Add --yes to do it."
            )
            return
        try:
            number = retention.forget(username, user, using)
        except (ProtectedError, RestrictedError) as error:
            raise CommandError(f"Other records need this user; nothing has happened. {error.args[0]}") from error
        self.stdout.write(f"{username} is forgotten: {number:,} events tell of nobody now.")
