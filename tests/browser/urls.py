"""The console's addresses; one that fails, and some that bring about what would take minutes."""

from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path

from sessionadmin import urls as console
from sessionadmin.urls import handler400, handler403, handler404, handler500
from sessions_ui.access import own_id
from sessions_ui.models import Beat, Session, Termination

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


def six_minutes_later(request: HttpRequest) -> HttpResponse:
    """Let the last proof of the password in this session be six minutes older."""
    earlier = timedelta(minutes=6)
    # The session is read when the user is asked for.
    own = Session.objects.filter(pk__in=[own_id(request)]) if request.user.is_authenticated else Session.objects.none()
    own.update(created_on=F("created_on") - earlier, proven_on=F("proven_on") - earlier)
    return redirect("my-sessions")


urlpatterns: list[URLPattern | URLResolver] = [
    path("fault/", fault),
    path("under-way/", under_way),
    path("six-minutes-later/", six_minutes_later),
    *console.urlpatterns,
]
