from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, models
from django.db.models import F, Value
from django.db.models.functions import Cast, Now

from .functions import RandomUUID
from .origins import FromOrigin
from .sessions import SessionQuerySet

# Columns of an event that are the session's own, and where they come from.
COPIED = {
    "session_id": "id",
    "session_public_id": "public_id",
    "account_id": "account_id",
    "account_label": "account__name",
    "application_id": "application_id",
    "application_label": "application__name",
    "signed_in_on": "created_on",
    **{
        name: name
        for name in [
            "ip", "country", "location", "user_agent", "device", "device_kind", "browser", "os", "search_text",
        ]
    },
}  # fmt: skip


class SessionEvent(FromOrigin):
    """One line of the lasting history of sessions, with ids and labels as they were."""

    class Kind(models.TextChoices):
        SIGNED_IN = "signed_in", "Signed in"
        SIGN_IN_FAILED = "sign_in_failed", "Sign-in failed"
        SIGNED_OUT = "signed_out", "Signed out"
        EXPIRED = "expired", "Expired"
        TERMINATED = "terminated", "Terminated"
        REFUSED = "refused", "Refused"

    ENDS = [Kind.SIGNED_OUT, Kind.EXPIRED, Kind.TERMINATED]

    public_id = models.UUIDField(db_default=RandomUUID(), unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    happened_on = models.DateTimeField(db_default=Now())
    session_id = models.BigIntegerField(null=True)
    session_public_id = models.UUIDField(null=True, db_index=True)
    signed_in_on = models.DateTimeField(null=True)
    user_key = models.CharField(max_length=64, blank=True, db_index=True)
    user_label = models.CharField(max_length=254, blank=True)
    account_id = models.BigIntegerField(null=True)
    account_label = models.CharField(max_length=200, blank=True)
    application_id = models.BigIntegerField(null=True)
    application_label = models.CharField(max_length=200, blank=True)
    termination_id = models.BigIntegerField(null=True, db_index=True)
    reason = models.CharField(max_length=200, blank=True)
    ended_key = models.BinaryField(max_length=16, null=True)

    search_text = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        default_permissions = ["view"]
        indexes = [
            models.Index(fields=["ended_key"], condition=models.Q(ended_key__isnull=False), name="event_ended_key"),
            models.Index(fields=["termination_id"], condition=models.Q(kind="refused"), name="event_refused"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session_public_id"],
                condition=models.Q(kind__in=["signed_out", "expired", "terminated"]),
                name="one_end_per_session",
            ),
            models.UniqueConstraint(
                fields=["session_public_id"], condition=models.Q(kind="refused"), name="one_refusal_per_session"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_label} {self.get_kind_display().lower()}"


def record(sessions: SessionQuerySet, kind: SessionEvent.Kind, **values: Any) -> int:
    """Insert one event for each of the sessions, in one statement, and return their number.

    The values are columns of SessionEvent: the same for all, or expressions of the session.
    An event that ends a session also keeps the second half of its key's digest.
    """
    User = get_user_model()
    expressions: dict[str, Any] = {name: F(source) for name, source in COPIED.items()}
    # A join that finds nothing gives NULL, the columns of labels want an empty text.
    for label in ("account_label", "application_label"):
        expressions[label] = models.functions.Coalesce(expressions[label], Value(""))
    expressions["user_key"] = Cast("user_id", models.CharField(max_length=64))
    expressions["user_label"] = F(f"user__{User.USERNAME_FIELD}")
    expressions["kind"] = Value(kind.value)
    if kind in SessionEvent.ENDS:
        expressions["ended_key"] = F("key_digest_rest")
    expressions["reason"] = Value("")
    expressions |= {name: value if is_expression(value) else Value(value) for name, value in values.items()}
    return _insert_from(sessions, expressions)


def is_expression(value: Any) -> bool:
    return hasattr(value, "resolve_expression")


def _insert_from(sessions: SessionQuerySet, expressions: dict[str, Any]) -> int:
    names = {f"event_{name}": expression for name, expression in expressions.items()}
    query = sessions.order_by().annotate(**names).values_list(*names).query
    connection = connections[sessions.db]
    sql, params = query.get_compiler(sessions.db).as_sql()
    quote = connection.ops.quote_name
    columns = ", ".join(quote(name) for name in expressions)
    table = quote(SessionEvent._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) {sql}", params)
        return int(cursor.rowcount)


def on_events(condition: models.Q) -> models.Q:
    """Return a condition on sessions, of a scope that stands, as one on the events that ended them."""
    translated = models.Q(_connector=condition.connector, _negated=condition.negated)
    for child in condition.children:
        name_or_q: Any = child
        translated.children.append(on_events(child) if isinstance(child, models.Q) else _on_event(*name_or_q))
    return translated


def _on_event(lookup: str, value: Any) -> tuple[str, Any]:
    column, _, rest = lookup.partition("__")
    if column != "user_id":
        name = {"id": "session_id", "created_on": "signed_in_on"}.get(column, column)
        return f"{name}__{rest}" if rest else name, value
    if rest == "isnull":
        return "user_key" if value else "user_key__gt", ""
    # As record() writes it, whatever the database makes of a UUID.
    return "user_key", Cast(Value(value, get_user_model()._meta.pk), models.CharField(max_length=64))
