"""The answer while the database does not give one: 503, and every cookie stays as it is."""

from django.http import HttpResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string

SECONDS = 5
IN_SHORT = (
    "Sessions cannot be checked right now, because the database does not answer as it should.\n"
    "That signs nobody out. Try again in a moment.\n"
)


def unavailable_response() -> HttpResponse:
    """Answer 503 with the project's 503.html, or in plain text; needs neither request nor database."""
    response = HttpResponse(status=503, headers={"Retry-After": str(SECONDS), "Cache-Control": "no-store"})
    try:
        response.content = render_to_string("503.html")
    except TemplateDoesNotExist:
        response["Content-Type"] = "text/plain; charset=utf-8"
        response.content = IN_SHORT
    return response
