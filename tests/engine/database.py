"""The database as an enemy: lost, locked or read-only; and a second connection to it."""

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper


class Database:
    """Takes the database away from Django's connection, and gives it back."""

    def __init__(self) -> None:
        self.other = second_connection()
        self._settings = {name: connection.settings_dict[name] for name in ("NAME", "OPTIONS")}
        # SQLite waits in its driver; nobody here is going to let go.
        connection.settings_dict["OPTIONS"] = self.other.settings_dict["OPTIONS"]

    def restart(self) -> None:
        """Break the connection; a new one can be had at once. PostgreSQL only."""
        connection.ensure_connection()
        with self.other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])

    def lose(self) -> None:
        """Break the connection, so that every statement fails until the database is restored."""
        if connection.vendor == "postgresql":
            self.restart()
            connection.settings_dict["NAME"] = "nowhere"
            return
        connection.close()
        with self.other.cursor() as cursor:
            cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
            cursor.execute("BEGIN EXCLUSIVE")

    def forbid_writing(self) -> None:
        """Leave the connection read-only, as that of a server which is a standby since a failover."""
        postgresql = connection.vendor == "postgresql"
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on" if postgresql else "PRAGMA query_only = ON")

    def restore(self) -> None:
        self.other.close()
        connection.close()
        connection.settings_dict.update(self._settings)


def second_connection() -> BaseDatabaseWrapper:
    """Return a new connection to the same database, which on SQLite waits for no lock longer than a moment."""
    other: BaseDatabaseWrapper = connection.copy()
    if connection.vendor == "sqlite":
        other.settings_dict["OPTIONS"]["timeout"] = 0.1
    return other
