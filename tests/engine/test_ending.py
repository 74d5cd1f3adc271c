"""What a termination does to requests and stores that are under way (promise 1; YARDSTICK F01, F05, R016, R017)."""

from collections.abc import Callable

import pytest
from django.contrib.auth import SESSION_KEY, login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse

from sessions_ui.backends.db import Fate, SessionStore
from sessions_ui.models import Session, SessionEvent
from sessions_ui.origin import Origin

from . import site
from .browser import Browser, cookie_of
from .endings import begun, terminate

Serve = Callable[[site.View], None]
ENDERS = pytest.mark.parametrize("end", [terminate, begun], ids=["swept", "unswept"])
End = Callable[[], object]


def under_way(change: site.View, end: End) -> site.View:
    """Return a view whose session is ended while it works, and which then changes it."""

    def view(request: HttpRequest) -> HttpResponse:
        request.session.get("visits")
        end()
        return change(request)

    return view


def add(request: HttpRequest) -> HttpResponse:
    request.session["visits"] = 1
    return HttpResponse()


def add_by_hand(request: HttpRequest) -> HttpResponse:
    request.session["visits"] = 1
    request.session.save()
    return HttpResponse()


def rotate(request: HttpRequest) -> HttpResponse:
    request.session.cycle_key()
    return HttpResponse()


def create(request: HttpRequest) -> HttpResponse:
    request.session.create()
    return HttpResponse()


def sign_in_again(request: HttpRequest) -> HttpResponse:
    """What applications do after a change of the profile, without asking for the password."""
    login(request, User.objects.get(username="anna"), site.BACKEND)
    return HttpResponse()


def impersonate(request: HttpRequest) -> HttpResponse:
    request.session[SESSION_KEY] = str(User.objects.get(username="ben").pk)
    return HttpResponse()


def forget_the_user(request: HttpRequest) -> HttpResponse:
    del request.session[SESSION_KEY]
    request.session["visits"] = 1
    return HttpResponse()


CHANGES = [add, add_by_hand, rotate, create, sign_in_again, impersonate, forget_the_user]


@pytest.mark.django_db(transaction=True)
@ENDERS
class RequestUnderWayTests:
    """R016, R017, M15."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_goes_to_the_sign_in_page_and_leaves_no_row(
        self, signed_in: Browser, ben: User, serve: Serve, end: End, change: site.View
    ) -> None:
        serve(under_way(change, end))
        response = signed_in.get("/view/")
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/")
        assert cookie_of(response) == ""
        assert not Session.objects.live().exists()

    @pytest.mark.parametrize("change", CHANGES)
    def test_is_not_accepted_afterwards(
        self, signed_in: Browser, ben: User, serve: Serve, end: End, change: site.View
    ) -> None:
        serve(under_way(change, end))
        old = signed_in.key
        signed_in.get("/view/")
        assert signed_in.who() == "nobody"
        signed_in.key = old
        assert signed_in.who() == "nobody"

    def test_that_only_reads_may_finish(self, signed_in: Browser, serve: Serve, end: End) -> None:
        serve(under_way(site.open_to_all, end))
        response = signed_in.get("/view/")
        assert response.content == b"open"
        assert cookie_of(response) is None
        assert signed_in.who() == "nobody"

    def test_under_htmx_is_told_to_load_the_sign_in_page(self, signed_in: Browser, serve: Serve, end: End) -> None:
        serve(under_way(add, end))
        response = signed_in.get("/view/?page=2", headers={"HX-Request": "true"})
        assert response.status_code == 401
        assert response["HX-Redirect"] == "/sign-in/?next=/view/%3Fpage%3D2"
        assert cookie_of(response) == ""

    @pytest.mark.parametrize(
        ("shown", "back"),
        [
            ("http://testserver/list/?page=2#row", "/list/%3Fpage%3D2"),
            ("https://elsewhere.example/list/", "/view/"),
            ("http://[broken", "/view/"),
        ],
    )
    def test_under_htmx_comes_back_to_the_page_and_not_to_its_fragment(
        self, signed_in: Browser, serve: Serve, end: End, shown: str, back: str
    ) -> None:
        serve(under_way(add, end))
        response = signed_in.get("/view/", headers={"HX-Request": "true", "HX-Current-URL": shown})
        assert response["HX-Redirect"] == f"/sign-in/?next={back}"

    def test_a_post_does_not_come_back(self, signed_in: Browser, serve: Serve, end: End) -> None:
        serve(under_way(add, end))
        assert signed_in.post("/view/")["Location"] == "/sign-in/?next="

    def test_whose_view_fails_is_signed_out_next_time(self, signed_in: Browser, serve: Serve, end: End) -> None:
        def fail(request: HttpRequest) -> HttpResponse:
            request.session["visits"] = 1
            raise RuntimeError

        serve(under_way(fail, end))
        assert signed_in.get("/view/").status_code == 500
        assert signed_in.who() == "nobody"

    def test_is_not_touched(self, signed_in: Browser, end: End) -> None:
        store = signed_in.store
        store.load()
        end()
        store.touch(Origin(ip="192.0.2.1"))
        assert not Session.objects.filter(last_ip="192.0.2.1").exists()


@pytest.mark.django_db(transaction=True)
@ENDERS
class NextRequestTests:
    def test_is_anonymous_and_loses_the_cookie(self, signed_in: Browser, end: End) -> None:
        end()
        response = signed_in.get("/who/")
        assert response.content == b"nobody"
        assert cookie_of(response) == ""

    def test_of_a_page_behind_sign_in_leads_there(self, signed_in: Browser, end: End) -> None:
        end()
        response = signed_in.get("/private/")
        assert response["Location"] == "/sign-in/?next=/private/"
        assert cookie_of(response) == ""

    def test_under_htmx_is_a_401(self, signed_in: Browser, end: End) -> None:
        end()
        response = signed_in.get("/private/", headers={"HX-Request": "true"})
        assert response.status_code == 401
        assert response["HX-Redirect"] == "/sign-in/?next=/private/"

    def test_that_writes_makes_a_visitor_with_another_key(self, signed_in: Browser, end: End) -> None:
        ended = signed_in.key
        end()
        assert signed_in.get("/visit/").content == b"1"
        assert signed_in.key not in ("", ended)
        assert signed_in.who() == "nobody"

    def test_of_an_ended_key_after_the_next_sign_in(self, signed_in: Browser, anna: User, end: End) -> None:
        """R051, T13."""
        ended = signed_in.key
        end()
        signed_in.sign_in(anna)
        assert signed_in.who() == "anna"
        signed_in.key = ended
        assert signed_in.who() == "nobody"


@pytest.mark.django_db(transaction=True)
class ParallelRequestsTests:
    """Requests of one browser that overtake each other sign nobody out."""

    def test_a_late_save_of_a_visitor_leaves_the_new_cookie_alone(
        self, visitor: Browser, serve: Serve, anna: User
    ) -> None:
        def sign_in_elsewhere() -> None:
            other = Browser()
            other.key = visitor.key
            other.sign_in(anna)

        visitor.get("/visit/")
        serve(under_way(add, sign_in_elsewhere))
        response = visitor.get("/view/")
        assert cookie_of(response) is None
        assert Session.objects.signed_in().count() == 1

    def test_a_late_save_of_a_replaced_session_leaves_the_new_cookie_alone(
        self, signed_in: Browser, serve: Serve, anna: User
    ) -> None:
        def sign_in_elsewhere() -> None:
            other = Browser()
            other.key = signed_in.key
            other.sign_in(anna)

        serve(under_way(add, sign_in_elsewhere))
        assert cookie_of(signed_in.get("/view/")) is None

    def test_a_late_save_of_a_rotated_session_leaves_the_new_cookie_alone(
        self, signed_in: Browser, serve: Serve
    ) -> None:
        def rotate_elsewhere() -> None:
            other = signed_in.store
            other.cycle_key()
            other.save()

        serve(under_way(add, rotate_elsewhere))
        response = signed_in.get("/view/")
        assert response.status_code == 200
        assert cookie_of(response) is None

    def test_only_one_of_two_rotations_wins(self, signed_in: Browser) -> None:
        first, second = signed_in.store, signed_in.store
        for store in (first, second):
            store.load()
            store.cycle_key()
        first.save()
        second.save()
        assert second.fate is Fate.SUPERSEDED
        assert SessionStore(first.session_key).load()
        assert not SessionStore(second.session_key).load()


@pytest.mark.django_db
class StoreTests:
    @ENDERS
    def test_save_raises(self, signed_in: Browser, end: End) -> None:
        store = signed_in.store
        store["visits"] = 1
        end()
        with pytest.raises(UpdateError):
            store.save()
        assert store.fate is Fate.ENDED

    @ENDERS
    def test_exists(self, signed_in: Browser, end: End) -> None:
        store = signed_in.store
        assert store.exists(signed_in.key)
        end()
        assert not store.exists(signed_in.key)

    def test_sign_out_of_what_was_ended_adds_no_event(self, signed_in: Browser) -> None:
        store = signed_in.store
        store.load()
        terminate()
        store.flush()
        assert SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).count() == 1

    def test_sign_out_of_what_is_covered_leaves_its_end_to_the_termination(self, signed_in: Browser) -> None:
        store = signed_in.store
        store.load()
        begun()
        store.flush()
        SessionStore.clear_expired()
        assert SessionEvent.objects.get(kind__in=SessionEvent.ENDS).kind == SessionEvent.Kind.TERMINATED
