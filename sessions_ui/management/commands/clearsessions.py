from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, router

from sessions_ui import worker
from sessions_ui.models import Session
from sessions_ui.models.scopes import UnreadableScope
from sessions_ui.postman import Postman


class Command(BaseCommand):
    help = (
        "Do once what the worker does all the time: go on with unfinished terminations, remove expired sessions and "
        "what LOGIN_RECORD_DAYS no longer keeps, apply new names, send letters. Run it every two minutes."
    )

    def handle(self, **options: Any) -> None:
        using = router.db_for_write(Session)
        try:
            tidied = worker.once(using)
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database does not answer; run this again when it does. {error}") from error
        except UnreadableScope as error:
            raise CommandError(f"Nothing is tidied: a later version made this termination. {error}") from error
        self.stdout.write(
            f"Expired sessions removed: {tidied.expired}; "
            f"terminations finished: {tidied.finished}, still unfinished: {tidied.unfinished}; "
            f"old events removed: {tidied.old}."
        )
        postman = Postman(using, Event())
        while postman.round():
            continue
