from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.models import Model, QuerySet, Value


def insert_select(
    model: type[Model], rows: QuerySet[Any], columns: dict[str, Any], *, ignore_conflicts: bool = False
) -> int:
    """Insert one row of the model for each of these rows, in their order, in one statement, and return their number.

    The columns are the same for all, or expressions of the row. Django's own bulk_create() would fetch them first.
    """
    sql, params = compiled(model, rows, columns)
    with connections[rows.db].cursor() as cursor:
        cursor.execute(f"{sql} ON CONFLICT DO NOTHING" if ignore_conflicts else sql, params)
        return int(cursor.rowcount)


def compiled(model: type[Model], rows: QuerySet[Any], columns: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    fields: dict[str, Any] = {name: model._meta.get_field(name) for name in columns}
    expressions = {
        f"new_{name}": value if is_expression(value) else Value(value, fields[name]) for name, value in columns.items()
    }
    sql, params = rows.annotate(**expressions).values_list(*expressions).query.get_compiler(rows.db).as_sql()
    quote: Any = connections[rows.db].ops.quote_name
    names = ", ".join(quote(field.column) for field in fields.values())
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) {sql}", params


def is_expression(value: Any) -> bool:
    return hasattr(value, "resolve_expression")
