from typing import Any

from django.core.management.commands import flush

from sessions_ui.models.events import retention


class Command(flush.Command):
    """Django's command, which may empty the history as well: tests that commit end with it."""

    def handle(self, **options: Any) -> None:
        with retention(options["database"]):
            super().handle(**options)
