"""The triggers that keep the history of sessions as it is: no event is changed or deleted, but in retention."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections

from .models import SessionEvent
from .models.events import RETENTION

NAME = "sessions_ui_history"
REFUSAL = "Session events cannot be changed or deleted."
TABLE = SessionEvent._meta.db_table
POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('{RETENTION}', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE OR REPLACE TRIGGER {NAME} BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {NAME}();
CREATE OR REPLACE TRIGGER {NAME}_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION {NAME}();
"""
# The function is one of ours (models/lookups.py): where another program lacks it, SQLite refuses as well.
SQLITE = {
    f"{NAME}_{action}": f"BEFORE {action.upper()} ON {TABLE} WHEN NOT sessions_ui_retention() "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    for action in ("update", "delete")
}


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Create the triggers where the table of events is there."""
    connection = connections[using]
    if TABLE not in connection.introspection.table_names():
        return
    drop(using)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL)
            return
        for name, action in SQLITE.items():
            cursor.execute(f"CREATE TRIGGER {name} {action}")


def drop(using: str = DEFAULT_DB_ALIAS) -> None:
    """Remove the triggers that are there."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            if TABLE in connection.introspection.table_names():
                for name in (NAME, f"{NAME}_truncate"):
                    cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
            return
        for name in SQLITE:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
