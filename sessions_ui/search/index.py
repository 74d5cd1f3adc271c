"""The search index of each database: trigrams in a GIN on PostgreSQL, in an FTS5 table on SQLite.

It only accelerates: what a search finds is decided by the search text itself.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from sessions_ui.models import Session

NAME = "sessions_ui_search"
TABLE = Session._meta.db_table
EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
# A sign-in leaves its trigrams in a pending list, 2.5 times as fast as into the tree. Whoever fills the list clears
# it: at 1 MB that takes 20 ms, at the default of 4 MB it took 59; and a search reads it to its end.
POSTGRESQL = (
    f"INDEX {{concurrently}} {NAME} ON {TABLE} USING gin (search_text gin_trgm_ops) "
    "WITH (fastupdate = on, gin_pending_list_limit = 1024) WHERE user_id IS NOT NULL"
)
# Nobody is ranked, so the lengths of the texts are not kept.
SQLITE_TABLE = (
    f"CREATE VIRTUAL TABLE {NAME} USING fts5(search_text, content='{TABLE}', content_rowid='id', "
    "tokenize='trigram case_sensitive 1', columnsize=0)"
)
ADD = f"INSERT INTO {NAME} (rowid, search_text) SELECT NEW.id, NEW.search_text WHERE NEW.search_text <> ''"
FILL = f"INSERT INTO {NAME} (rowid, search_text) SELECT id, search_text FROM {TABLE} WHERE search_text <> ''"  # noqa: S608
# A sign-in leaves a segment of its own. Merged by fours, as is the default, it costs two and a half times as much.
MERGE = f"INSERT INTO {NAME} ({NAME}, rank) VALUES ('automerge', 8)"  # noqa: S608
REMOVE = (
    f"INSERT INTO {NAME} ({NAME}, rowid, search_text) "
    "SELECT 'delete', OLD.id, OLD.search_text WHERE OLD.search_text <> ''"
)
SQLITE_TRIGGERS = {
    f"{NAME}_insert": f"AFTER INSERT ON {TABLE} BEGIN {ADD}; END",
    f"{NAME}_delete": f"AFTER DELETE ON {TABLE} BEGIN {REMOVE}; END",
    f"{NAME}_update": f"AFTER UPDATE OF search_text ON {TABLE} BEGIN {REMOVE}; {ADD}; END",
}
HINT = {
    "postgresql": f"Let a superuser run “{EXTENSION};” in this database, then run manage.py migrate.",
    "sqlite": "Use an SQLite of version 3.34 or later with FTS5, then run manage.py migrate.",
}
_seen: set[str] = set()


def is_there(using: str) -> bool:
    """Return whether the index can be used; a process asks until it is there."""
    if using not in _seen and _find(connections[using]):
        _seen.add(using)
    return using in _seen


def _find(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [NAME])
            return bool(cursor.fetchone() == (True,))
        names = [NAME, *SQLITE_TRIGGERS]
        marks = ", ".join(["%s"] * len(names))
        cursor.execute(f"SELECT count(*) FROM sqlite_master WHERE name IN ({marks})", names)  # noqa: S608
        return bool(cursor.fetchone()[0] == len(names))


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Make the index where it is not there; a database that cannot have one is left as it is, and a check says so."""
    connection = connections[using]
    _seen.discard(using)
    if TABLE not in connection.introspection.table_names() or _find(connection):
        return
    install_on = _install_on_postgresql if connection.vendor == "postgresql" else _install_on_sqlite
    # A statement that fails spoils the transaction around it; outside of one, CONCURRENTLY can be had.
    around = transaction.atomic(using) if connection.in_atomic_block else nullcontext()
    with suppress(DatabaseError), around:
        install_on(connection)


def _install_on_postgresql(connection: BaseDatabaseWrapper) -> None:
    # Sign-ins go on meanwhile; within a transaction that is not possible.
    concurrently = "" if connection.in_atomic_block else "CONCURRENTLY"
    with connection.cursor() as cursor:
        with transaction.atomic(connection.alias):
            cursor.execute(EXTENSION)
        # An interrupted one leaves an invalid index behind.
        cursor.execute(f"DROP INDEX IF EXISTS {NAME}")
        cursor.execute(f"CREATE {POSTGRESQL.format(concurrently=concurrently)}")


def _install_on_sqlite(connection: BaseDatabaseWrapper) -> None:
    """Make table and triggers, and fill them: a migration that rebuilds the table of sessions takes them away."""
    with transaction.atomic(connection.alias), connection.cursor() as cursor:
        for name in SQLITE_TRIGGERS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute(f"DROP TABLE IF EXISTS {NAME}")
        cursor.execute(SQLITE_TABLE)
        for name, action in SQLITE_TRIGGERS.items():
            cursor.execute(f"CREATE TRIGGER {name} {action}")
        cursor.execute(FILL)
        cursor.execute(MERGE)


def drop(using: str = DEFAULT_DB_ALIAS) -> None:
    """Remove the index if it is there."""
    connection = connections[using]
    _seen.discard(using)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP INDEX IF EXISTS {NAME}")
            return
        for name in SQLITE_TRIGGERS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute(f"DROP TABLE IF EXISTS {NAME}")
