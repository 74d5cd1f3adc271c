"""What was chosen on a page to be terminated: ticked sessions, all that a filter keeps, or everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from django.http import QueryDict

from .filters import SessionFilter
from .models import Session
from .models.scopes import Conditions, Reach
from .naming import person_name, session_name

MOST_TICKED = 200
NAMED = 3


class UnreadableSelection(Exception):
    """The parameters do not say clearly what is meant; nothing may be terminated by them."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


class Selection(NamedTuple):
    """The conditions of the scope and how a sentence says them; no conditions when all chosen have ended."""

    conditions: Conditions
    in_words: str


def selection(params: QueryDict, reach: Reach) -> Selection:
    """Read what is to be terminated; raises UnreadableSelection."""
    kinds = [name for name in ("session", "everything") if name in params]
    if kinds and len(params) > 1:
        raise UnreadableSelection({kinds[0]: "Choose ticked sessions, a filter or everything, only one of them."})
    if "everything" in params:
        if params.getlist("everything") != ["1"]:
            raise UnreadableSelection({"everything": "Write everything=1 to mean everything."})
        return Selection({"everything": True}, "Every session" + ("" if "all" in reach else " within your reach"))
    if "session" in params:
        return _ticked(params.getlist("session"), reach)
    wanted = SessionFilter(params, reach)
    if not wanted.is_valid():
        raise UnreadableSelection(wanted.problems)
    if not wanted.conditions:
        raise UnreadableSelection(
            {"session": "Nothing was ticked. Tick sessions in the list or choose all that match."}
        )
    return Selection(wanted.conditions, f"Every session {wanted.in_words}")


def _ticked(texts: list[str], reach: Reach) -> Selection:
    if len(texts) > MOST_TICKED:
        raise UnreadableSelection({"session": f"Tick {MOST_TICKED} sessions at most, or choose all that match."})
    try:
        public_ids = {UUID(text) for text in texts}
    except ValueError as error:
        raise UnreadableSelection({"session": "This is not the id of a session."}) from error
    within = Session.objects.live().within(reach).filter(public_id__in=public_ids)
    sessions = list(within.select_related("user", "application").order_by("id"))
    if not sessions:
        return Selection({}, "")
    return Selection({"sessions": [session.pk for session in sessions]}, in_words(sessions))


def in_words(sessions: list[Session]) -> str:
    """Return what the record of a termination calls these sessions."""
    if len(sessions) == 1:
        return session_name(sessions[0])
    names = list(dict.fromkeys(person_name(session.user) for session in sessions))
    said = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return f"{len(sessions)} ticked sessions of {said}"
