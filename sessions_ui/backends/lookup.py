"""The one statement of every check: the row, its user, the unfinished terminations, the limits and their verdict."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import InterfaceError, OperationalError, connections
from django.db.models import BooleanField, Case, Q, Value, When
from django.db.models.functions import Now

from sessions_ui.models import Fence, Limit, Session, Termination
from sessions_ui.models.functions import JoinedPublicIds
from sessions_ui.models.sessions import TOUCH_DUE
from sessions_ui.models.statements import Select, Slot


class Row(NamedTuple):
    """What a check reads of a session that is live."""

    id: int
    # SQLite gives the id of a rolled-back row again.
    public_id: UUID
    key_digest: bytes
    user_id: Any
    session_data: str
    touch_due: bool
    password_digest: bytes | None
    user: AbstractBaseUser | None


class Lookup:
    """A compiled check for one database, one application and one set of unfinished terminations and limits."""

    COLUMNS = [
        "id",
        "public_id",
        "user_id",
        "session_data",
        "is_touch_due",
        "password_digest",
        "is_refused",
        "unfinished",
        "limits",
    ]

    def __init__(self, using: str, application: str) -> None:
        self.using = using
        self.fence = Fence.read(using)
        self.known: tuple[str | None, str | None] | None = None
        User = get_user_model()
        self.user_columns = [field.attname for field in User._meta.concrete_fields]
        sessions = (
            Session.objects.using(using)
            .filter(key_digest=Slot("key_digest"), expire_date__gt=Now())
            .of_application(application)
            .annotate(
                is_touch_due=_whether(TOUCH_DUE),
                is_refused=_whether(self.fence.refused),
                unfinished=JoinedPublicIds(Termination.objects.using(using).unfinished().values("public_id")),
                limits=JoinedPublicIds(Limit.objects.using(using).binding().values("public_id")),
            )
            .order_by()
            .values_list(*self.COLUMNS, *(f"user__{name}" for name in self.user_columns))
        )
        self.select = Select(sessions)

    def find(self, digest: bytes) -> tuple[Row | None, bool]:
        """Return the live row of this digest if there is one, and whether the verdict knew all there is.

        When it did not, the row says nothing.
        """
        found = self.select.rows(key_digest=digest)
        if not found:
            return None, True
        values = found[0]
        id_, public_id, user_id, data, touch_due, password, refused, unfinished, limits = values[: len(self.COLUMNS)]
        if (unfinished, limits) != self.known:
            if self.fence.known != {UUID(one) for ids in (unfinished, limits) if ids for one in ids.split(",")}:
                return None, False
            # The same text again need not be read again.
            self.known = unfinished, limits
        if refused:
            return None, True
        user = None
        if user_id is not None:
            user = get_user_model().from_db(self.using, self.user_columns, values[len(self.COLUMNS) :])
        return Row(id_, public_id, digest, user_id, data, touch_due, bytes(password) if password else None, user), True


def _whether(condition: Q | None) -> Case | Value:
    if condition is None:
        return Value(False, BooleanField())
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


_lookups: dict[tuple[str, str], Lookup] = {}


def find(using: str, application: str, digest: bytes) -> tuple[Row | None, Fence]:
    """Return the live row of this key digest in this application, and the fence it was judged by.

    Raises UnreadableScope, OperationalError and InterfaceError.
    """
    try:
        return _find(using, application, digest)
    except (OperationalError, InterfaceError):
        connection = connections[using]
        if connection.connection is None or connection.in_atomic_block or connection.is_usable():
            raise
    # The database was restarted since this thread asked it last: without this, each kept
    # connection would be one more 503 although the database is back.
    connection.close()
    return _find(using, application, digest)


def _find(using: str, application: str, digest: bytes) -> tuple[Row | None, Fence]:
    of = using, application
    while True:
        lookup = _lookups.get(of) or _lookups.setdefault(of, Lookup(using, application))
        row, complete = lookup.find(digest)
        if complete:
            return row, lookup.fence
        # A termination began or finished, or a limit was set, since this was compiled: compile anew and ask again.
        _lookups[of] = Lookup(using, application)
