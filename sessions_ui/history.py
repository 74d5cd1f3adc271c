"""The triggers that keep the history of sessions as it is: no event is changed or deleted, but in retention."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections

from .models import SessionEvent
from .models.events import END_KINDS, RETENTION

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
ENDS = ", ".join(f"'{kind}'" for kind in END_KINDS)
# The function is one of ours (models/lookups.py): where another program lacks it, SQLite refuses as well.
DECLARED = "sessions_ui_retention()"
# INSERT OR REPLACE deletes, and the trigger of deletes is not told. This one must do without our function: servers of
# the version before sign people in until they are restarted.
THERE = f"""
    EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM {TABLE} WHERE public_id = NEW.public_id)
    OR NEW.kind IN ({ENDS})
    AND EXISTS (SELECT 1 FROM {TABLE} WHERE session_public_id = NEW.session_public_id AND kind IN ({ENDS}))
"""  # noqa: S608
REFUSED = {"update": f"NOT {DECLARED}", "delete": f"NOT {DECLARED}", "insert": THERE}
SQLITE = {
    f"{NAME}_{action}": f"BEFORE {action.upper()} ON {TABLE} WHEN {condition} "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    for action, condition in REFUSED.items()
}


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Create the triggers where the table of events is there."""
    connection = connections[using]
    if TABLE not in connection.introspection.table_names():
        return
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(POSTGRESQL)
        return
    drop(using)
    with connection.cursor() as cursor:
        for name, action in SQLITE.items():
            cursor.execute(f"CREATE TRIGGER {name} {action}")


def names(vendor: str) -> list[str]:
    """Return the names of the triggers."""
    return [NAME, f"{NAME}_truncate"] if vendor == "postgresql" else list(SQLITE)


def drop(using: str = DEFAULT_DB_ALIAS) -> None:
    """Remove the triggers that are there."""
    connection = connections[using]
    if TABLE not in connection.introspection.table_names():
        return
    on_table = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for name in names(connection.vendor):
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")
