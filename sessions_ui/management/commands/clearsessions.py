from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, router

from sessions_ui.models import Session
from sessions_ui.postman import Postman
from sessions_ui.sweep import tidy


class Command(BaseCommand):
    help = (
        "Remove expired sessions and what LOGIN_RECORD_DAYS no longer keeps, go on with unfinished terminations, send "
        "letters; run it every ten minutes."
    )

    def handle(self, **options: Any) -> None:
        using = router.db_for_write(Session)
        try:
            tidied = tidy(using)
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database does not answer; run this again when it does. {error}") from error
        self.stdout.write(
            f"Expired sessions removed: {tidied.expired}; "
            f"terminations finished: {tidied.finished}, still unfinished: {tidied.unfinished}; "
            f"old events removed: {tidied.old}."
        )
        postman = Postman(using, Event())
        while postman.round():
            continue
