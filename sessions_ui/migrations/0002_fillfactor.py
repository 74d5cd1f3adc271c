from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def leave_room_for_touches(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # A touch then stays on its page (a heap-only update), as long as no index holds what it writes.
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE sessions_ui_session SET (fillfactor = 90)")


class Migration(migrations.Migration):
    dependencies = [("sessions_ui", "0001_initial")]
    operations = [migrations.RunPython(leave_room_for_touches, migrations.RunPython.noop)]
