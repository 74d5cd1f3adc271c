"""The rates of others: a bare DELETE of our table, and queryset.delete() of django-qsessions on its own."""

import json
import os
import secrets
from datetime import timedelta
from time import perf_counter
from typing import Any

import django

COPIES = 10_000


def bare_delete() -> float:
    """Return the seconds of a DELETE of all rows of a copy of our table, with its indexes, in this database."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("CREATE TABLE bare (LIKE sessions_ui_session INCLUDING ALL)")
            cursor.execute("INSERT INTO bare SELECT * FROM sessions_ui_session")
            cursor.execute("VACUUM ANALYZE bare")
        begun = perf_counter()
        if connection.vendor == "postgresql":
            cursor.execute("DELETE FROM bare")
        else:
            cursor.execute("DELETE FROM sessions_ui_session")
        seconds = perf_counter() - begun
        if connection.vendor == "postgresql":
            cursor.execute("DROP TABLE bare")
    return seconds


def queryset_delete(number: int) -> float:
    """Return the seconds that django-qsessions takes for so many sessions in a database of its own."""
    from django.apps import apps
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from bench.settings import CASE

    call_command("migrate", verbosity=0)
    Session: Any = apps.get_model(CASE.app, "Session")
    users = User.objects.bulk_create(User(username=f"person{n}") for n in range(2_000))
    expires = timezone.now() + timedelta(hours=12)
    for _ in range(number // COPIES):
        Session.objects.bulk_create(
            [
                Session(
                    session_key=secrets.token_hex(16),
                    session_data=secrets.token_urlsafe(120),
                    expire_date=expires,
                    user=users[n % len(users)],
                    ip="203.0.113.7",
                    user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
                )
                for n in range(COPIES)
            ],
            batch_size=500,
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")
    begun = perf_counter()
    Session.objects.all().delete()
    return perf_counter() - begun


def main() -> None:
    django.setup()
    number = int(os.environ["BENCH_SESSIONS"])
    seconds = queryset_delete(number) if os.environ["BENCH_PEER"] == "qsessions" else bare_delete()
    print(json.dumps(number / seconds), flush=True)


if __name__ == "__main__":
    main()
