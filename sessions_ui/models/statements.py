"""Statements that are compiled once: Django takes longer for that than the database for its part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Expression, Field, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from .sessions import Session


class Slot(Expression):
    """The place in a compiled statement that each execution fills with its own value.

    That is of the field, or of the session's field of this name.
    """

    def __init__(self, name: str, field: Field[Any, Any] | None = None) -> None:
        self.name = name
        super().__init__(field or next(field for field in Session._meta.concrete_fields if field.name == name))

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any]]:
        return "%s", (self,)


class Statement:
    """A compiled statement."""

    def __init__(self, using: str, sql: str, params: Iterable[Any]) -> None:
        self.using, self.sql = using, sql
        self.params: list[Any] = list(params)
        self.slots = [(index, param) for index, param in enumerate(self.params) if isinstance(param, Slot)]

    def cursor(self) -> CursorWrapper:
        return connections[self.using].cursor()

    def execute(self, cursor: CursorWrapper, **values: Any) -> None:
        """Execute it with these values in its slots."""
        params = self.params.copy()
        for index, slot in self.slots:
            params[index] = slot.output_field.get_db_prep_save(values[slot.name], connections[self.using])
        cursor.execute(self.sql, params)


class Select(Statement):
    """A compiled question, and how its answers are read: Django converts some of what SQLite gives."""

    def __init__(self, rows: QuerySet[Any, Any]) -> None:
        compiler = rows.query.get_compiler(rows.db)
        super().__init__(rows.db, *compiler.as_sql())
        self.model, self.names = rows.model, rows.query.values_select
        self.converters = compiler.get_converters([selected[0] for selected in compiler.select])

    def rows(self, **values: Any) -> list[list[Any]]:
        """Return the values of each row that meets it, with these values in its slots."""
        with self.cursor() as cursor:
            self.execute(cursor, **values)
            found = [list(row) for row in cursor.fetchall()]
        connection = connections[self.using]
        for position, (converters, expression) in self.converters.items():
            for row in found:
                for convert in converters:
                    row[position] = convert(row[position], expression, connection)
        return found

    def instances(self, **values: Any) -> list[Any]:
        """Return the same as instances of the model, with the columns that were selected."""
        return [self.model.from_db(self.using, self.names, row) for row in self.rows(**values)]
