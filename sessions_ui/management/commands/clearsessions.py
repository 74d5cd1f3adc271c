from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from django.db.models.functions import Now

from sessions_ui.backends.db import SessionStore
from sessions_ui.models import Session, Termination


class Command(BaseCommand):
    help = "Remove expired sessions and go on with unfinished terminations; run it daily."

    def handle(self, **options: Any) -> None:
        try:
            self.stdout.write(tidy())
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database does not answer; run this again when it does. {error}") from error


def tidy() -> str:
    """Tidy, and say in a sentence what was done."""
    removed = Session.objects.filter(expire_date__lte=Now()).count()
    begun = list(Termination.objects.unfinished().values_list("pk", flat=True))
    SessionStore.clear_expired()
    finished = Termination.objects.filter(pk__in=begun, finished_on__isnull=False).count()
    left = len(begun) - finished
    return f"Expired sessions removed: {removed}; terminations finished: {finished}, still unfinished: {left}."
