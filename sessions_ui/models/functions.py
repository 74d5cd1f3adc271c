"""Database functions that both databases have, each under its own name."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Subquery, TextField, UUIDField
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


class JoinedPublicIds(Subquery):
    """The public ids that a subquery selects, joined by commas; NULL or empty when there are none."""

    output_field = TextField()
    template = "ARRAY_TO_STRING(ARRAY(%(subquery)s), ',')"

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        return self.as_sql(compiler, connection, template="(SELECT GROUP_CONCAT(public_id) FROM (%(subquery)s))")
