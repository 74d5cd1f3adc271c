"""Tags of the pages' shell: icons, and where in the navigation one is."""

from django import template
from django.template import RequestContext
from django.urls import reverse
from django.utils.safestring import mark_safe

from sessions_ui.icons import icon

register = template.Library()


register.simple_tag(icon)


@register.simple_tag(takes_context=True)
def current(context: RequestContext, url_name: str) -> str:
    """Mark a link of the navigation when the page shown is the one it leads to, or lies below it."""
    request = context.get("request")
    if request is None or not request.path.startswith(reverse(url_name)):
        return ""
    return mark_safe(' aria-current="page"')
