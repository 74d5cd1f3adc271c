"""The database that the migrations make has what the models say."""

import pytest
from django.apps import apps
from django.db import connection, models


@pytest.mark.parametrize("model", list(apps.get_app_config("sessions_ui").get_models()))
def test_every_index_and_constraint_is_there(model: type[models.Model], db: None) -> None:
    """Django drops conditional constraints of a column on PostgreSQL when that no longer has an index of its own."""
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, model._meta.db_table)
    said = {
        one.name: isinstance(one, models.UniqueConstraint) for one in [*model._meta.indexes, *model._meta.constraints]
    }
    assert {name: there[name]["unique"] for name in said if name in there} == said
