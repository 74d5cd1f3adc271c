"""Time of the overview: `DATABASE_URL=… python -m bench.overview`.

The database is one that `python -m bench.search` has filled, or a copy of it, migrated. Prints lines for
bench/OVERVIEW.md. What the worker would have counted is written as if every account had been busy on every day.
"""

import os
from statistics import median, quantiles
from time import perf_counter

import django
from django.db import connection

ROUNDS = 25
URL = "/security/active-user-sessions/overview/"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    # They import models.
    from django.contrib.auth.models import User
    from django.test import Client

    from sessions_ui.models import Account, Membership, Session

    fill_counts()
    root, _ = User.objects.get_or_create(username="bench-root", defaults={"is_superuser": True})
    largest = Account.objects.get(slug="account-0")
    admin, _ = User.objects.get_or_create(username="bench-admin")
    Membership.objects.get_or_create(user=admin, account=largest, role=Membership.Role.ADMIN)
    size = Session.objects.count()
    for label, user, query in [
        ("everything", root, ""),
        ("one country", root, "?country=DE"),
        ("one word", root, "?q=chrome"),
        ("an account's administrator", admin, ""),
    ]:
        client = Client(SERVER_NAME="localhost", headers={"HX-Request": "true"})
        client.force_login(user)
        times = [timed(client, f"{URL}{query}") for _ in range(ROUNDS + 1)][1:]
        quick, slow = f"{median(times):.0f} ms", f"{quantiles(times, n=20)[-1]:.0f} ms"
        print(f"| {connection.vendor} | {size:,} | {label} | {quick} | {slow} |")


def timed(client: object, url: str) -> float:
    """Return the milliseconds of one request through every middleware."""
    begun = perf_counter()
    answer = client.get(url)  # type: ignore[attr-defined]
    took = (perf_counter() - begun) * 1000
    assert answer.status_code == 200, answer.status_code
    return took


def fill_counts() -> None:
    """Write what the worker would have counted, of all accounts together as well."""
    from sessions_ui import day_counts
    from sessions_ui.models import Account, Application, DayCount
    from sessions_ui.models.day_counts import ALL_ACCOUNTS

    if DayCount.objects.exists():
        return
    counts, applications = DayCount._meta.db_table, Application._meta.db_table
    of_each = f"SELECT %s, account.id, application.id, %s, 9 FROM {Account._meta.db_table} account, "
    of_all = f"SELECT %s, {ALL_ACCOUNTS}, application.id, %s, {9 * Account.objects.count()} FROM "
    with connection.cursor() as cursor:
        for day in day_counts.shown_days():
            for kind in day_counts.KINDS:
                for select in (of_each, of_all):
                    cursor.execute(
                        f"INSERT INTO {counts} (day, account_id, application_id, kind, number) "
                        f"{select}{applications} application",
                        [day, kind.value],
                    )


if __name__ == "__main__":
    main()
