"""How rows say times, places, devices and names."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django import template
from django.http import HttpRequest, QueryDict
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from sessions_ui import geoip, limits, moments, naming, rows
from sessions_ui.access import reaches
from sessions_ui.models import SavedView, Session
from sessions_ui.models.limits import in_words
from sessions_ui.models.plain_text import plainly
from sessions_ui.models.reaches import Reaches

register = template.Library()

VIEWS_IN_MENU = 20

SAID: list[Callable[..., str]] = [
    *(naming.client_name, naming.person_name, naming.login_name, naming.place_name, naming.session_name),
    *(moments.exact, moments.exact_with_zone, moments.roughly, moments.after, moments.local_input),
    *(rows.device_icon, plainly),
]
for one in SAID:
    register.filter(one)
register.simple_tag(moments.ago)
register.simple_tag(moments.when)
register.filter("minutes_in_words", lambda minutes: in_words(minutes) if minutes else "")
register.filter("country_name", geoip.country_name)


@register.simple_tag(takes_context=True)
def activity(context: Context, session: Session) -> SafeString:
    return rows.activity(session, rows.limits_of(context["request"]), timezone.now())


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
