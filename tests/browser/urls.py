"""The console's addresses, one that fails, and one that shows a termination for as long as it is looked at."""

from datetime import timedelta

from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path

from sessionadmin import urls as console
from sessionadmin.urls import handler400, handler403, handler404, handler500
from sessions_ui.models import Beat, Termination

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def fault(request: HttpRequest) -> HttpResponse:
    """Fail as no view of ours should."""
    raise LookupError("a fault, made for the page that tells of one")


def under_way(request: HttpRequest) -> HttpResponse:
    """Show a large termination in the middle of its sweep; it covers nothing, and no worker is there to finish it."""
    act, _ = Termination.objects.update_or_create(
        in_words="Everything in Kestrel Logistics",
        defaults={
            "actor_label": "Marta Oliveira",
            "conditions": {"sessions": []},
            "reach": {"all": True},
            "cut_off": 0,
            "matched": 212_480,
            "ended": 136_190,
            "created_on": Now() - timedelta(seconds=16),
        },
    )
    Beat.objects.give()
    return redirect("termination", act.public_id)


urlpatterns: list[URLPattern | URLResolver] = [
    path("fault/", fault),
    path("under-way/", under_way),
    *console.urlpatterns,
]
