"""Measures the admin pages of another package, filled with as many sessions of as many people."""

import json
import os
import secrets
from datetime import timedelta
from typing import Any

import django

from bench.search_case import milliseconds

PEOPLE, BATCH, ROWS_A_PAGE = 200_000, 20_000, 100


def fill(number: int) -> None:
    from django.apps import apps
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from bench.seed import AGENTS
    from bench.settings import CASE

    call_command("migrate", verbosity=0)
    Session: Any = apps.get_model(CASE.app, "Session")
    users: list[User] = []
    for start in range(0, PEOPLE, BATCH):
        batch = [
            User(username=f"person{n}", first_name="Anna", last_name="Brandt", email=f"person{n}@company.example")
            for n in range(start, start + BATCH)
        ]
        users += User.objects.bulk_create(batch, batch_size=1_000)
    data, expires = secrets.token_urlsafe(120), timezone.now() + timedelta(days=30)
    for start in range(0, number, BATCH):
        sessions = [
            Session(
                session_key=secrets.token_hex(16),
                session_data=data,
                expire_date=expires,
                user=users[secrets.randbelow(PEOPLE)],
                ip=f"10.{n % 256}.{n // 256 % 256}.7",
                user_agent=AGENTS[n % len(AGENTS)],
            )
            for n in range(start, start + BATCH)
        ]
        Session.objects.bulk_create(sessions, batch_size=1_000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")


def answered(client: Any, address: str) -> None:
    assert client.get(address).status_code == 200, address


def main() -> None:
    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    from bench.settings import CASE

    number = int(os.environ["BENCH_SESSIONS"])
    if os.environ.get("BENCH_FILL"):
        fill(number)
    root, _ = User.objects.get_or_create(username="root", defaults={"is_superuser": True, "is_staff": True})
    client = Client(headers={"host": "localhost"})
    client.force_login(root)
    url = f"/admin/{CASE.app}/session/"
    asked = {"first": url, "last": f"{url}?p={number // ROWS_A_PAGE}", "one user": f"{url}?q=person4711"}
    found: dict[str, Any] = {}
    for name, address in asked.items():
        found[name] = milliseconds(lambda address=address: answered(client, address), 2)  # type: ignore[misc]
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
