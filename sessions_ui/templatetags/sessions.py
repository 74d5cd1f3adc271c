"""How rows say times, places, devices and names."""

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

from django import template
from django.http import HttpRequest, QueryDict
from django.template.context import Context
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from sessions_ui import geoip, naming
from sessions_ui.access import reaches
from sessions_ui.models import Session
from sessions_ui.models.plain_text import plainly
from sessions_ui.models.reaches import Reaches

register = template.Library()

ACTIVE_NOW = timedelta(minutes=2)
RELATIVE_UNTIL = timedelta(days=1)
MONTHS = ["", *(f"{date(2000, month, 1):%B}" for month in range(1, 13))]
ICONS = {"computer": "desktop", "phone": "phone", "tablet": "tablet", "script": "program"}

register.filter(naming.person_name)
register.filter(naming.session_name)
register.filter(plainly)
register.filter("country_name", geoip.country_name)


@register.filter
def device_icon(session: Session) -> str:
    if session.device == "Mac":
        return "laptop"
    return ICONS.get(session.device_kind, "browser")


@register.filter
def exact(moment: datetime) -> str:
    """Return the moment in the reader's zone, such as "12 March 2026, 10:04"."""
    local = timezone.localtime(moment)
    # Django's own format() takes eight times as long, a hundred times a page.
    return f"{local.day} {MONTHS[local.month]} {local.year}, {local:%H:%M}"


@register.filter
def roughly(span: timedelta) -> str:
    """Return the length of time in its one largest unit, such as "9 s" or "4 min"."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5_400:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3_600):,} h"


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
    since = timezone.now() - moment
    if since < timedelta(minutes=1):
        said = "just now"
    elif since < RELATIVE_UNTIL:
        said = f"{timesince(moment, depth=1).replace('minute', 'min')} ago".replace("mins", "min")
    else:
        local = timezone.localtime(moment)
        day = f"{local.day} {MONTHS[local.month]}"
        said = f"{day} {local.year}" if since > timedelta(days=300) else f"{day}, {local:%H:%M}"
    exactly = exact(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}{}<span class="vh">, {}</span></time>',
        moment.isoformat(timespec="seconds"), exactly, before, said, exactly,
    )  # fmt: skip


@register.filter
def is_active_now(session: Session) -> bool:
    return timezone.now() - session.last_active_on < ACTIVE_NOW


@register.filter
def may_end(reaches: Reaches, session: Session) -> bool:
    return reaches.may_end(session)


@register.simple_tag(takes_context=True)
def administers(context: Context) -> bool:
    """Return whether the reader reaches beyond his own sessions."""
    request: HttpRequest | None = context.get("request")
    user: Any = getattr(request, "user", None)
    return bool(request and user and user.is_authenticated and reaches(request).administers)


@register.simple_tag(takes_context=True)
def only(context: Context, parameter: str, value: object) -> SafeString:
    """Return the query string that keeps what is shown, from its first page, where the parameter has this value.

    What is before the value is put together once a page and not for each of its 400 links.
    """
    request: HttpRequest = context["request"]
    before: dict[str, str] = request.__dict__.setdefault("_only", {})
    if parameter not in before:
        kept = request.GET.copy()
        for name in ("below", "above", parameter):
            kept.pop(name, None)
        before[parameter] = escape(f"?{kept.urlencode()}{'&' if kept else ''}{parameter}=")
    # What is quoted holds nothing that HTML knows.
    return mark_safe(before[parameter] + quote(str(value), safe=""))  # noqa: S308


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
