from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NoReturn

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connections, models, transaction
from django.db.models import F, Value
from django.db.models.functions import Cast, Now

from .functions import Era, TimeOrderedUUID
from .insert_select import compiled, insert_select
from .lookups import Ids
from .origins import FromOrigin
from .sessions import Session, SessionQuerySet
from .statements import Slot, Statement

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
            *("ip", "country", "location", "network", "user_agent"),
            *("device", "device_kind", "browser", "os", "search_text", "hints"),
        ]
    },
}  # fmt: skip


SIGN_IN_KINDS = ["signed_in", "sign_in_failed"]
END_KINDS = ["signed_out", "expired", "terminated"]
RETENTION = "sessions_ui.retention"
REPLACED = "Replaced by a new session in the same browser"


class LastingRecord(Exception):
    """Somebody tried to change or delete what lasts."""

    def __init__(self) -> None:
        super().__init__("Session events cannot be changed or deleted; LOGIN_RECORD_DAYS and forget_user remove them.")


@contextmanager
def retention(using: str) -> Iterator[None]:
    """Declare this transaction to be retention: only in it can events be changed and deleted.

    The triggers of history.py ask for it, so that it holds for SQL as well.
    """
    connection: Any = connections[using]
    within = is_retention(connection)
    with transaction.atomic(using):
        _declare(connection, "on")
        connection.sessions_ui_retention = True
        try:
            yield
        finally:
            connection.sessions_ui_retention = within
        # Where this fails the savepoint takes it back.
        _declare(connection, "on" if within else "")


def is_retention(connection: Any) -> bool:
    """Return whether the transaction of this connection is declared to be retention."""
    return bool(getattr(connection, "sessions_ui_retention", False))


def _declare(connection: Any, value: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [RETENTION, value])


class SessionEventQuerySet(models.QuerySet["SessionEvent"]):
    def sign_ins(self) -> SessionEventQuerySet:
        """Keep the login records: sign-ins, and those that failed."""
        return self.filter(kind__one_of=SessionEvent.SIGN_INS)

    def ends(self) -> SessionEventQuerySet:
        """Keep the events that ended a session; there is one for each at most."""
        return self.filter(kind__one_of=SessionEvent.ENDS)

    def refusals(self) -> SessionEventQuerySet:
        """Keep the events of sessions that were ended and asked for again; there is one for each at most."""
        return self.filter(kind__one_of=[SessionEvent.Kind.REFUSED])

    def update(self, **columns: Any) -> int:
        self._refuse()
        return super().update(**columns)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse()
        return super().delete()

    def _refuse(self) -> None:
        if not is_retention(connections[self.db]):
            raise LastingRecord


class SessionEvent(FromOrigin):
    """One line of the lasting history of sessions, with ids and labels as they were."""

    class Kind(models.TextChoices):
        SIGNED_IN = "signed_in", "Signed in"
        SIGN_IN_FAILED = "sign_in_failed", "Sign-in failed"
        SIGNED_OUT = "signed_out", "Signed out"
        EXPIRED = "expired", "Expired"
        TERMINATED = "terminated", "Terminated"
        REFUSED = "refused", "Refused"
        REMOVED = "removed", "Records removed"

    SIGN_INS = [Kind.SIGNED_IN, Kind.SIGN_IN_FAILED]
    ENDS = [Kind.SIGNED_OUT, Kind.EXPIRED, Kind.TERMINATED]

    public_id = models.UUIDField(db_default=TimeOrderedUUID(), unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    happened_on = models.DateTimeField(db_default=Now(), db_index=True)
    session_id = models.BigIntegerField(null=True)
    session_public_id = models.UUIDField(null=True)
    signed_in_on = models.DateTimeField(null=True)
    user_key = models.CharField(max_length=64, blank=True)
    user_label = models.CharField(max_length=254, blank=True)
    account_id = models.BigIntegerField(null=True)
    account_label = models.CharField(max_length=200, blank=True)
    application_id = models.BigIntegerField(null=True)
    application_label = models.CharField(max_length=200, blank=True)
    termination_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    ended_key = models.BinaryField(max_length=16, null=True)

    search_text = models.TextField(blank=True)
    # What the session's hints were at that moment; whether they were expected is said there, as it was.
    hints = models.JSONField(null=True)

    objects = SessionEventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ["view"]
        indexes = [
            models.Index(fields=["ended_key"], condition=models.Q(ended_key__isnull=False), name="event_ended_key"),
            # Not one of the columns that sign-ins leave empty: each index costs each sign-in.
            models.Index(
                fields=["termination_id"],
                condition=models.Q(termination_id__isnull=False),
                name="event_by_termination",
            ),
            models.Index(fields=["termination_id"], condition=models.Q(kind="refused"), name="event_refused"),
            models.Index(fields=["user_key", "-id"], name="event_by_user"),
            models.Index(fields=["-id"], condition=models.Q(kind="sign_in_failed"), name="event_failed"),
            models.Index(fields=["-id"], condition=models.Q(kind="removed"), name="event_removed"),
            models.Index(fields=["kind", "-session_id"], condition=models.Q(kind__in=END_KINDS), name="event_ended"),
            models.Index(
                fields=["-session_id"], condition=models.Q(kind="signed_out", reason=REPLACED), name="event_replaced"
            ),
            # Ends and refusals are found by what keeps them from being two.
            models.Index(
                fields=["session_public_id"], condition=models.Q(kind__in=SIGN_IN_KINDS), name="record_by_session"
            ),
            # The eras that hold rows of a time are found without a look at those of another.
            models.Index(Era("id"), "happened_on", condition=models.Q(kind__in=SIGN_IN_KINDS), name="record_by_era"),
        ] + [
            models.Index(fields=[*of, "-id"], condition=models.Q(kind__in=SIGN_IN_KINDS), name=f"record_{name}")
            for name, of in {
                "newest": [],
                "by_account": ["account_id"],
                "by_application": ["application_id"],
                "by_ip": ["ip"],
            }.items()
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["session_public_id"],
                condition=models.Q(kind__in=END_KINDS),
                name="one_end_per_session",
            ),
            models.UniqueConstraint(
                fields=["session_public_id"], condition=models.Q(kind="refused"), name="one_refusal_per_session"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_label} {self.get_kind_display().lower()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the event; raises LastingRecord where it is there already."""
        if not self._state.adding:
            raise LastingRecord
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise LastingRecord."""
        raise LastingRecord


def users_of(keys: Iterable[str], using: str | None = None) -> dict[str, Any]:
    """Return the users that are still there, by the keys under which events know them."""
    User, pks = get_user_model(), []
    for key in keys:
        # What a forgotten person left is no key of a user.
        with suppress(ValidationError):
            pks.append(User._meta.pk.to_python(key))
    return {str(user.pk): user for user in User._base_manager.using(using).filter(pk__in=pks)}


def record(sessions: SessionQuerySet, kind: SessionEvent.Kind, **values: Any) -> int:
    """Insert one event for each of the sessions, in one statement, and return their number.

    The values are columns of SessionEvent: the same for all, or expressions of the session.
    An event that ends a session also keeps the second half of its key's digest.
    """
    return insert_select(SessionEvent, sessions.order_by("id"), _copied(kind) | values)


def record_sign_in(session_pk: int, using: str) -> None:
    """Insert the event of a sign-in: as record() does, less than half as long."""
    statement = _statement_of_sign_in(using)
    with statement.cursor() as cursor:
        statement.execute(cursor, id=session_pk)


def record_ends(
    ids: Sequence[int], kind: SessionEvent.Kind, using: str, *, reason: str = "", termination_id: int | None = None
) -> int:
    """Insert the event of each signed-in session of these, as record() does, and return their number."""
    statement = _statement_of_ends(kind, using)
    with statement.cursor() as cursor:
        statement.execute(cursor, ids=ids, reason=reason, termination_id=termination_id)
        return int(cursor.rowcount)


@cache
def _statement_of_ends(kind: SessionEvent.Kind, using: str) -> Statement:
    ended = Session.objects.using(using).filter(pk__among=Slot("ids", Ids())).signed_in().order_by("id")
    columns: dict[str, Any] = {name: SessionEvent._meta.get_field(name) for name in ("reason", "termination_id")}
    slots = {name: Slot(name, field) for name, field in columns.items()}
    return Statement(using, *compiled(SessionEvent, ended, _copied(kind) | slots))


@cache
def _statement_of_sign_in(using: str) -> Statement:
    one = Session.objects.using(using).filter(pk=Slot("id")).order_by()
    return Statement(using, *compiled(SessionEvent, one, _copied(SessionEvent.Kind.SIGNED_IN)))


def _copied(kind: SessionEvent.Kind) -> dict[str, Any]:
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
    return expressions | {"reason": Value("")}


def on_events(condition: models.Q) -> models.Q:
    """Return a condition on sessions, of a scope that stands, as one on the events that ended them."""
    return _translated(condition, {"id": "session_id", "created_on": "signed_in_on"})


def on_sign_ins(condition: models.Q) -> models.Q:
    """Return a condition on sessions, of a scope that stands, as one on login records; ids are those of records."""
    return _translated(condition, {"created_on": "happened_on"})


def _translated(condition: models.Q, names: dict[str, str]) -> models.Q:
    translated = models.Q(_connector=condition.connector, _negated=condition.negated)
    for child in condition.children:
        one: Any = child
        translated.children.append(_translated(one, names) if isinstance(one, models.Q) else _on_event(names, *one))
    return translated


def _on_event(names: dict[str, str], lookup: str, value: Any) -> tuple[str, Any]:
    column, _, rest = lookup.partition("__")
    if column != "user_id":
        name = names.get(column, column)
        return f"{name}__{rest}" if rest else name, value
    if rest == "isnull":
        return "user_key" if value else "user_key__gt", ""
    # As record() writes it, whatever the database makes of a UUID.
    return "user_key", Cast(Value(value, get_user_model()._meta.pk), models.CharField(max_length=64))
