"""Noticing that the database was restored from a backup: ended sessions would be live again (YARDSTICK F39, R055).

Whoever tidies keeps the newest event that it saw in a file outside of the
database. A database that does not know that event is older than it was.
"""

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder

from .models import SessionEvent

COMMAND = "manage.py terminate_sessions --all --restored --yes"
logger = logging.getLogger(__name__)


def is_restored(using: str) -> bool:
    """Return whether the database has lost the newest event that was seen in it."""
    marks = _read()
    known = marks.get(_identity(using)) if marks else None
    return known is not None and not SessionEvent.objects.using(using).filter(public_id=known).exists()


def watch(using: str) -> None:
    """Remember the newest event, or say in the log that the database was restored."""
    if is_restored(using):
        logger.error("The database was restored from a backup, and sessions ended since are live again: %s", COMMAND)
        return
    remember(using)


def remember(using: str) -> None:
    """Write the newest event into the file that RESTORE_MARK_FILE names, if one is set."""
    newest = SessionEvent.objects.using(using).order_by("-id").values_list("public_id", flat=True).first()
    marks, name, file = _read(), _identity(using), _file()
    if file is None or newest is None or marks.get(name) == str(newest):
        return
    try:
        # Whole or not at all: a half-written file would be no mark.
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as fresh:
            json.dump(marks | {name: str(newest)}, fresh)
        Path(fresh.name).replace(file)
    except OSError as error:
        logger.warning("A restored database will not be noticed: %s cannot be written. %s", file, error)


def _file() -> Path | None:
    path = getattr(settings, "RESTORE_MARK_FILE", "")
    return Path(path) if path else None


def _read() -> dict[str, str]:
    file = _file()
    try:
        marks: Any = json.loads(file.read_text()) if file else {}
    except (OSError, ValueError):
        return {}
    return marks if isinstance(marks, dict) else {}


def _identity(using: str) -> str:
    """Return when the first migration was applied: the same in a backup, wherever it is restored, and in no other."""
    migrations = MigrationRecorder.Migration.objects.using(using).order_by("id")
    return str(migrations.values_list("applied", flat=True).first())
