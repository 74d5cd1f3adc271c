"""What a row of the list says, put together before its template, where to look it up takes as long as to print it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from html import escape
from typing import TypedDict
from urllib.parse import quote

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
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


NOTHING = mark_safe("")
NOT_KNOWN = mark_safe("–")
NO_ADDRESS = mark_safe('<span class="cut">No address</span>')
NO_DEVICE = mark_safe('<span class="cut">Unknown device</span>')
WITHOUT_ACCOUNT = mark_safe('<span aria-hidden="true">–</span><span class="vh">No account</span>')


def linked(href: str, text: str, title: str = "", of_class: str = "") -> SafeString:
    """Return a link to what is quoted for HTML already; its title says what may be cut off, or something else."""
    said = escape(text)
    named = f' class="{of_class}"' if of_class else ""
    return mark_safe(f'<a{named} href="{href}" title="{escape(title) or said}">{said}</a>')  # noqa: S308


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
            self.before[parameter] = mark_safe(escape(f"?{kept.urlencode()}{'&' if kept else ''}{parameter}="))  # noqa: S308
        # What is quoted holds nothing that HTML knows.
        return mark_safe(self.before[parameter] + quote(value, safe=""))  # noqa: S308

    def cell(self, parameter: str, value: str, otherwise: SafeString, title: str = "") -> SafeString:
        """Return the value as a link to all that have it, or what stands where there is none."""
        return linked(self.only(parameter, value), value, title) if value else otherwise


class OriginCells(TypedDict):
    """Where a session came from, in cells that lead to what else came from there."""

    address: SafeString
    country: SafeString
    place: SafeString
    device: SafeString
    browser: SafeString


class Row(OriginCells):
    """What one row says; cells that lead somewhere are their links.

    A dictionary, because of anything else a template first asks whether it is one, by way of an exception.
    """

    public_id: str
    path: str
    name: str
    is_own: bool
    may_end: bool
    person: SafeString
    login: SafeString
    account: SafeString
    application: SafeString
    is_named_network: bool
    icon: str
    created_on: datetime
    last_active_on: datetime
    is_active: bool
    near_end: End | None
    hint: str
    hint_said: str


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
    public_id, is_own, user = str(session.public_id), session.pk == own, session.user
    path, hints = links.session(public_id), session.standing_hints if session.needs_look else []
    return {
        "public_id": public_id,
        "path": path,
        "name": session_name(session),
        "is_own": is_own,
        "may_end": not is_own and reach.may_end(session),
        "person": linked(path, person_name(user)),
        "login": linked(links.only("user", str(user.get_username())), login_name(user)),  # type: ignore[union-attr]
        "account": _account(session, links),
        "application": linked(links.only("application", session.application.slug), str(session.application)),
        "is_named_network": bool(session.network),
        "icon": device_icon(session),
        "created_on": session.created_on,
        "last_active_on": session.last_active_on,
        "is_active": is_active_now(session),
        "near_end": None,
        # The row has room for one, and the first says most.
        "hint": LABELS.get(hints[0]["kind"], "Unusual") if hints else "",
        "hint_said": " ".join(hint["said"] for hint in hints),
        **origin_cells(session, links),
    }


def _account(session: Session, links: Links) -> SafeString:
    if session.account:
        return linked(links.only("account", session.account.slug), str(session.account))
    return mark_safe(f'<a href="{links.only("account", NO_ACCOUNT)}">{WITHOUT_ACCOUNT}</a>')  # noqa: S308


def origin_cells(of: FromOrigin, links: Links) -> OriginCells:
    """Return the cells of an origin, of a session or of its record."""
    named = f"{of.ip} is in {of.network}, a named network" if of.network else ""
    code = of.country
    return {
        "address": links.cell("address", of.ip or "", NO_ADDRESS),
        "country": linked(links.only("country", code), code, country_name(code), "cc") if code else NOTHING,
        "place": links.cell("city", of.location, NOT_KNOWN, named),
        "device": links.cell("device", of.device, NO_DEVICE),
        "browser": links.cell("browser", of.browser, NOT_KNOWN),
    }


def device_icon(of: FromOrigin) -> str:
    """Return the name of the symbol of the device."""
    return "laptop" if of.device == "Mac" else ICONS.get(of.device_kind, "browser")


def is_active_now(session: Session) -> bool:
    return timezone.now() - session.last_active_on < ACTIVE_NOW
