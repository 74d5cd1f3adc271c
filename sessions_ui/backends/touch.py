"""The one statement that notes the last activity of a session."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import BinaryField, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now
from django.db.models.sql import UpdateQuery

from sessions_ui.models import Fence, Prefix, Session
from sessions_ui.models.networks import position
from sessions_ui.models.sessions import TODAY, TOUCH_DUE
from sessions_ui.origin import Origin

from .lookup import Row
from .statement import Slot, Statement

_touches: dict[str, tuple[frozenset[UUID], Statement]] = {}


def touch(using: str, row: Row, fence: Fence, origin: Origin) -> None:
    """Note the last activity of a session and where it came from, if that is due and the session is live."""
    known, statement = _touches.get(using, (None, None))
    if statement is None or known != fence.known:
        statement = _compiled(using, fence)
        _touches[using] = fence.known, statement
    with statement.cursor() as cursor:
        statement.execute(
            cursor,
            id=row.id,
            public_id=row.public_id,
            last_ip=origin.ip,
            last_position=position(origin.ip) if origin.ip else b"",
            last_location=origin.location,
            last_browser=origin.browser,
        )


def _compiled(using: str, fence: Fence) -> Statement:
    sessions = Session.objects.using(using).filter(pk=Slot("id"), public_id=Slot("public_id"))
    due = sessions.filter(TOUCH_DUE, fence.complete).live(fence)
    # As QuerySet.update() does; it does not give the statement.
    query: Any = due.query.chain(UpdateQuery)
    naming = Prefix.objects.using(using).naming(Slot("last_position", BinaryField()), OuterRef("account_id"))
    # Here, and not before: names that a process kept would outlast the change of a network.
    named = Subquery(naming.values("network__name")[:1])
    noted = {
        "last_ip": Slot("last_ip"),
        "last_location": Coalesce(named, Slot("last_location")),
        "last_browser": Slot("last_browser"),
    }
    query.add_update_values({"last_active_on": Now(), "last_active_day": TODAY} | noted)
    return Statement(using, query.get_compiler(using))
