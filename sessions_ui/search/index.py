"""The search indexes of each database: trigrams in a GIN on PostgreSQL, in an FTS5 table on SQLite.

They only accelerate: what a search finds is decided by the search text itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, Q

from sessions_ui.models import Session, SessionEvent
from sessions_ui.models.events import on_sign_ins
from sessions_ui.models.functions import INDEXED_ERA

EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"
# A sign-in leaves its trigrams in a pending list, 2.5 times as fast as into the tree; a search reads it to its end.
# The worker clears it; before that whoever fills it does: at 1 MB that takes 20 ms, at the default of 4 MB it took 59.
# The eras let a search ask for the newest rows first.
GIN = (
    "INDEX {concurrently} {name} ON {table} "
    f"USING gin (search_text gin_trgm_ops, ({INDEXED_ERA.format(id='id')})) "
    "WITH (fastupdate = on, gin_pending_list_limit = 1024) WHERE {condition}"
)
# Nobody is ranked, so the lengths of the texts are not kept; nor where in a text each trigram stands, which would make
# the index three times as large: what it finds is compared anyway.
FTS5 = (
    "VIRTUAL TABLE {name} USING fts5(search_text, content='{table}', content_rowid='id', "
    "tokenize='trigram case_sensitive 1', columnsize=0, detail=none)"
)
# However PostgreSQL writes the expression down.
MADE_AS_TODAY = """
SELECT indisvalid AND translate(pg_get_indexdef(indexrelid, 2, true), '() ', '') = translate(%s, '() ', '')
FROM pg_index WHERE indexrelid = to_regclass(%s)
"""
HINT = {
    "postgresql": f"Let a superuser run “{EXTENSION};” in this database, then run manage.py migrate.",
    "sqlite": "Use an SQLite of version 3.34 or later with FTS5, then run manage.py migrate.",
}


@dataclass(frozen=True, eq=False)
class SearchIndex:
    """The index over the rows of a table that are searched, and how conditions on sessions are said of them."""

    name: str
    model: type[Model]
    on_postgresql: str
    on_sqlite: str
    rows: Callable[[str], Any]
    translated: Callable[[Q], Q] = lambda condition: condition
    seen: set[str] = field(default_factory=set)

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def match(self) -> str:
        """The condition that FTS5 finds rows by."""
        return f"{self.name} MATCH %s"

    @property
    def triggers(self) -> dict[str, str]:
        """Those that keep the FTS5 table; rows that are not searched are not in it."""
        new, old = (self.on_sqlite.format(row=row) for row in ("NEW.", "OLD."))
        add = f"INSERT INTO {self.name} (rowid, search_text) SELECT NEW.id, NEW.search_text WHERE {new}"
        remove = (
            f"INSERT INTO {self.name} ({self.name}, rowid, search_text) "
            f"SELECT 'delete', OLD.id, OLD.search_text WHERE {old}"
        )
        return {
            f"{self.name}_insert": f"AFTER INSERT ON {self.table} BEGIN {add}; END",
            f"{self.name}_delete": f"AFTER DELETE ON {self.table} BEGIN {remove}; END",
            f"{self.name}_update": f"AFTER UPDATE OF search_text ON {self.table} BEGIN {remove}; {add}; END",
        }

    @property
    def _fts5(self) -> str:
        return FTS5.format(name=self.name, table=self.table)

    def is_there(self, using: str) -> bool:
        """Return whether the index can be used; a process asks until it is there."""
        if using not in self.seen and self._find(connections[using]):
            self.seen.add(using)
        return using in self.seen

    def _find(self, connection: BaseDatabaseWrapper) -> bool:
        """Return whether it is there as it is made today: an earlier version made it otherwise."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(MADE_AS_TODAY, [INDEXED_ERA.format(id="id"), self.name])
                return bool(cursor.fetchone() == (True,))
            made = [f"CREATE {self._fts5}", *(f"CREATE TRIGGER {name} {how}" for name, how in self.triggers.items())]
            marks = ", ".join(["%s"] * len(made))
            cursor.execute(f"SELECT count(*) FROM sqlite_master WHERE sql IN ({marks})", made)  # noqa: S608
            return bool(cursor.fetchone()[0] == len(made))

    def install(self, using: str) -> None:
        """Make the index where it is not there; a database that cannot have one is left as it is, a check says so."""
        connection = connections[using]
        self.seen.discard(using)
        if self.table not in connection.introspection.table_names() or self._find(connection):
            return
        install_on = self._install_on_postgresql if connection.vendor == "postgresql" else self._install_on_sqlite
        # A statement that fails spoils the transaction around it; outside of one, CONCURRENTLY can be had.
        around = transaction.atomic(using) if connection.in_atomic_block else nullcontext()
        with suppress(DatabaseError), around:
            install_on(connection)

    def _install_on_postgresql(self, connection: BaseDatabaseWrapper) -> None:
        # Sign-ins go on meanwhile; within a transaction that is not possible.
        concurrently = "" if connection.in_atomic_block else "CONCURRENTLY"
        names = {"name": self.name, "table": self.table, "condition": self.on_postgresql}
        with connection.cursor() as cursor:
            with transaction.atomic(connection.alias):
                cursor.execute(EXTENSION)
            # An interrupted one leaves an invalid index behind.
            cursor.execute(f"DROP INDEX IF EXISTS {self.name}")
            cursor.execute(f"CREATE {GIN.format(concurrently=concurrently, **names)}")
            # How common each era is stands with the index: PostgreSQL would guess until a tenth of the rows is new.
            cursor.execute(f"ANALYZE {self.table}")

    def _install_on_sqlite(self, connection: BaseDatabaseWrapper) -> None:
        """Make table and triggers, and fill them: a migration that rebuilds the searched table takes them away."""
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            for name in self.triggers:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(f"DROP TABLE IF EXISTS {self.name}")
            cursor.execute(f"CREATE {self._fts5}")
            for name, action in self.triggers.items():
                cursor.execute(f"CREATE TRIGGER {name} {action}")
            searched = f"SELECT id, search_text FROM {self.table} WHERE {self.on_sqlite.format(row='')}"  # noqa: S608
            cursor.execute(f"INSERT INTO {self.name} (rowid, search_text) {searched}")
            # Of many segments, sign-ins would merge what the filling leaves: inserts took 3.6 x as long, now 1.6 x.
            cursor.execute(f"INSERT INTO {self.name} ({self.name}) VALUES ('optimize')")  # noqa: S608
            # A sign-in leaves a segment of its own. Merged by fours, as is the default, that costs 2.5 times as much.
            cursor.execute(f"INSERT INTO {self.name} ({self.name}, rank) VALUES ('automerge', 8)")  # noqa: S608

    def clear_pending(self, using: str) -> None:
        """Sort into PostgreSQL's index what sign-ins have left beside it; only its owner may."""
        if connections[using].vendor == "postgresql" and self.is_there(using):
            with suppress(ProgrammingError), transaction.atomic(using), connections[using].cursor() as cursor:
                cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", [self.name])

    def drop(self, using: str) -> None:
        """Remove the index if it is there."""
        connection = connections[using]
        self.seen.discard(using)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP INDEX IF EXISTS {self.name}")
                return
            for name in self.triggers:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(f"DROP TABLE IF EXISTS {self.name}")


SESSIONS = SearchIndex(
    "sessions_ui_search",
    Session,
    "user_id IS NOT NULL",
    "{row}search_text <> ''",
    lambda using: Session.objects.using(using).signed_in(),
)
_sign_ins = "kind IN ({})".format(", ".join(f"'{kind.value}'" for kind in SessionEvent.SIGN_INS))
LOGIN_RECORDS = SearchIndex(
    "sessions_ui_record_search",
    SessionEvent,
    _sign_ins,
    "{row}" + _sign_ins,
    lambda using: SessionEvent.objects.using(using).sign_ins(),
    on_sign_ins,
)


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Make the indexes that are not there."""
    for one in (SESSIONS, LOGIN_RECORDS):
        one.install(using)


def clear_pending(using: str) -> None:
    """Sort in what sign-ins have left beside the indexes."""
    for one in (SESSIONS, LOGIN_RECORDS):
        one.clear_pending(using)


def drop(using: str = DEFAULT_DB_ALIAS) -> None:
    """Remove the indexes that are there."""
    for one in (SESSIONS, LOGIN_RECORDS):
        one.drop(using)
