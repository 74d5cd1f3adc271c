"""Sessions by the million that are worth searching: many people, accounts and places, some rare or long past."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from sessions_ui import naming
from sessions_ui.demo_people import cast, chance
from sessions_ui.geoip import country_name
from sessions_ui.models import Account, Application, Limit, Session
from sessions_ui.models.search_text import MARKS, PARTS, beginning
from sessions_ui.search import index

PEOPLE, ACCOUNTS = 200_000, 5_000
BATCH = 20_000
# Seven people in a thousand.
RARE_NAME = "Gonzalez"
PLACES = [
    *(("DE", f"{city}, Germany") for city in ("Berlin", "Munich", "Hamburg")),
    *(("US", f"{city}, United States") for city in ("New York", "Austin", "Seattle")),
    *(("FR", "Paris, France"), ("GB", "London, United Kingdom"), ("JP", "Tokyo, Japan"), ("BR", "Recife, Brazil")),
    *(("PL", "Warsaw, Poland"), ("ES", "Madrid, Spain"), ("IT", "Milan, Italy"), ("NL", "Utrecht, Netherlands")),
]
# One session in a hundred.
RARE_PLACE = ("PT", "Lisbon, Portugal")
CLIENTS = [
    (62, ("computer", "Windows PC", "Chrome 154", "Windows")),
    (8, ("computer", "Linux PC", "Firefox 143", "Linux")),
    (18, ("phone", "iPhone", "Safari 26", "iOS")),
    (12, ("computer", "Mac", "Edge 154", "Mac OS X")),
]
# An application that nobody has signed in to lately.
LEGACY, LEGACY_SHARE = "legacy-portal", 0.05
DAYS = 60
WIDE = 1_440 * 90  # minutes


def fill(number: int) -> None:
    """Make the tables and so many sessions, oldest first."""
    call_command("migrate", verbosity=0)
    # As many limits as a new database has, but none that these sessions have passed.
    Limit.objects.update(idle=WIDE, lifetime=WIDE)
    applications = [Application.objects.create(slug=f"app-{n}", name=f"Product {n}") for n in range(11)]
    applications.append(Application.objects.create(slug=LEGACY, name="Legacy Portal"))
    accounts = Account.objects.bulk_create(
        [Account(slug=f"account-{n}", name=f"Company {n}") for n in range(ACCOUNTS)], batch_size=1_000
    )
    people = make_people()
    with without_indexes(Session._meta.db_table):
        rows = sessions(number, people, accounts, applications)
        while batch := list(islice(rows, BATCH)):
            insert(batch)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")


def make_people() -> list[User]:
    dice, named = chance("people"), [person for person in cast() if person.first_name and person.last_name]
    made = []
    for start in range(0, PEOPLE, BATCH):
        made += User.objects.bulk_create(
            [
                User(
                    username=f"person{n}",
                    first_name=dice.choice(named).first_name,
                    last_name=RARE_NAME if n % 143 == 0 else dice.choice(named).last_name,
                    email=f"person{n}@company.example",
                    password="!",  # noqa: S106
                )
                for n in range(start, start + BATCH)
            ],
            batch_size=1_000,
        )
    return made


COLUMNS = [
    *("public_id", "key_digest", "key_digest_rest", "user_id", "account_id", "application_id", "session_data"),
    *(
        "expire_date",
        "created_on",
        "ip",
        "country",
        "location",
        "user_agent",
        "device",
        "device_kind",
        "browser",
        "os",
    ),
    *("last_active_on", "last_active_day", "last_ip", "last_location", "last_browser", "search_text"),
]


def sessions(
    number: int, people: list[User], accounts: list[Account], applications: list[Application]
) -> Iterator[tuple[Any, ...]]:
    """Give the rows, oldest first; one account has 5.7 % of them, the last only some."""
    dice, now = chance("sessions"), datetime.now(UTC)
    of_user = [texts(naming.searchable_user(user)) for user in people]
    of_account = [texts(naming.searchable_account(account)) for account in accounts]
    of_application = [texts(naming.searchable_application(application)) for application in applications]
    kinds = [client for weight, client in CLIENTS for _ in range(weight)]
    for n in range(number):
        person, account = int(dice.random() * PEOPLE), account_of(dice)
        legacy = n < number * LEGACY_SHARE and dice.random() < 0.9
        application = 11 if legacy else int(dice.random() * 11)
        country, location = RARE_PLACE if dice.random() < 0.01 else dice.choice(PLACES)
        kind, device, browser, os = dice.choice(kinds)
        ip = f"10.{int(dice.random() * 256)}.{int(dice.random() * 256)}.{int(dice.random() * 254) + 1}"
        created = now - timedelta(days=DAYS * (number - n) / number)
        active = min(now, created + timedelta(days=DAYS * dice.random() ** 3))
        own = {
            "ip": ip, "location": location, "country": country_name(country), "country_code": country,
            "device_kind": kind, "device": device, "browser": browser, "os": os,
        }  # fmt: skip
        text = of_user[person] + of_account[account] + of_application[application] + texts(own) + MARKS["end"]
        yield (
            f"{dice.getrandbits(128):032x}", dice.randbytes(16), dice.randbytes(16), people[person].pk,
            accounts[account].pk, applications[application].pk, "x" * 200, now + timedelta(days=30), created, ip,
            country, location, f"Mozilla/5.0 ({os}) {browser}", device, kind, browser, os, active, active.date(), ip,
            location, browser, text,
        )  # fmt: skip


def texts(parts: Mapping[str, str | None]) -> str:
    return "".join(beginning(part, parts[part] or "") for part in PARTS if part in parts)


def account_of(dice: Random) -> int:
    if dice.random() < 0.057:
        return 0
    return 1 + int((ACCOUNTS - 1) * dice.random() ** 2)


def insert(rows: list[tuple[Any, ...]], columns: Sequence[str] = COLUMNS, table: str = Session._meta.db_table) -> None:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        plain = [[as_text(value) for value in row] for row in rows]
        cursor.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", plain)


def as_text(value: Any) -> Any:
    """Return the value as our columns hold it on SQLite."""
    return value.isoformat(" ").removesuffix("+00:00") if isinstance(value, datetime) else value


@contextmanager
def without_indexes(*tables: str) -> Iterator[None]:
    """Take the indexes off these tables, and make them again in the end."""
    index.drop()
    definitions = [definition for table in tables for definition in drop_indexes(table)]
    yield
    with connection.cursor() as cursor:
        for definition in definitions:
            cursor.execute(definition)
    index.install()


def drop_indexes(table: str) -> list[str]:
    """Take the indexes off the table, and return how they are made again."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s "
                "AND indexdef NOT LIKE 'CREATE UNIQUE%%'",
                [table],
            )
        else:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s "
                "AND sql IS NOT NULL AND sql NOT LIKE 'CREATE UNIQUE%%'",
                [table],
            )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]
