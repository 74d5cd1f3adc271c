"""What is measured beside what: an engine with its middleware, in one situation."""

from dataclasses import dataclass, field
from typing import Any

DJANGO = "django.contrib.sessions"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


@dataclass(frozen=True)
class Case:
    """One row of the table; `app` is the application whose Session model holds the rows."""

    label: str
    app: str = DJANGO
    engine: str = "django.contrib.sessions.backends.db"
    middleware: tuple[str, ...] = ("django.contrib.sessions.middleware.SessionMiddleware", AUTHENTICATION)
    settings: dict[str, Any] = field(default_factory=dict)
    touch_due: bool = False
    terminations: bool = False


def ours(situation: str, *, touch_due: bool = False, terminations: bool = False) -> Case:
    return Case(
        f"**ours, {situation}**",
        "sessions_ui",
        "sessions_ui.backends.db",
        tuple(f"sessions_ui.middleware.{name}Middleware" for name in ("Session", "Authentication", "Activity")),
        touch_due=touch_due,
        terminations=terminations,
    )


def peer(label: str, app: str) -> Case:
    return Case(label, app, f"{app}.backends.db", (f"{app}.middleware.SessionMiddleware", AUTHENTICATION))


CASES = {
    "db": Case("Django `db`"),
    "db_again": Case("Django `db`, measured again"),
    "cached_db": Case("Django `cached_db`, Valkey", engine="django.contrib.sessions.backends.cached_db"),
    "db_save_each": Case("Django `db`, SESSION_SAVE_EVERY_REQUEST", settings={"SESSION_SAVE_EVERY_REQUEST": True}),
    "qsessions": peer("django-qsessions `db`", "qsessions"),
    "user_sessions": peer("django-user-sessions", "user_sessions"),
    "ours": ours("nothing due"),
    "ours_touch": ours("touch due", touch_due=True),
    "ours_terminations": ours("ten terminations under way", terminations=True),
}
