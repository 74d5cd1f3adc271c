from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, router

from sessions_ui.models import Session
from sessions_ui.sweep import tidy


class Command(BaseCommand):
    help = "Remove expired sessions and go on with unfinished terminations; run it every ten minutes."

    def handle(self, **options: Any) -> None:
        try:
            tidied = tidy(router.db_for_write(Session))
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database does not answer; run this again when it does. {error}") from error
        self.stdout.write(
            f"Expired sessions removed: {tidied.expired}; "
            f"terminations finished: {tidied.finished}, still unfinished: {tidied.unfinished}."
        )
