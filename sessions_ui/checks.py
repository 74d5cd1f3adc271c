"""System checks: what would quietly break a promise, found before the first request."""

from collections.abc import Iterator, Sequence
from inspect import isclass
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_slug
from django.db import connections, router, transaction
from django.db.models.signals import post_delete, pre_delete
from django.utils.module_loading import import_string

from . import client, geoip, history, restore, triggers
from .backends.db import SessionStore
from .middleware import ActivityMiddleware, AuthenticationMiddleware, SessionMiddleware
from .models import Application, Session, SessionEvent
from .search import index

ENGINE = "sessions_ui.backends.db"
# In the order that they must have, each with the class of Django that it stands in for.
MIDDLEWARE: dict[type, type] = {
    SessionMiddleware: DjangoSessionMiddleware,
    AuthenticationMiddleware: DjangoAuthenticationMiddleware,
    ActivityMiddleware: ActivityMiddleware,
}
DEMO_GROUP = "Demo people"
HAS_TRIGGER = {
    "postgresql": "SELECT count(*) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
    "WHERE tgname = %s AND relname = %s AND tgenabled <> 'D'",
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = %s AND tbl_name = %s",
}


@register()
def check_application(**kwargs: Any) -> list[CheckMessage]:
    slug = getattr(settings, "SESSION_APPLICATION", None) or ""
    try:
        validate_slug(slug)
        Application._meta.get_field("slug").run_validators(slug)
    except ValidationError:
        return [
            Error(
                f"SESSION_APPLICATION is {slug!r}, which does not name an application."
                if slug
                else "SESSION_APPLICATION is not set.",
                hint="Give this application a short name of its own: letters, digits, hyphens, underscores.",
                id="sessions_ui.E001",
            )
        ]
    return []


@register()
def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    used = list(_middleware_classes())
    if issubclass(import_string(f"{settings.SESSION_ENGINE}.SessionStore"), SessionStore):
        return list(_middleware_faults(used))
    if any(issubclass(one, tuple(MIDDLEWARE)) for one in used):
        return [
            Error(
                "The middleware of sessions_ui is used with another session engine, whose sessions it does not save.",
                hint=f'Set SESSION_ENGINE = "{ENGINE}".',
                id="sessions_ui.E005",
            )
        ]
    return []


def _middleware_classes() -> Iterator[type]:
    for path in settings.MIDDLEWARE:
        one = import_string(path)
        if isclass(one):
            yield one


def _middleware_faults(used: Sequence[type]) -> Iterator[CheckMessage]:
    places = []
    for ours, theirs in MIDDLEWARE.items():
        path = f"sessions_ui.middleware.{ours.__name__}"
        if foreign := [one for one in used if issubclass(one, theirs) and not issubclass(one, ours)]:
            name = f"{foreign[0].__module__}.{foreign[0].__name__}"
            hint = f"Put {path} in its place in MIDDLEWARE."
            yield Error(f"{name} does not know the session engine.", hint=hint, id="sessions_ui.E003")
        elif not any(issubclass(one, ours) for one in used):
            hint = "MIDDLEWARE needs, in this order: " + ", ".join(one.__name__ for one in MIDDLEWARE) + "."
            yield Error(f"{path} is missing.", hint=hint, id="sessions_ui.E002")
        else:
            places.append(next(place for place, one in enumerate(used) if issubclass(one, ours)))
    if places != sorted(places):
        yield Error(
            "The middleware of sessions_ui is in the wrong order.",
            hint="Put it in this order: " + ", ".join(one.__name__ for one in MIDDLEWARE) + ".",
            id="sessions_ui.E004",
        )


@register()
def check_account(**kwargs: Any) -> list[CheckMessage]:
    path = getattr(settings, "SESSION_ACCOUNT", "sessions_ui.accounts.only_membership")
    try:
        decides = callable(import_string(path))
    except ImportError:
        decides = False
    if decides:
        return []
    hint = "Give the dotted path of a function that takes a request and a user, and returns an account or None."
    return [Error(f"SESSION_ACCOUNT is {path!r}, where there is no function.", hint=hint, id="sessions_ui.E006")]


@register()
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    count = getattr(settings, "TRUSTED_PROXY_COUNT", 0)
    try:
        networks = client.trusted_networks()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint="Separate several with commas.", id="sessions_ui.E007")]
    if count < 0:
        hint = "Set it to the number of proxies of your own that a request passes, 0 for none."
        messages.append(Error(f"TRUSTED_PROXY_COUNT is {count}.", hint=hint, id="sessions_ui.E008"))
    if networks and count > 0:
        hint = "Keep one of the two; by their networks a proxy is proven, by their number it is not."
        text = "TRUSTED_PROXIES and TRUSTED_PROXY_COUNT are both set; the count is not looked at."
        messages.append(Warning(text, hint=hint, id="sessions_ui.W001"))
    return messages


@register()
def check_locations(**kwargs: Any) -> list[CheckMessage]:
    problem = geoip.problem()
    return [Warning(problem, id="sessions_ui.W002")] if problem else []


@register()
def check_delete_signals(**kwargs: Any) -> list[CheckMessage]:
    if not (pre_delete.has_listeners(Session) or post_delete.has_listeners(Session)):
        return []
    return [
        Warning(
            "A receiver listens to pre_delete or post_delete of Session, so every session that ends is loaded first: "
            "ending many takes 25 times as long.",
            hint="Connect it with the sender that it is for; to learn of ended sessions, read SessionEvent.",
            id="sessions_ui.W003",
        )
    ]


@register()
def check_router(**kwargs: Any) -> list[CheckMessage]:
    reads, writes = router.db_for_read(Session), router.db_for_write(Session)
    if reads == writes:
        return []
    return [
        Error(
            f"Sessions are read from the database {reads!r} and written to {writes!r}: what lags shows ended ones.",
            hint="Route Session to one database. If lists may lag, silence this check: the engine itself never reads "
            "where it does not write.",
            id="sessions_ui.E009",
        )
    ]


@register()
def check_cookie_prefixes(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"Browsers refuse the cookie {cookie('NAME')}: one named __Host- must be Secure, without domain, path /.",
            hint=f"Set {kind}_COOKIE_SECURE = True, {kind}_COOKIE_DOMAIN = None and {kind}_COOKIE_PATH = '/', or "
            "choose another name.",
            id="sessions_ui.E011",
        )
        for kind, cookie in _cookies()
        if _is_host_only(cookie("NAME"))
        and not (cookie("SECURE") and cookie("DOMAIN") is None and cookie("PATH") == "/")
    ]


@register(Tags.security, deploy=True)
def check_cookies(**kwargs: Any) -> list[CheckMessage]:
    """Say of our cookies what Django says of its own: W010-W015 look for contrib's names only (YARDSTICK M14)."""
    messages: list[CheckMessage] = []
    if not settings.SESSION_COOKIE_SECURE:
        hint = "Set SESSION_COOKIE_SECURE = True, and serve by TLS."
        messages.append(Warning("The session cookie travels in clear text.", hint=hint, id="sessions_ui.W010"))
    if not settings.SESSION_COOKIE_HTTPONLY:
        hint = "Set SESSION_COOKIE_HTTPONLY = True."
        messages.append(Warning("Scripts can read the session cookie.", hint=hint, id="sessions_ui.W011"))
    if settings.SESSION_COOKIE_SAMESITE not in ("Lax", "Strict"):
        hint = 'Set SESSION_COOKIE_SAMESITE = "Lax" or "Strict".'
        messages.append(Warning("Other sites can send the session cookie.", hint=hint, id="sessions_ui.W012"))
    for kind, cookie in _cookies():
        if not _is_host_only(cookie("NAME")):
            hint = f"Let {kind}_COOKIE_NAME begin with __Host-, so that no other host of the domain can set it."
            messages.append(
                Warning(f"The cookie {cookie('NAME')} is not bound to its host.", hint=hint, id="sessions_ui.W013")
            )
    return messages


def _cookies() -> Iterator[tuple[str, Any]]:
    for kind in ("SESSION", "CSRF"):
        yield kind, lambda what, kind=kind: getattr(settings, f"{kind}_COOKIE_{what}")


def _is_host_only(name: str) -> bool:
    return name.lower().startswith("__host-")


@register()
def check_display_time_zone(**kwargs: Any) -> list[CheckMessage]:
    name = getattr(settings, "DISPLAY_TIME_ZONE", "UTC")
    if name in available_timezones():
        return []
    hint = "Give a name of the IANA time zone database, such as Europe/Berlin."
    return [Error(f"DISPLAY_TIME_ZONE is {name!r}, which is no time zone.", hint=hint, id="sessions_ui.E012")]


@register()
def check_production(**kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    if not getattr(settings, "PRODUCTION", False):
        return messages
    if settings.DEBUG:
        hint = "Unset DEBUG: it shows settings and data to everybody."
        messages.append(Error("PRODUCTION and DEBUG are both set.", hint=hint, id="sessions_ui.E013"))
    file = getattr(settings, "DEMO_PASSWORD_FILE", None)
    if file and Path(file).exists():
        hint = "Delete it, and start production with a database of its own."
        messages.append(Error(f"The demo password is in {file}.", hint=hint, id="sessions_ui.E015"))
    return messages


@register(Tags.database)
def check_demo_people(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    User = get_user_model()
    using = router.db_for_read(User)
    if not getattr(settings, "PRODUCTION", False) or not _has_tables(databases, using, User):
        return []
    if not User._base_manager.using(using).filter(groups__name=DEMO_GROUP).exists():
        return []
    hint = f"Delete the members of the group “{DEMO_GROUP}”: they all have one password."
    return [Error("There are demo people in the database.", hint=hint, id="sessions_ui.E014")]


@register(Tags.database)
def check_isolation(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    using = router.db_for_write(Session)
    if using not in (databases or ()) or connections[using].vendor != "postgresql":
        return []
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        level = cursor.fetchone()[0]
    if level in ("read committed", "read uncommitted"):
        return []
    return [
        Error(
            f"The database isolates transactions by “{level}”: a request would not see that its session has ended.",
            hint="Take isolation_level out of the database's OPTIONS, or default_transaction_isolation out of the "
            "server's settings.",
            id="sessions_ui.E010",
        )
    ]


@register(Tags.database)
def check_trigger(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    User, using = get_user_model(), router.db_for_write(Session)
    if "is_active" not in {field.column for field in User._meta.local_concrete_fields}:
        return []
    if not _has_tables(databases, using, User, Session):
        return []
    if _has_trigger(using, triggers.NAME, User):
        return []
    return [
        Warning(
            f"The table {User._meta.db_table} has lost its trigger: disabling a user with an UPDATE does not end his "
            "sessions for good.",
            hint="Run manage.py migrate, which makes it again.",
            id="sessions_ui.W004",
        )
    ]


@register(Tags.database)
def check_history(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    using = router.db_for_write(SessionEvent)
    if not _has_tables(databases, using, SessionEvent):
        return []
    vendor = connections[using].vendor
    if all(_has_trigger(using, name, SessionEvent) for name in history.names(vendor)):
        return []
    return [
        Warning(
            "The history of sessions has lost its triggers: SQL can change and delete login records.",
            hint="Run manage.py migrate, which makes them again.",
            id="sessions_ui.W009",
        )
    ]


@register(Tags.database)
def check_search(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    using = router.db_for_write(Session)
    if not _has_tables(databases, using, Session, SessionEvent):
        return []
    if index.SESSIONS.is_there(using) and index.LOGIN_RECORDS.is_there(using):
        return []
    return [
        Warning(
            "A search index is missing: every search looks at every row.",
            hint=index.HINT[connections[using].vendor],
            id="sessions_ui.W006",
        )
    ]


@register(Tags.database)
def check_restored(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    using = router.db_for_write(Session)
    if not _has_tables(databases, using, SessionEvent) or not restore.is_restored(using):
        return []
    return [
        Warning(
            "The database was restored from a backup: sessions that have ended since are live again.",
            hint=f"Run {restore.COMMAND} before the servers are started.",
            id="sessions_ui.W005",
        )
    ]


def _has_trigger(using: str, name: str, model: Any) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(HAS_TRIGGER[connection.vendor], [name, model._meta.db_table])
        return bool(cursor.fetchone()[0])


def _has_tables(databases: Sequence[str] | None, using: str, *models: Any) -> bool:
    """Return whether the check may ask this database, and the first migrate has been there."""
    if using not in (databases or ()):
        return False
    return {model._meta.db_table for model in models} <= set(connections[using].introspection.table_names())
