"""After a rename, sessions are found by the new name: triggers note the rename, the worker refreshes their texts.

Until it has done so, who searches for the new name of an account or application is
given its sessions by its id, which is exact, and stands in a scope like any other condition.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, models, transaction
from django.db.models.functions import Now

from . import naming
from .models import Account, Application, Rename, Session, Termination
from .models.scopes import Conditions
from .models.search_text import give_parts, search_text
from .pacing import Pace

# A sign-in under way may have read the old name, and commits after the refresh.
SETTLED = timedelta(seconds=10)
LOCK_NOT_AVAILABLE = "55P03"
# So many renames are looked at where sessions are also sought by what these were renamed to.
MOST = 100


class Renamed(NamedTuple):
    """What can be renamed: its model, the columns that are watched, and the parts of the search text made of it."""

    model: Any
    columns: list[str]
    parts: Callable[[Any], dict[str, str | None]]


def renamed() -> dict[str, Renamed]:
    User = get_user_model()
    # What get_full_name() is made of is the project's own affair: any text but the password.
    texts = [field for field in User._meta.local_concrete_fields if isinstance(field, models.CharField)]
    columns = [str(field.column) for field in texts if field.name != "password"]
    return {
        Rename.Of.USER: Renamed(User, columns, naming.searchable_user),
        Rename.Of.ACCOUNT: Renamed(Account, ["name", "slug"], naming.searchable_account),
        Rename.Of.APPLICATION: Renamed(Application, ["name", "slug"], naming.searchable_application),
    }


def being_renamed() -> list[tuple[str, Conditions]]:
    """Return the new texts of accounts and applications whose sessions may hold old ones, each with what keeps these.

    They may have hundreds of thousands. A person has few, and they are refreshed within seconds.
    """
    noted = set(Rename.objects.exclude(of=Rename.Of.USER).order_by().values_list("of", "key").distinct()[:MOST])
    return [
        (search_text(kind.parts(thing)), {str(of): thing.pk})
        for of, kind in (renamed().items() if noted else ())
        for thing in kind.model._default_manager.filter(pk__in=[key for its, key in noted if its == of])
    ]


def refresh(using: str, pace: Pace) -> int:
    """Give sessions the new names of what was renamed, in batches; return how many sessions there were.

    Never while a termination is unfinished: its scope may be of words, and what it
    covers must not change. The next round goes on.
    """
    refreshed = 0
    for rename in Rename.objects.using(using).filter(happened_on__lte=Now() - SETTLED):
        last: int | None = 0
        while last is not None:
            above = last
            with pace.batch() as rows, transaction.atomic(using):
                if not no_termination_begins(using):
                    return refreshed
                last, changed = _refresh_batch(rename, using, above, rows)
                refreshed += changed
        rename.delete()
    return refreshed


def no_termination_begins(using: str) -> bool:
    """Return whether no termination is unfinished, nor can begin before the end of this transaction."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        try:
            with transaction.atomic(using), connection.cursor() as cursor:
                # Whoever waited for this lock would hold every termination up.
                cursor.execute(f"LOCK TABLE {Termination._meta.db_table} IN SHARE MODE NOWAIT")
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") == LOCK_NOT_AVAILABLE:
                return False
            raise
    return not Termination.objects.using(using).unfinished().exists()


def _refresh_batch(rename: Rename, using: str, above: int, rows: int) -> tuple[int | None, int]:
    """Refresh so many sessions above this id; return the last id of them, None when there was none, and how many."""
    kind = renamed()[rename.of]
    thing = kind.model._default_manager.using(using).filter(pk=rename.key).first()
    if thing is None:
        return None, 0
    sessions = Session.objects.using(using).signed_in()
    ids = list(sessions.filter(**{rename.of: thing}, id__gt=above).order_by("id").values_list("id", flat=True)[:rows])
    changed = give_parts(sessions.filter(pk__in=ids), kind.parts(thing)) if ids else 0
    return max(ids, default=None), changed


POSTGRESQL = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {rename} (of, key) VALUES ('{of}', NEW.{pk});
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER {name} AFTER UPDATE ON {table}
FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION {name}();
"""
SQLITE = """
CREATE TRIGGER {name} AFTER UPDATE ON {table} FOR EACH ROW WHEN ({old}) IS NOT ({new})
BEGIN
    INSERT INTO {rename} (of, key) VALUES ('{of}', NEW.{pk});
END
"""


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Create the triggers on the tables of users, accounts and applications."""
    connection = connections[using]
    tables = connection.introspection.table_names()
    drop(using)
    for of, kind in renamed().items():
        table = kind.model._meta.db_table
        if not {table, Rename._meta.db_table} <= set(tables):
            continue
        quote = connection.ops.quote_name
        names = {
            "name": name_of(of),
            "of": of,
            "table": quote(table),
            "rename": quote(Rename._meta.db_table),
            "pk": quote(kind.model._meta.pk.attname),
            "old": ", ".join(f"OLD.{quote(column)}" for column in kind.columns),
            "new": ", ".join(f"NEW.{quote(column)}" for column in kind.columns),
        }
        with connection.cursor() as cursor:
            cursor.execute((POSTGRESQL if connection.vendor == "postgresql" else SQLITE).format(**names))


def name_of(of: str) -> str:
    return f"sessions_ui_{of}_renamed"


def drop(using: str = DEFAULT_DB_ALIAS) -> None:
    """Remove the triggers that are there."""
    connection = connections[using]
    tables = connection.introspection.table_names()
    for of, kind in renamed().items():
        table = kind.model._meta.db_table
        if table not in tables:
            continue
        on_table = f" ON {connection.ops.quote_name(table)}" if connection.vendor == "postgresql" else ""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name_of(of)}{on_table}")
