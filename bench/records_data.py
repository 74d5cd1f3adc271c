"""Login records by the million: sign-ins as search_data.py invents them, what became of each, and some that failed."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from django.core.management import call_command
from django.db import connection

from bench import search_data
from bench.search_data import ACCOUNTS, BATCH, COLUMNS, LEGACY, make_people, without_indexes
from sessions_ui import history
from sessions_ui.models import Account, Application, Session, SessionEvent
from sessions_ui.models.events import REPLACED
from sessions_ui.models.search_text import MARKS

TABLE, SESSIONS = SessionEvent._meta.db_table, Session._meta.db_table
POSTGRESQL = connection.vendor == "postgresql"
SOME_UUID = "gen_random_uuid()" if POSTGRESQL else "lower(hex(randomblob(16)))"
# So many are invented one by one, which takes long; more are those again.
INVENTED = 1_000_000
# Of the sign-ins: so many failed, one in each, and the newest of the others are still active.
FAILED_EACH, ACTIVE_SHARE = 500, 0.02
# Of the ends, by the remainder of the session's id; others expired. Nobody was terminated lately: the oldest tenth.
SIGNED_OUT, REPLACED_EACH, TERMINATED_EACH = 10, 100, 50
OF_SESSION = ["ip", "country", "location", "user_agent", "device", "device_kind", "browser", "os", "search_text"]
OWN = ["public_id", "kind", "happened_on", "session_id", "session_public_id", "signed_in_on", "user_key", "user_label"]
OWN += ["account_id", "account_label", "application_id", "application_label", "reason"]
EVENT = [*OWN, *OF_SESSION]


def fill(number: int) -> None:
    """Make the tables and so many login records, oldest first; the newest sessions are there as well."""
    call_command("migrate", verbosity=0)
    applications = [Application.objects.create(slug=f"app-{n}", name=f"Product {n}") for n in range(11)]
    applications.append(Application.objects.create(slug=LEGACY, name="Legacy Portal"))
    accounts = Account.objects.bulk_create(
        [Account(slug=f"account-{n}", name=f"Company {n}") for n in range(ACCOUNTS)], batch_size=1_000
    )
    people = make_people()
    names = {
        "user": {user.pk: user.username for user in people},
        "account": {account.pk: account.name for account in accounts},
        "application": {application.pk: application.name for application in applications},
    }
    history.drop()
    with without_indexes(TABLE, SESSIONS):
        rows = enumerate(search_data.sessions(number, people, accounts, applications), 1)
        invented = islice(rows, INVENTED)
        while batch := list(islice(invented, BATCH)):
            search_data.insert(list(sign_ins(batch, names)), EVENT, TABLE)
        repeat(number)
        end(number)
    history.install()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")


def sign_ins(
    numbered: list[tuple[int, tuple[Any, ...]]], names: dict[str, dict[int, str]]
) -> Iterator[tuple[Any, ...]]:
    """Give the events of these sessions, or of what failed in their place."""
    for n, row in numbered:
        one = dict(zip(COLUMNS, row, strict=True))
        user, account, application = one["user_id"], one["account_id"], one["application_id"]
        name, label = names["user"][user], names["account"][account]
        public_id, created = f"{n:032x}", one["created_on"]
        of_session = [one[column] for column in OF_SESSION]
        said = [application, names["application"][application], "", *of_session]
        if n % FAILED_EACH:
            own = [public_id, "signed_in", created, n, one["public_id"], created, str(user), name, account, label]
        else:
            own = [public_id, "sign_in_failed", created, None, None, None, str(user), name, None, ""]
            said[-1] = without_account(said[-1])
        yield (*own, *said)


def without_account(text: str) -> str:
    first, last = text.index(MARKS["account"]), text.index(MARKS["application"])
    return text[:first] + MARKS["account"] + MARKS["account_slug"] + text[last:]


def repeat(number: int) -> None:
    """Bring the records to this number: the invented ones that are not of the legacy application again, but later."""
    first = int(number * search_data.LEGACY_SHARE) // FAILED_EACH * FAILED_EACH
    several, step = INVENTED - first, timedelta(days=search_data.DAYS) / number
    for n in range(INVENTED, number, several):
        shift, most = n - first, min(INVENTED, first + number - n)
        own = {
            "public_id": SOME_UUID,
            "session_id": f"session_id + {shift}",
            "session_public_id": f"CASE WHEN session_id IS NOT NULL THEN {SOME_UUID} END",
            "happened_on": f"happened_on + interval '{(step * shift).total_seconds()} seconds'",
            "signed_in_on": f"signed_in_on + interval '{(step * shift).total_seconds()} seconds'",
        }
        copy(own, f"id > {first} AND id <= {most}")


def end(number: int) -> None:
    """End the sessions of all sign-ins but the newest, an hour after each; of those, make the sessions."""
    active = int(number * (1 - ACTIVE_SHARE))
    own = {
        "public_id": SOME_UUID,
        "kind": f"CASE WHEN session_id % {SIGNED_OUT} < 4 THEN 'signed_out' WHEN session_id < {number // 10} "
        f"AND session_id % {TERMINATED_EACH} = 7 THEN 'terminated' ELSE 'expired' END",
        "happened_on": "happened_on + interval '1 hour'" if POSTGRESQL else "datetime(happened_on, '+1 hour')",
        "reason": f"CASE WHEN session_id % {REPLACED_EACH} = 1 THEN '{REPLACED}' ELSE '' END",
    }
    copy(own, f"kind = 'signed_in' AND session_id <= {active}")
    own = {
        "id": "session_id",
        "public_id": "session_public_id",
        "key_digest": "uuid_send(gen_random_uuid())" if POSTGRESQL else "randomblob(16)",
        "key_digest_rest": "uuid_send(gen_random_uuid())" if POSTGRESQL else "randomblob(16)",
        "user_id": "CAST(user_key AS INTEGER)",
        "session_data": "'x'",
        "expire_date": "happened_on + interval '90 days'" if POSTGRESQL else "datetime(happened_on, '+90 days')",
        "created_on": "happened_on",
        "last_active_on": "happened_on",
        "last_active_day": "CAST(happened_on AS DATE)" if POSTGRESQL else "date(happened_on)",
        "last_location": "''",
        "last_browser": "''",
    }
    copy(own, f"kind = 'signed_in' AND session_id > {active}", SESSIONS, ["account_id", "application_id", *OF_SESSION])


def copy(own: dict[str, str], those: str, into: str = TABLE, columns: list[str] = EVENT) -> None:
    """Insert what stands in these events, but for what is told otherwise."""
    values = {column: column for column in columns} | own
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {into} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {TABLE} "
            f"WHERE {those} ORDER BY id"
        )
