"""What a row of the list says, put together before its template, where to look it up takes as long as to print it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from html import escape
from typing import TypedDict
from urllib.parse import quote

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from .access import fence, own_id, reaches
from .criteria import NO_ACCOUNT
from .geoip import country_name
from .hints import LABELS
from .icons import icon
from .limits import near_end
from .models import Limit, Session
from .models.origins import FromOrigin
from .models.reaches import Reaches
from .moments import ago, ends_in
from .naming import login_name, person_name, session_name

ACTIVE_NOW = timedelta(minutes=2)
CLASSES = {"country": "cc"}
ICONS = {"computer": "desktop", "phone": "phone", "tablet": "tablet", "script": "program"}


NOTHING = SafeString("")
NOT_KNOWN = SafeString("–")
NO_ADDRESS = SafeString('<span class="cut">No address</span>')
NO_DEVICE = SafeString('<span class="cut">Unknown device</span>')
WITHOUT_ACCOUNT = SafeString('<span aria-hidden="true">–</span><span class="vh">No account</span>')
OWN = SafeString(' <span class="badge">This is you</span>')
OWN_END = SafeString("<small>Current</small>")


class Links:
    """The links of a page's rows; what many of them show is put together once."""

    def __init__(self, shown: QueryDict, back: str = "") -> None:
        self.shown, self.back = shown, quote(back, safe="")
        self.before: dict[str, str] = {}
        self.made: dict[tuple[str, ...], SafeString] = {}

    @cached_property
    def list_path(self) -> str:
        # reverse() takes as long as a quarter of a row.
        return reverse("active-user-sessions")

    @cached_property
    def terminate_path(self) -> str:
        return reverse("terminate")

    def session(self, public_id: str) -> str:
        """Return the path of the session's page."""
        return f"{self.list_path}{public_id}/"

    def terminate(self, public_id: str) -> str:
        """Return the address, quoted for HTML, where the session can be ended, and from there the way back."""
        return f"{self.terminate_path}?session={public_id}&amp;back={self.back}"

    def only(self, parameter: str, value: str) -> SafeString:
        """Return the query string that keeps what is shown, from its first page, where the parameter is this."""
        if parameter not in self.before:
            kept = self.shown.copy()
            for name in ("below", "above", parameter):
                kept.pop(name, None)
            self.before[parameter] = escape(f"?{kept.urlencode()}{'&' if kept else ''}{parameter}=")
        # What is quoted holds nothing that HTML knows.
        return SafeString(self.before[parameter] + quote(value, safe=""))

    def to(self, parameter: str, value: str, said: str = "", title: str = "") -> SafeString:
        """Return the value, or what is said for it, as a link to all that have it."""
        of = (parameter, value, said, title)
        if of not in self.made:
            self.made[of] = linked(self.only(parameter, value), said or value, title, CLASSES.get(parameter, ""))
        return self.made[of]

    def cell(self, parameter: str, value: str, otherwise: SafeString, title: str = "") -> SafeString:
        """Return the value as a link to all that have it, or what stands where there is none."""
        return self.to(parameter, value, title=title) if value else otherwise


def linked(href: str, text: str, title: str = "", of_class: str = "") -> SafeString:
    """Return a link to what is quoted for HTML already; its title says what may be cut off, or something else."""
    said = escape(text)
    named = f' class="{of_class}"' if of_class else ""
    return SafeString(f'<a{named} href="{href}" title="{escape(title) if title else said}">{said}</a>')


class OriginCells(TypedDict):
    """Where a session came from, in cells that lead to what else came from there."""

    address: SafeString
    country: SafeString
    place: SafeString
    device: SafeString
    browser: SafeString


class Row(OriginCells):
    """What one row says, in cells of HTML.

    A dictionary, because of anything else a template first asks whether it is one, by way of an exception.
    """

    tick: SafeString
    person: SafeString
    badges: SafeString
    login: SafeString
    why: str
    account: SafeString
    application: SafeString
    created: SafeString
    activity: SafeString
    end: SafeString


def rows(request: HttpRequest, sessions: Iterable[Session], *, say_why: bool) -> list[Row]:
    """Return the rows of these sessions for the reader of the list; what is unusual is said in full or in a badge."""
    reader = _Reader(
        Links(request.GET, request.get_full_path()),
        own_id(request),
        reaches(request),
        limits_of(request),
        timezone.now(),
        say_why,
    )
    return [reader.row(session) for session in sessions]


def limits_of(request: HttpRequest) -> tuple[Limit, ...]:
    """Return the limits as this request's own check has just found them."""
    known = fence(request)
    return known.limits if known else ()


@dataclass(frozen=True, slots=True)
class _Reader:
    links: Links
    own: int | None
    reach: Reaches
    limits: tuple[Limit, ...]
    now: datetime
    says_why: bool

    def row(self, session: Session) -> Row:
        links, user, public_id = self.links, session.user, str(session.public_id)
        path, is_own = links.session(public_id), session.pk == self.own
        may_end = not is_own and self.reach.may_end(session)
        hints = session.standing_hints if session.needs_look else []
        unusual = " ".join(hint["said"] for hint in hints)
        name = escape(session_name(session)) if may_end else ""
        return {
            "tick": _tick(public_id, name) if may_end else NOTHING,
            "person": linked(path, person_name(user)),
            "badges": (OWN if is_own else NOTHING) + (self._badge(hints[0], path, unusual) if hints else NOTHING),
            "login": links.to("user", str(user.get_username()), login_name(user)),  # type: ignore[union-attr]
            "why": unusual if self.says_why else "",
            "account": _account(session, links),
            "application": links.to("application", session.application.slug, str(session.application)),
            "created": ago(session.created_on),
            "activity": activity(session, self.limits, self.now),
            "end": _end(links.terminate(public_id), name) if may_end else OWN_END if is_own else NOTHING,
            **origin_cells(session, links),
        }

    def _badge(self, hint: dict[str, str], path: str, unusual: str) -> SafeString:
        """The row has room for one hint, and the first says most."""
        label, title = LABELS.get(hint["kind"], "Unusual"), escape(unusual)
        aloud = "" if self.says_why else f'<span class="vh">: {title}</span>'
        return SafeString(
            f' <a class="badge look" href="{path}#hints" title="{title}">{icon("alert")}{escape(label)}{aloud}</a>'
        )


def _tick(public_id: str, name: str) -> SafeString:
    box = f'<input type="checkbox" name="session" value="{public_id}">'
    return SafeString(f'<label>{box}<span class="vh">Tick {name}</span></label>')


def _end(href: str, name: str) -> SafeString:
    return SafeString(f'<a class="btn" href="{href}">Terminate<span class="vh"> {name}</span></a>')


def _account(session: Session, links: Links) -> SafeString:
    if session.account:
        return links.to("account", session.account.slug, str(session.account))
    return SafeString(f'<a href="{links.only("account", NO_ACCOUNT)}">{WITHOUT_ACCOUNT}</a>')


def origin_cells(of: FromOrigin, links: Links) -> OriginCells:
    """Return the cells of an origin, of a session or of its record."""
    named = f"{of.ip} is in {of.network}, a named network" if of.network else ""
    code, place = of.country, links.cell("city", of.location, NOT_KNOWN, named)
    return {
        "address": links.cell("address", of.ip or "", NO_ADDRESS),
        "country": links.to("country", code, title=country_name(code)) if code else NOTHING,
        "place": SafeString(f"{icon('building')} {place}") if named else place,
        "device": icon(device_icon(of)) + links.cell("device", of.device, NO_DEVICE),
        "browser": links.cell("browser", of.browser, NOT_KNOWN),
    }


def device_icon(of: FromOrigin) -> str:
    """Return the name of the symbol of the device."""
    return "laptop" if of.device == "Mac" else ICONS.get(of.device_kind, "browser")


def activity(session: Session, limits: tuple[Limit, ...], now: datetime) -> SafeString:
    """Return when the session was last active and, where that is near, when it ends."""
    is_active = now - session.last_active_on < ACTIVE_NOW
    said = '<small class="live">Active now' if is_active else f"<small>{ago(session.last_active_on, 'Active ')}"
    end = near_end(session, limits, now)
    return SafeString(f"{said}{f', {ends_in(end)}' if end else ''}</small>")
