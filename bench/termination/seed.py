"""Sessions by the million: a first ten thousand as sign-ins leave them, and copies of those with keys of their own."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bench.seed import AGENTS, Visit, data, origin
from sessions_ui.backends.db import SessionStore
from sessions_ui.backends.keys import halves
from sessions_ui.models import Account, Application, Limit, Session, SessionEvent
from sessions_ui.models.events import record

FIRST = 10_000
SESSIONS_EACH = 5
ACCOUNTS = 20
PROBES = 100
# So many people have exactly twenty sessions: one for each time that is measured.
REPETITIONS = 7
TWENTY = 20
OWN_VALUES = {
    "postgresql": {
        "public_id": "gen_random_uuid()",
        "key_digest": "decode(md5(random()::text), 'hex')",
        "key_digest_rest": "decode(md5(random()::text), 'hex')",
    },
    "sqlite": {
        "public_id": "lower(hex(randomblob(16)))",
        "key_digest": "randomblob(16)",
        "key_digest_rest": "randomblob(16)",
    },
}


@dataclass(frozen=True)
class Seeded:
    """Whom the database now knows: the administrator, and browsers all over it whose keys are known."""

    administrator: str
    keys: list[str]


def seed(number: int) -> Seeded:
    """Make the tables and so many sessions of a fifth as many people."""
    call_command("migrate", verbosity=0)
    application = Application.objects.get(slug="console")
    # None that a long run passes.
    Limit.objects.update(idle=10_000, lifetime=10_000)
    accounts = [Account.objects.create(slug=f"account-{n}", name=f"Account {n}") for n in range(ACCOUNTS)]
    people = make_people(FIRST // SESSIONS_EACH)
    Session.objects.bulk_create(
        [row(n, people[n % len(people)], accounts[account_of(n)], application) for n in range(FIRST)], batch_size=500
    )
    first = [Session.objects.order_by("id")[:1].get().pk, people[0].pk]
    for copy in range(1, number // FIRST):
        copy_people(first[1], len(people), copy)
        copy_sessions(first[0], copy * len(people))
    for n in range(REPETITIONS):
        give_twenty(n, number)
    keys = know_keys(number)
    # After the twenty of each, whose last one may have had a known key.
    record(Session.objects.all(), SessionEvent.Kind.SIGNED_IN)
    administrator = User.objects.create(username="root", is_superuser=True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")
    return Seeded(signed_in(administrator), keys)


def account_of(n: int) -> int:
    """Return the number of the account: 28 % are in the first, as in a company with one large customer."""
    return 0 if n % 25 < 7 else 1 + n % (ACCOUNTS - 1)


def make_people(number: int) -> list[User]:
    return User.objects.bulk_create(
        User(
            username=f"person{n}",
            first_name="Anna",
            last_name=f"Person {n}",
            email=f"person{n}@company.example",
            password=f"!{secrets.token_hex(20)}",
        )
        for n in range(number)
    )


def row(n: int, user: User, account: Account, application: Application) -> Session:
    now, (ip, agent) = timezone.now(), origin(n)
    words = f"{user.get_full_name()} {user.email} {account.name} console {ip} lisbon portugal pt chrome"
    return Session(
        key_digest=secrets.token_bytes(16),
        key_digest_rest=secrets.token_bytes(16),
        session_data=SessionStore().encode(data(Visit("", user, ip, agent))),
        expire_date=now + timedelta(hours=12),
        user=user,
        account=account,
        application=application,
        last_active_day=now.date(),
        ip=ip,
        country="PT",
        location="Lisbon",
        user_agent=AGENTS[n % len(AGENTS)],
        device="Windows PC",
        device_kind="computer",
        browser="Chrome 154",
        os="Windows",
        last_ip=ip,
        last_location="Lisbon",
        last_browser="Chrome 154",
        search_text=words.lower(),
    )


def copy_people(first: int, number: int, copy: int) -> None:
    columns = [str(field.column) for field in User._meta.concrete_fields if field.name not in ("id", "username")]
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO auth_user (username, {names}) SELECT username || '.{copy}', {names} FROM auth_user "
            "WHERE id >= %s AND id < %s ORDER BY id",
            [first, first + number],
        )


def copy_sessions(first: int, users: int) -> None:
    """Copy the first sessions, for the people so many ids further on."""
    own = OWN_VALUES[connection.vendor] | {"user_id": f"user_id + {users}"}
    columns = [str(field.column) for field in Session._meta.concrete_fields if field.name not in ("id", "created_on")]
    values = ", ".join(own.get(column, column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO sessions_ui_session ({', '.join(columns)}) SELECT {values} FROM sessions_ui_session "
            "WHERE id >= %s AND id < %s ORDER BY id",
            [first, first + FIRST],
        )


def give_twenty(n: int, number: int) -> None:
    """Give a new person twenty sessions all over the table."""
    user = User.objects.create(username=f"twenty{n}")
    first, stride = Session.objects.order_by("id")[:1].get().pk, number // TWENTY
    ids = [first + part * stride + 1 + n for part in range(TWENTY)]
    assert Session.objects.filter(pk__in=ids).update(user=user) == TWENTY


def know_keys(number: int) -> list[str]:
    """Give sessions all over the table keys that are known, and return them."""
    first, stride = Session.objects.order_by("id")[:1].get().pk, number // PROBES
    chosen = Session.objects.filter(pk__in=[first + part * stride for part in range(PROBES)])
    return [know_key(session) for session in chosen.select_related("user")]


def know_key(session: Session) -> str:
    key = secrets.token_hex(16)
    session.key_digest, session.key_digest_rest = halves(key)
    user: Any = session.user
    session.session_data = SessionStore().encode(data(Visit(key, user, "", "")))
    session.save()
    return key


def signed_in(user: User) -> str:
    """Return the key of a new session of this user."""
    session = row(0, user, Account.objects.all()[:1].get(), Application.objects.get(slug=settings.SESSION_APPLICATION))
    session.account = None
    session.save()
    return know_key(session)
