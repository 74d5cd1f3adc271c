"""What notes the last activity of a session: one statement, and more only where its origin has changed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import BinaryField, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now
from django.db.models.sql import UpdateQuery

from sessions_ui import habits
from sessions_ui.models import Fence, Prefix, Session
from sessions_ui.models.networks import position
from sessions_ui.models.sessions import TODAY, TOUCH_DUE
from sessions_ui.models.statements import Slot, Statement
from sessions_ui.networks import named
from sessions_ui.origin import Origin

from .lookup import Row

_touches: dict[tuple[str, bool], tuple[frozenset[UUID], Statement]] = {}
# What hints are made of.
COMPARED = [*habits.SEEN, "created_on", "last_active_on", "last_ip", "last_location", "last_browser", "hints"]


def touch(using: str, row: Row, fence: Fence, origin: Origin) -> None:
    """Note the last activity of a session and where it came from, if that is due and the session is live."""
    of = using, origin.ip is None
    known, statement = _touches.get(of, (None, None))
    if statement is None or known != fence.known:
        statement = _compiled(using, fence, has_address=origin.ip is not None)
        _touches[of] = fence.known, statement
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
        if cursor.rowcount:
            return
    _touch_elsewhere(using, row, fence, origin)


def _touch_elsewhere(using: str, row: Row, fence: Fence, origin: Origin) -> None:
    """Note a touch from another origin than the last one, and what is unusual about it."""
    sessions = Session.objects.using(using).filter(pk=row.id, public_id=row.public_id)
    due = sessions.filter(TOUCH_DUE, fence.complete).live(fence)
    session = due.only(*COMPARED, "user", "account").first()
    if session is None:
        return
    origin = named(origin, session.account_id)
    due.update(
        last_active_on=Now(),
        last_active_day=TODAY,
        last_ip=origin.ip,
        last_location=origin.location,
        last_browser=origin.browser,
        **habits.at_touch(session, origin, using),
    )


def _compiled(using: str, fence: Fence, *, has_address: bool) -> Statement:
    same_address: Any = {"last_ip": Slot("last_ip")} if has_address else {"last_ip__isnull": True}
    sessions = Session.objects.using(using).filter(pk=Slot("id"), public_id=Slot("public_id"))
    same = sessions.filter(last_browser=Slot("last_browser"), **same_address)
    due = same.filter(TOUCH_DUE, fence.complete).live(fence)
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
    return Statement(using, *query.get_compiler(using).as_sql())
