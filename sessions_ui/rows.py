"""What a row of the list says, put together before its template, where to look it up takes as long as to print it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypedDict
from urllib.parse import quote

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from .access import fence, own_id, reaches
from .criteria import NO_ACCOUNT
from .geoip import country_name
from .hints import LABELS
from .limits import End, near_end
from .models import Limit, Session
from .models.origins import FromOrigin
from .models.reaches import Reaches
from .naming import login_name, person_name, session_name

ACTIVE_NOW = timedelta(minutes=2)
ICONS = {"computer": "desktop", "phone": "phone", "tablet": "tablet", "script": "program"}


class Links:
    """The links of a page's rows; what many of them begin with is put together once."""

    def __init__(self, shown: QueryDict) -> None:
        self.shown = shown
        self.before: dict[str, SafeString] = {}

    @cached_property
    def list_path(self) -> str:
        # reverse() takes as long as a quarter of a row.
        return reverse("active-user-sessions")

    def session(self, public_id: str) -> str:
        """Return the path of the session's page."""
        return f"{self.list_path}{public_id}/"

    def only(self, parameter: str, value: str) -> SafeString:
        """Return the query string that keeps what is shown, from its first page, where the parameter is this."""
        if parameter not in self.before:
            kept = self.shown.copy()
            for name in ("below", "above", parameter):
                kept.pop(name, None)
            self.before[parameter] = escape(f"?{kept.urlencode()}{'&' if kept else ''}{parameter}=")
        # What is quoted holds nothing that HTML knows.
        return mark_safe(self.before[parameter] + quote(value, safe=""))  # noqa: S308


class Row(TypedDict):
    """What one row says; `only` holds, by parameter, where the link of a cell leads.

    A dictionary, because of anything else a template first asks whether it is one, by way of an exception.
    """

    public_id: str
    path: str
    name: str
    is_own: bool
    may_end: bool
    person: str
    login: str
    account: str
    application: str
    ip: str
    country: str
    country_name: str
    location: str
    network: str
    icon: str
    device: str
    browser: str
    created_on: datetime
    last_active_on: datetime
    is_active: bool
    near_end: End | None
    hint: str
    hint_said: str
    only: dict[str, SafeString]


def rows(request: HttpRequest, sessions: Iterable[Session]) -> list[Row]:
    """Return the rows of these sessions for the reader of the list."""
    links, own, reach = Links(request.GET), own_id(request), reaches(request)
    limits, now = limits_of(request), timezone.now()
    return [_row(session, links, own, reach) | {"near_end": near_end(session, limits, now)} for session in sessions]


def limits_of(request: HttpRequest) -> tuple[Limit, ...]:
    """Return the limits as this request's own check has just found them."""
    known = fence(request)
    return known.limits if known else ()


def _row(session: Session, links: Links, own: int | None, reach: Reaches) -> Row:
    public_id, is_own = str(session.public_id), session.pk == own
    hints = session.standing_hints if session.needs_look else []
    return {
        "public_id": public_id,
        "path": links.session(public_id),
        "name": session_name(session),
        "is_own": is_own,
        "may_end": not is_own and reach.may_end(session),
        "person": person_name(session.user),
        "login": login_name(session.user),
        "account": str(session.account or ""),
        "application": str(session.application),
        "ip": session.ip or "",
        "country": session.country,
        "country_name": country_name(session.country),
        "location": session.location,
        "network": session.network,
        "icon": device_icon(session),
        "device": session.device,
        "browser": session.browser,
        "created_on": session.created_on,
        "last_active_on": session.last_active_on,
        "is_active": is_active_now(session),
        "near_end": None,
        # The row has room for one, and the first says most.
        "hint": LABELS.get(hints[0]["kind"], "Unusual") if hints else "",
        "hint_said": " ".join(hint["said"] for hint in hints),
        "only": _only(session, links),
    }


def _only(session: Session, links: Links) -> dict[str, SafeString]:
    user: Any = session.user
    values = {
        "user": str(user.get_username()),
        "account": session.account.slug if session.account else NO_ACCOUNT,
        "application": session.application.slug,
        "address": session.ip or "",
        "country": session.country,
        "city": session.location,
        "device": session.device,
        "browser": session.browser,
    }
    return {parameter: links.only(parameter, value) for parameter, value in values.items()}


def device_icon(of: FromOrigin) -> str:
    """Return the name of the symbol of the device."""
    return "laptop" if of.device == "Mac" else ICONS.get(of.device_kind, "browser")


def is_active_now(session: Session) -> bool:
    return timezone.now() - session.last_active_on < ACTIVE_NOW
