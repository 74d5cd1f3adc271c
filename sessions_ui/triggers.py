"""The trigger on the user table: disabling a user ends his sessions, also through QuerySet.update().

Enabling him again does so too: what slipped in meanwhile, a sign-in that was under
way, does not revive (YARDSTICK R025). Installed after each migrate, because SQLite
drops the triggers of a table that a migration rebuilds.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connections

from .models import Session, Termination

NAME = "sessions_ui_user_activity"
REASON = "The user was disabled or enabled"

POSTGRESQL = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {termination} (conditions, reach, in_words, cut_off, actor_label, reason, note)
    SELECT jsonb_build_object('user', NEW.{pk}), '{{"all": true}}', 'Every session of ' || NEW.{username},
           (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}), '', '{reason}', ''
    WHERE EXISTS (SELECT 1 FROM {session} WHERE user_id = NEW.{pk});
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER {name} AFTER UPDATE OF is_active ON {user}
FOR EACH ROW WHEN (OLD.is_active IS DISTINCT FROM NEW.is_active) EXECUTE FUNCTION {name}();
"""
SQLITE = """
CREATE TRIGGER IF NOT EXISTS {name} AFTER UPDATE OF is_active ON {user}
FOR EACH ROW WHEN OLD.is_active IS NOT NEW.is_active
BEGIN
    INSERT INTO {termination} (conditions, reach, in_words, cut_off, actor_label, reason, note)
    SELECT json_object('user', NEW.{pk}), '{{"all": true}}', 'Every session of ' || NEW.{username},
           (SELECT COALESCE(MAX(id), 0) FROM {session}), '', '{reason}', ''
    WHERE EXISTS (SELECT 1 FROM {session} WHERE user_id = NEW.{pk});
END
"""


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Create the trigger where the user model keeps is_active in its own table and our tables are there."""
    User = get_user_model()
    connection = connections[using]
    tables = connection.introspection.table_names()
    if "is_active" not in {field.column for field in User._meta.local_concrete_fields}:
        return
    if User._meta.db_table not in tables:
        return
    if not {Session._meta.db_table, Termination._meta.db_table} <= set(tables):
        # After `migrate sessions_ui zero` it would make every change of is_active fail.
        drop(using)
        return
    quote = connection.ops.quote_name
    names: dict[str, Any] = {
        "name": NAME,
        "reason": REASON,
        "user": quote(User._meta.db_table),
        "pk": quote(User._meta.pk.attname),
        "username": quote(User.USERNAME_FIELD),
        "session": quote(Session._meta.db_table),
        "termination": quote(Termination._meta.db_table),
    }
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [Session._meta.db_table])
            names["sequence"] = cursor.fetchone()[0]
            cursor.execute(POSTGRESQL.format(**names))
        else:
            cursor.execute(SQLITE.format(**names))


def drop(using: str = DEFAULT_DB_ALIAS) -> None:
    """Remove the trigger if it is there."""
    connection = connections[using]
    on_table = ""
    if connection.vendor == "postgresql":
        on_table = f" ON {connection.ops.quote_name(get_user_model()._meta.db_table)}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER IF EXISTS {NAME}{on_table}")
