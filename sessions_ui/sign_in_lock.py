"""Which sessions came before a termination: the lock between sign-ins and cut-offs.

Ids do not follow the order of commits: a sign-in may draw a small id and commit
late. So a sign-in shares a lock until it has committed, and who reads the cut-off
holds it alone for that moment: every id up to the cut-off is committed, every
later sign-in is above it.

A sign-in that is stuck must not hold up an emergency. After MAX_WAIT the cut-off
is taken from the sequence instead, above every id drawn so far: the stuck sign-in
counts as before it. No termination finishes before it held the lock alone, so
that one stays in force until the last sign-in it might cover has committed.

SQLite has one writer at a time; its IMMEDIATE transactions give the same.
"""

from typing import Any

from django.db import connections, transaction
from django.db.models import Max

from .bounded_wait import WaitedTooLong, bounded_wait
from .models import Session

KEY = 0x73657373


def share(using: str) -> None:
    """Hold off cut-offs until the end of this transaction."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [KEY])


def take_turns(user_pk: Any, using: str) -> None:
    """Wait until no other sign-in of this user is under way; later ones wait until the end of this transaction.

    Always after share(), so that two that need both never wait for each other in a circle.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s::int, hashtext(%s::text))", [KEY, str(user_pk)])


def hold_alone(using: str) -> bool:
    """Wait until no sign-in is under way, MAX_WAIT at most, and return whether that came true.

    New ones wait until the end of this transaction.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return True
    try:
        with bounded_wait(using), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [KEY])
    except WaitedTooLong:
        return False
    return True


def cut_off(using: str) -> int:
    """Return the id of the last session that came before now."""
    with transaction.atomic(using):
        if hold_alone(using):
            newest: int | None = Session.objects.using(using).aggregate(newest=Max("id"))["newest"]
            return newest or 0
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [Session._meta.db_table])
        # The name comes from the database itself, quoted where it must be.
        cursor.execute(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {cursor.fetchone()[0]}")  # noqa: S608
        return int(cursor.fetchone()[0])
