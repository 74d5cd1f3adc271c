"""What is shown when something is wrong: what it is, what did not happen, and what to do."""

import sys

from django.core.exceptions import BadRequest, PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from sessions_ui.models.scopes import UnreadableScope
from sessions_ui.outage import unavailable_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, with the sentence of a BadRequest; a SuspiciousOperation's is for the log only."""
    reason = str(exception) if isinstance(exception, BadRequest) else ""
    return render(request, "400.html", {"reason": reason}, status=400)


def forbidden(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    """Answer 403, with the sentence of the PermissionDenied if it has one."""
    return render(request, "403.html", {"reason": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 in the same words whatever is missing, so that foreign and missing things look alike."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 while the database is away or a termination cannot be read; asks no database itself."""
    if isinstance(sys.exception(), OperationalError | InterfaceError | UnreadableScope):
        return unavailable_response()
    return HttpResponse(render_to_string("500.html"), status=500)
