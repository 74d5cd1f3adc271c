"""A second connection whose transaction holds something for as long as a test wants."""

from typing import Any

import pytest
from django.db import connection

from sessions_ui import sign_in_lock
from sessions_ui.models import Session

from .database import second_connection

only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time, so nobody holds a row"
)


class Hold:
    """An open transaction on a connection of its own."""

    def __init__(self) -> None:
        self.connection = second_connection()
        self.connection.set_autocommit(False)
        # Some statements wait for the test, in a thread.
        self.connection.inc_thread_sharing()

    def run(self, sql: str, *params: Any) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)

    def row(self, session: Session) -> None:
        """Hold a session's row as a view does that has saved and goes on, under ATOMIC_REQUESTS."""
        self.run("UPDATE sessions_ui_session SET session_data = session_data WHERE id = %s", session.pk)

    def sign_in(self, like: Session) -> None:
        """Do what a sign-in does before its commit: share the lock, insert a row."""
        self.run("SELECT pg_advisory_xact_lock_shared(%s)", sign_in_lock.KEY)
        own = ("id", "public_id", "key_digest")
        names = ", ".join(str(f.column) for f in Session._meta.concrete_fields if f.name not in own)
        self.run(
            f"INSERT INTO sessions_ui_session (public_id, key_digest, {names}) "
            f"SELECT gen_random_uuid(), decode(md5('stuck'), 'hex'), {names} FROM sessions_ui_session WHERE id = %s",
            like.pk,
        )

    def commit(self) -> None:
        self.connection.commit()

    def close(self) -> None:
        self.connection.close()
