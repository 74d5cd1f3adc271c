"""The smallest site: what a view may do with a session, for the engine's tests."""

from collections.abc import Callable

from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

View = Callable[[HttpRequest], HttpResponse]
BACKEND = "django.contrib.auth.backends.ModelBackend"


def open_to_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


def who(request: HttpRequest) -> HttpResponse:
    """Say who is signed in."""
    return HttpResponse(request.user.get_username() or "nobody")


@login_required
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse("private")


def visit(request: HttpRequest) -> HttpResponse:
    """Count the visits in the session, and say their number."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        login(request, get_user_model()._default_manager.get_by_natural_key(request.POST["name"]), BACKEND)
    return HttpResponse("sign in")


def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse("signed out")


urlpatterns: list[URLPattern] = [
    path("open/", open_to_all),
    path("who/", who),
    path("private/", private),
    path("visit/", visit),
    path("sign-in/", sign_in, name="sign-in"),
    path("sign-out/", sign_out),
]
