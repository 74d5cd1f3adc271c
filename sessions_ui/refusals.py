"""The answers to what is not done: parameters that cannot be read, and too many exports."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def unreadable(request: HttpRequest, problems: Mapping[str, str], candidates: object = ()) -> HttpResponse:
    """Answer 400 with a sentence for each parameter, and with what may have been meant."""
    context = {"problems": problems, "candidates": candidates}
    return render(request, "sessions/unreadable.html", context, status=400)


def too_many_exports(request: HttpRequest, reason: str, seconds: int) -> HttpResponse:
    """Answer 429 with the reason, and when to try again."""
    answer = render(request, "exports/refused.html", {"reason": reason}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer
