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
    fields: dict[str, Any] = {name: model._meta.get_field(name) for name in columns}
    expressions = {
        f"new_{name}": value if is_expression(value) else Value(value, fields[name]) for name, value in columns.items()
    }
    query = rows.annotate(**expressions).values_list(*expressions).query
    connection = connections[rows.db]
    sql, params = query.get_compiler(rows.db).as_sql()
    quote: Any = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields.values())
    on_conflict = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(model._meta.db_table)} ({names}) {sql}{on_conflict}", params)
        return int(cursor.rowcount)


def is_expression(value: Any) -> bool:
    return hasattr(value, "resolve_expression")
