"""Database functions that both databases have, each under its own name."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, DateTimeField, Expression, Func, Subquery, TextField, UUIDField
from django.db.models.sql.compiler import SQLCompiler


class RandomUUID(Func):
    """A random UUID made by the database, for rows that it inserts from a SELECT or a trigger."""

    output_field = UUIDField()
    function = "GEN_RANDOM_UUID"
    arity = 0

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[()]]:
        return "(lower(hex(randomblob(16))))", ()


class TimeOrderedUUID(Func):
    """A UUID of version 7 made by the database: RFC 9562, section 5.7.

    A random one lands anywhere in its index: a sweep dirties a page there for each of its rows.
    PostgreSQL has a function for it only from version 18 on.
    """

    output_field = UUIDField()
    template = (
        "ENCODE(SET_BIT(SET_BIT(OVERLAY(UUID_SEND(GEN_RANDOM_UUID()) PLACING SUBSTRING(INT8SEND("
        "(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid"
    )
    arity = 0

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, tuple[()]]:
        # No sign of percent: Django doubles it for statements, and not for the default of a column.
        milliseconds = "PRINTF(CHAR(37) || '012x', (JULIANDAY('now') - 2440587.5) * 86400000)"
        variant = "SUBSTR('89ab', (RANDOM() & 3) + 1, 1)"
        tail = f"SUBSTR(HEX(RANDOMBLOB(2)), 2) || {variant} || SUBSTR(HEX(RANDOMBLOB(8)), 2)"
        return f"(LOWER({milliseconds} || '7' || {tail}))", ()


class Instant(Expression):
    """A moment as our columns hold it: on SQLite that is UTC, like its clock, whatever USE_TZ says."""

    output_field = DateTimeField()

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.moment = moment

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any]]:
        return "%s", (self.moment,)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any]]:
        return "%s", (self.moment.astimezone(UTC).replace(tzinfo=None).isoformat(" "),)


class Ago(Expression):
    """So long before now, by the database's clock; whole seconds.

    As Django's Now() less a duration, but one constant to SQLite: no function of Python's for each row.
    """

    output_field = DateTimeField()

    def __init__(self, span: timedelta) -> None:
        super().__init__()
        self.seconds = int(span.total_seconds())

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[()]]:
        return f"(STATEMENT_TIMESTAMP() - INTERVAL '{self.seconds} seconds')", ()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[()]]:
        return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', '-{self.seconds} seconds')", ()


class JoinedPublicIds(Subquery):
    """The public ids that a subquery selects, joined by commas; NULL or empty when there are none."""

    output_field = TextField()
    template = "ARRAY_TO_STRING(ARRAY(%(subquery)s), ',')"

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        return self.as_sql(compiler, connection, template="(SELECT GROUP_CONCAT(public_id) FROM (%(subquery)s))")


# So many of the last bits of an id say nothing of its era, and so many of its eon: sixteen eras.
ERA_BITS, EON_BITS = 13, 17
# Beside trigrams; where a statement says it otherwise, PostgreSQL does not see the index.
INDEXED_ERA = f"ARRAY[{{id}} >> {ERA_BITS}, ~({{id}} >> {EON_BITS})]"


def indexed_eras(span: range) -> list[int]:
    """Return by what the search index finds these eras: whole eons by one key each, the others by their own."""
    first, after, shift = min(span), max(span) + 1, EON_BITS - ERA_BITS
    eons = range(-(-first >> shift), after >> shift)
    if not eons:
        return list(span)
    before, behind = range(first, eons[0] << shift), range(eons[-1] + 1 << shift, after)
    return [*before, *behind, *(~eon for eon in eons)]


class Era(Func):
    """The era of an id, as indexes hold it: a parameter in it would keep SQLite from seeing that."""

    template = f"(%(expressions)s >> {ERA_BITS})"
    arity = 1
    output_field = BigIntegerField()
