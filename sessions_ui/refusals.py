"""The answer to parameters that cannot be read: the same 400 page for unknown, foreign and malformed ones."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def unreadable(request: HttpRequest, problems: Mapping[str, str], candidates: object = ()) -> HttpResponse:
    """Answer 400 with a sentence for each parameter, and with what may have been meant."""
    context = {"problems": problems, "candidates": candidates}
    return render(request, "sessions/unreadable.html", context, status=400)
