"""Users and sessions for one case, each as its engine would have left them after the sign-in."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Max, Model
from django.utils import timezone

from bench.cases import Case

AGENTS = [
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
    for version in range(140, 155)
]
ELSEWHERE = "192.0.2.0/24"


class Visit(NamedTuple):
    """A browser that is signed in: what it sends, and whose answer it expects."""

    key: str
    user: User
    ip: str
    agent: str


def seed(case: Case, number: int) -> list[Visit]:
    """Make the tables, and in them as many users as sessions; return one visit for each."""
    call_command("migrate", verbosity=0)
    rows = ROWS[case.app]
    with transaction.atomic():
        visits = [Visit(secrets.token_hex(16), user, *origin(n)) for n, user in enumerate(make_users(number))]
        model = apps.get_model(case.app.rpartition(".")[2], "Session")
        model._default_manager.bulk_create([model(**rows(visit)) for visit in visits], batch_size=500)
        if case.app == "sessions_ui":
            settle(model, case)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")
    if "cached" in case.engine:
        for visit in visits:
            store(visit.key).load()
    return visits


def make_users(number: int) -> list[User]:
    return User.objects.bulk_create(
        User(
            username=f"person{n}",
            first_name="Anna",
            last_name=f"Person {n}",
            email=f"person{n}@company.example",
            password=f"{UNUSABLE_PASSWORD_PREFIX}{secrets.token_hex(20)}",
            last_login=timezone.now(),
        )
        for n in range(number)
    )


def origin(n: int) -> tuple[str, str]:
    return f"203.0.113.{n % 250 + 1}", AGENTS[n % len(AGENTS)]


def store(key: str | None = None) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def data(visit: Visit) -> dict[str, str]:
    """Return what Django's login() puts into a session."""
    return {
        SESSION_KEY: str(visit.user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: visit.user.get_session_auth_hash(),
    }


def django_row(visit: Visit) -> dict[str, Any]:
    return {
        "session_key": visit.key,
        "session_data": store().encode(data(visit)),
        "expire_date": timezone.now() + timedelta(days=1),
    }


def user_sessions_row(visit: Visit) -> dict[str, Any]:
    return django_row(visit) | {"user": visit.user, "ip": visit.ip, "user_agent": visit.agent}


def qsessions_row(visit: Visit) -> dict[str, Any]:
    package = import_module("qsessions")
    noted = {package.IP_SESSION_KEY: visit.ip, package.USER_AGENT_SESSION_KEY: visit.agent}
    return user_sessions_row(visit) | {"session_data": store().encode(data(visit) | noted)}


def our_row(visit: Visit) -> dict[str, Any]:
    row = django_row(visit)
    del row["session_key"]
    digest, rest = import_module(settings.SESSION_ENGINE).halves(visit.key)
    return row | {
        "key_digest": digest,
        "key_digest_rest": rest,
        "user": visit.user,
        "application": application(),
        "ip": visit.ip,
        "country": "PT",
        "location": "Lisbon",
        "user_agent": visit.agent,
        "device": "Windows PC",
        "device_kind": "computer",
        "browser": "Chrome 154",
        "os": "Windows",
        "last_active_day": timezone.now().date(),
        "last_ip": visit.ip,
        "last_location": "Lisbon",
        "last_browser": "Chrome 154",
        "search_text": f"{visit.user.get_full_name()} {visit.user.email} console {visit.ip} lisbon portugal pt chrome",
    }


@cache
def application() -> Model:
    applications = apps.get_model("sessions_ui", "Application")._default_manager
    made: Model = applications.get_or_create(slug=settings.SESSION_APPLICATION)[0]
    return made


ROWS: dict[str, Callable[[Visit], dict[str, Any]]] = {
    "django.contrib.sessions": django_row,
    "qsessions": qsessions_row,
    "user_sessions": user_sessions_row,
    "sessions_ui": our_row,
}


def settle(model: type[Model], case: Case) -> None:
    """Make every touch due, or none during the run; and begin the terminations, none of which covers a session.

    Within the limits of a new database.
    """
    due = timedelta(minutes=-5 if case.touch_due else 60)
    model._default_manager.update(last_active_on=timezone.now() + due)
    if case.terminations:
        newest = model._default_manager.aggregate(newest=Max("id"))["newest"]
        terminations = apps.get_model("sessions_ui", "Termination")._default_manager
        # Everything that was there before: the people who are measured have signed in again since.
        terminations.create(conditions={"everything": True}, reach={"all": True}, cut_off=0)
        for conditions in OF_OTHERS:
            terminations.create(conditions=conditions, reach={"all": True}, cut_off=newest)


OF_OTHERS: list[dict[str, Any]] = [
    *({"user": -n} for n in range(1, 5)),
    {"account": -1},
    {"account": -2},
    {"application": -1},
    {"network": ELSEWHERE},
    {"words": ["nobody"]},
]
