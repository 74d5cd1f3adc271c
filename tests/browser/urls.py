"""The console's addresses, and one that fails."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path

from sessionadmin import urls as console
from sessionadmin.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def fault(request: HttpRequest) -> HttpResponse:
    """Fail as no view of ours should."""
    raise LookupError("a fault, made for the page that tells of one")


urlpatterns: list[URLPattern | URLResolver] = [path("fault/", fault), *console.urlpatterns]
