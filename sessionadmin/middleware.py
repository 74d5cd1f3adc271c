"""The console's own middleware: probes, headers that Django does not set, caching, time zone."""

from collections.abc import Callable
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from sessions_ui.views.health import healthz, readyz

Answer = Callable[[HttpRequest], HttpResponse]
ZONE_COOKIE = "tz"


class ProbeMiddleware:
    """Answer the probes before anything looks at the Host header.

    Balancers and orchestrators ask by address, which ALLOWED_HOSTS does not hold,
    and the answers say nothing of the host.
    """

    PROBES = {"/healthz": healthz, "/readyz": readyz}

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.PROBES.get(request.path_info, self.get_response)(request)


class ResourcePolicyMiddleware:
    """Let no other site embed what is served here (Cross-Origin-Resource-Policy; ASVS 3.5.8)."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


class Utf8Middleware:
    """Refuse forms in other encodings: some of them spell what no database stores, such as lone surrogates."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.strip("\"'").lower() not in ("utf-8", "utf8"):
            return HttpResponse("Send this form as UTF-8. Nothing was done.\n", "text/plain; charset=utf-8", 415)
        return self.get_response(request)


class NoStoreMiddleware:
    """Let nobody keep an answer that depends on a session (ASVS 14.3.2).

    That are those whose session was read. Asking for the user here would read it for all others too.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        session = getattr(request, "session", None)
        if session is not None and session.accessed:
            response["Cache-Control"] = "private, no-store"
        return response


class DisplayTimeZoneMiddleware:
    """Show times in the zone that the browser's script put into a cookie, else in DISPLAY_TIME_ZONE."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        wanted = request.COOKIES.get(ZONE_COOKIE, "")
        # Looked up among the known names: ZoneInfo makes a path of the name that it is given.
        name = wanted if wanted in known_zones() else settings.DISPLAY_TIME_ZONE
        with timezone.override(ZoneInfo(name)):
            return self.get_response(request)


@cache
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones())
