"""How rows say times, places, devices and names."""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from django import template
from django.http import HttpRequest, QueryDict
from django.template.context import Context
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from sessions_ui import geoip, limits, naming, rows
from sessions_ui.access import reaches
from sessions_ui.models import SavedView, Session
from sessions_ui.models.limits import in_words
from sessions_ui.models.plain_text import plainly
from sessions_ui.models.reaches import Reaches

register = template.Library()

RELATIVE_UNTIL = timedelta(days=1)
VIEWS_IN_MENU = 20
MONTHS = ["", *(f"{date(2000, month, 1):%B}" for month in range(1, 13))]

register.filter(naming.client_name)
register.filter(naming.person_name)
register.filter(naming.login_name)
register.filter(naming.place_name)
register.filter(naming.session_name)
register.filter(rows.device_icon)
register.filter(rows.is_active_now)
register.filter(plainly)
register.filter("minutes_in_words", lambda minutes: in_words(minutes) if minutes else "")
register.filter("country_name", geoip.country_name)


@register.filter
def exact(moment: datetime) -> str:
    """Return the moment in the reader's zone, such as "12 March 2026, 10:04"."""
    return _exact(timezone.localtime(moment))


def _exact(local: datetime) -> str:
    # Django's own format() takes eight times as long, a hundred times a page.
    return f"{local.day} {MONTHS[local.month]} {local.year}, {_clock(local)}"


def _clock(local: datetime) -> str:
    return f"{local.hour:02}:{local.minute:02}"


@register.filter
def exact_with_zone(moment: datetime) -> str:
    """Return the moment where no page says its zone, such as "12 March 2026, 10:04 (Europe/Berlin)"."""
    return f"{exact(moment)} ({timezone.get_current_timezone_name()})"


@register.filter
def roughly(span: timedelta) -> str:
    """Return the length of time in its one largest unit, such as "9 s" or "4 min"."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5_400:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3_600):,} h" if seconds < 36 * 3_600 else f"{round(seconds / 86_400):,} days"


@register.filter
def after(later: datetime, earlier: datetime) -> str:
    return f"{roughly(later - earlier)} after"


@register.filter
def local_input(text: str) -> str:
    """Return an ISO instant as a datetime-local field of the reader's zone holds it."""
    return f"{timezone.localtime(datetime.fromisoformat(text)):%Y-%m-%dT%H:%M}" if text else ""


@register.simple_tag
def ago(moment: datetime, before: str = "") -> SafeString:
    """Return the time element of a moment: relative in the row, exact in its title and for screen readers."""
    local = timezone.localtime(moment)
    exactly = _exact(local)
    # What is put together here from numbers and names of months holds nothing that HTML knows.
    return mark_safe(  # noqa: S308
        f'<time datetime="{moment.isoformat(timespec="seconds")}" title="{exactly}">'
        f'{conditional_escape(before)}{_relatively(local)}<span class="vh">, {exactly}</span></time>'
    )


@register.simple_tag
def when(moment: datetime) -> SafeString:
    """Return the time element of what lies back: day and time of day and, of the last day, how long ago."""
    local = timezone.localtime(moment)
    exactly, days = _exact(local), (timezone.localdate() - local.date()).days
    year = f" {local.year}" if days > 300 else ""
    day = {0: "Today ", 1: "Yesterday "}.get(days, f"{local.day} {MONTHS[local.month]}{year}, ")
    since = f"<small>{_relatively(local)}</small>" if timezone.now() - local < RELATIVE_UNTIL else ""
    return mark_safe(  # noqa: S308 (numbers and names of months)
        f'<time datetime="{moment.isoformat(timespec="seconds")}" title="{exactly}">'
        f'{day}{_clock(local)}<span class="vh">, {exactly}</span></time>{since}'
    )


def _relatively(local: datetime) -> str:
    since = timezone.now() - local
    minutes = int(since.total_seconds()) // 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes}\xa0min ago"
    if since < RELATIVE_UNTIL:
        return f"{minutes // 60}\xa0hour{'s' if minutes >= 120 else ''} ago"
    day = f"{local.day} {MONTHS[local.month]}"
    return f"{day} {local.year}" if since > timedelta(days=300) else f"{day}, {_clock(local)}"


@register.simple_tag
def ends_in(end: limits.End) -> SafeString:
    """Return how long a session has still, with the moment and why in its title."""
    left, exactly = roughly(end.on - timezone.now()), exact(end.on)
    title = f"{exactly}, {end.why}{', unless it is used before' if end.if_idle else ''}"
    return format_html(
        '<time datetime="{}" title="{}">ends in {}</time>', end.on.isoformat(timespec="seconds"), title, left
    )


@register.simple_tag(takes_context=True)
def near_end(context: Context, session: Session) -> limits.End | None:
    return limits.near_end(session, rows.limits_of(context["request"]), timezone.now())


@register.simple_tag(takes_context=True)
def ends(context: Context, session: Session) -> list[limits.End]:
    """Return when the session ends if nobody uses it, and when at the latest."""
    ways = limits.ends_of(session, rows.limits_of(context["request"]), timezone.now())
    # The later ones of a kind say nothing.
    return list({way.if_idle: way for way in reversed(ways)}.values())[::-1]


@register.filter
def may_name_network_of(reaches: Reaches, session: Session) -> bool:
    return reaches.may_name_network_of(session)


@register.filter
def may_end(reaches: Reaches, session: Session) -> bool:
    return reaches.may_end(session)


@register.simple_tag(takes_context=True)
def administers(context: Context) -> bool:
    """Return whether the reader reaches beyond his own sessions."""
    request: HttpRequest | None = context.get("request")
    user: Any = getattr(request, "user", None)
    return bool(request and user and user.is_authenticated and reaches(request).administers)


@register.inclusion_tag("saved_views/_menu.html", takes_context=True)
def saved_views_menu(context: Context, of: str) -> dict[str, Any]:
    """Show the reader's views of a list, the first so many."""
    request: Any = context["request"]
    visible = SavedView.objects.visible_to(request.user, reaches(request).see)
    return {"views": visible.filter(of=of).only("name", "public_id")[:VIEWS_IN_MENU]}


@register.simple_tag(takes_context=True)
def only(context: Context, parameter: str, value: object) -> SafeString:
    """Return the query string that keeps what is shown, from its first page, where the parameter has this value."""
    request: HttpRequest = context["request"]
    links: rows.Links = request.__dict__.setdefault("_links", rows.Links(request.GET))
    return links.only(parameter, str(value))


@cache
def _country_options() -> str:
    options = (format_html('<option value="{}">{}</option>', code, name) for code, name in geoip.COUNTRIES.items())
    return "".join(options)


@register.simple_tag
def country_options(chosen: str | None) -> SafeString:
    """Return the options of all countries, which are the same on every page but for the chosen one."""
    option = f'<option value="{chosen}"'
    return mark_safe(_country_options().replace(option, f"{option} selected"))  # noqa: S308 (made by format_html)


@register.simple_tag
def without(query: QueryDict, *names: str) -> str:
    """Return the query string without these parameters."""
    kept = query.copy()
    for name in names:
        kept.pop(name, None)
    return f"?{kept.urlencode()}" if kept else ""


@register.simple_tag
def location_credit() -> str:
    """Return the line that the licence of the location file asks for, if any."""
    return geoip.credit()
