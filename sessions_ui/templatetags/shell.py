"""Tags of the pages' shell: icons, and where in the navigation one is."""

from functools import cache

from django import template
from django.template import RequestContext
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """Draw the symbol of this name in static/icons.svg; what it means must be said in words beside it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.simple_tag(takes_context=True)
def current(context: RequestContext, url_name: str) -> str:
    """Mark a link of the navigation when the page shown is the one it leads to, or lies below it."""
    request = context.get("request")
    if request is None or not request.path.startswith(reverse(url_name)):
        return ""
    return mark_safe(' aria-current="page"')
