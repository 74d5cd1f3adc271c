"""Signing in: always a new key in a new row, with everything in it, and the old one dead (R004, R051, M9)."""

from collections.abc import Callable

import pytest
from django.contrib.auth import login, logout
from django.contrib.auth.models import AbstractBaseUser, User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from pytest_django import Settings

from sessions_ui.models import Account, Application, Membership, Session, SessionEvent

from . import site
from .browser import Browser, cookie_of

Serve = Callable[[site.View], None]
Kind = SessionEvent.Kind
Send = Callable[[Browser], HttpResponseBase]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def kinds() -> list[str]:
    return list(SessionEvent.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.django_db
class FirstTests:
    def test_the_row_has_everything_in_it(self, visitor: Browser, acme: Account, anna: User) -> None:
        visitor.post("/sign-in/", {"name": "anna"}, REMOTE_ADDR="192.0.2.7", headers={"User-Agent": FIREFOX})
        row = visitor.row
        assert (row.user, row.account, row.application.slug) == (anna, acme, "console")
        assert (row.ip, row.user_agent, row.browser) == ("192.0.2.7", FIREFOX, "Firefox 128")
        assert (row.last_ip, row.last_browser) == (row.ip, row.browser)
        assert row.last_active_day == row.created_on.date()
        assert all(word in row.search_text for word in ["anna", "acme", "console", "192.0.2.7", "firefox"])

    def test_it_is_one_event(self, visitor: Browser, acme: Account, anna: User) -> None:
        visitor.sign_in(anna)
        event = SessionEvent.objects.get()
        assert (event.kind, event.user_label, event.account_label) == (Kind.SIGNED_IN, "anna", "Acme")
        assert event.session_public_id == visitor.row.public_id
        assert event.ended_key is None

    def test_what_a_visitor_had_comes_along(self, visitor: Browser, anna: User) -> None:
        visitor.get("/visit/")
        before = visitor.store
        visitor.sign_in(anna)
        assert visitor.get("/visit/").content == b"2"
        assert before.load() == {}
        assert Session.objects.count() == 1

    def test_a_key_from_outside_is_not_adopted(self, visitor: Browser, anna: User) -> None:
        """R005: fixation."""
        visitor.key = "a" * 32
        visitor.sign_in(anna)
        assert visitor.key != "a" * 32
        assert visitor.who() == "anna"

    def test_an_agent_without_end_is_cut(self, visitor: Browser, anna: User) -> None:
        visitor.post("/sign-in/", {"name": "anna"}, headers={"User-Agent": "x" * 9000})
        assert len(visitor.row.user_agent) == 512

    @pytest.mark.parametrize("address", ["", "unix:", "nonsense", "fe80::1%eth0", "::ffff:192.0.2.7"])
    def test_any_address_will_do(self, visitor: Browser, anna: User, address: str) -> None:
        visitor.post("/sign-in/", {"name": "anna"}, REMOTE_ADDR=address)
        assert visitor.who() == "anna"

    def test_the_application_is_made_on_its_first_sign_in(
        self, visitor: Browser, anna: User, settings: Settings
    ) -> None:
        settings.SESSION_APPLICATION = "time-sheets"
        visitor.sign_in(anna)
        assert Application.objects.get().name == "Time sheets"


@pytest.mark.django_db
class AgainTests:
    def test_of_the_same_user_is_a_new_key_and_row(self, signed_in: Browser, anna: User) -> None:
        old, store = signed_in.row, signed_in.store
        signed_in.sign_in(anna)
        new = signed_in.row
        assert new.pk > old.pk
        assert new.public_id != old.public_id
        assert store.load() == {}
        assert Session.objects.get() == new

    def test_of_the_same_user_records_the_end_of_the_old(self, signed_in: Browser, anna: User) -> None:
        old = signed_in.row
        signed_in.sign_in(anna)
        assert kinds() == [Kind.SIGNED_IN, Kind.SIGNED_OUT, Kind.SIGNED_IN]
        assert SessionEvent.objects.get(kind=Kind.SIGNED_OUT).session_public_id == old.public_id

    def test_of_the_same_user_keeps_the_data(self, signed_in: Browser, anna: User) -> None:
        signed_in.get("/visit/")
        signed_in.sign_in(anna)
        assert signed_in.get("/visit/").content == b"2"

    def test_of_another_user_is_a_new_session_without_the_data(self, signed_in: Browser, ben: User) -> None:
        """R018, T14."""
        signed_in.get("/visit/")
        store = signed_in.store
        signed_in.sign_in(ben)
        assert signed_in.who() == "ben"
        assert signed_in.get("/visit/").content == b"1"
        assert store.load() == {}
        assert Session.objects.get().user == ben
        assert kinds() == [Kind.SIGNED_IN, Kind.SIGNED_OUT, Kind.SIGNED_IN]

    def test_in_another_browser_leaves_the_first(self, signed_in: Browser, anna: User) -> None:
        other = Browser().sign_in(anna)
        assert (signed_in.who(), other.who()) == ("anna", "anna")
        assert Session.objects.count() == 2

    def test_ten_times_leaves_one_row(self, visitor: Browser, anna: User, ben: User) -> None:
        keys = {visitor.sign_in(user).key for user in [anna, anna, ben, anna, ben] * 2}
        assert len(keys) == 10
        assert Session.objects.count() == 1
        assert kinds().count(Kind.SIGNED_IN) - kinds().count(Kind.SIGNED_OUT) == 1


@pytest.mark.django_db(transaction=True)
class OutTests:
    def test_deletes_row_and_cookie(self, signed_in: Browser) -> None:
        key = signed_in.key
        response = signed_in.get("/sign-out/")
        assert cookie_of(response) == ""
        assert not Session.objects.exists()
        assert kinds() == [Kind.SIGNED_IN, Kind.SIGNED_OUT]
        signed_in.key = key
        assert signed_in.who() == "nobody"

    def test_twice(self, signed_in: Browser) -> None:
        key = signed_in.key
        signed_in.get("/sign-out/")
        signed_in.key = key
        signed_in.get("/sign-out/")
        assert kinds() == [Kind.SIGNED_IN, Kind.SIGNED_OUT]

    def test_of_what_has_just_been_saved_by_hand(self, visitor: Browser, serve: Serve, anna: User) -> None:
        def view(request: HttpRequest) -> HttpResponse:
            login(request, anna, site.BACKEND)
            request.session.save()
            logout(request)
            return HttpResponse()

        serve(view)
        assert not cookie_of(visitor.get("/view/"))
        assert not Session.objects.exists()

    def test_after_it_had_expired_is_no_sign_out(self, signed_in: Browser) -> None:
        Session.objects.update(expire_date="2000-01-01T00:00:00+00:00")
        signed_in.get("/sign-out/")
        assert kinds() == [Kind.SIGNED_IN]


@pytest.mark.django_db(transaction=True)
class TwiceAtOnceTests:
    """A sign-in form that is sent twice."""

    @pytest.fixture
    def twice(self, serve: Serve) -> Send:
        def send(browser: Browser) -> HttpResponseBase:
            def view(request: HttpRequest) -> HttpResponse:
                request.session.get("visits")
                other = Browser()
                other.key = browser.key
                other.post("/sign-in/", request.POST)
                return site.sign_in(request)

            serve(view)
            return browser.post("/view/", {"name": "anna"})

        return send

    def test_by_a_visitor(self, visitor: Browser, anna: User, twice: Send) -> None:
        visitor.get("/visit/")
        assert twice(visitor).status_code == 200
        assert visitor.who() == "anna"

    def test_by_somebody_signed_in_does_not_take_the_new_cookie_away(self, signed_in: Browser, twice: Send) -> None:
        assert cookie_of(twice(signed_in)) != ""
        assert Session.objects.live().count() == 1


@pytest.mark.django_db
class AccountTests:
    """The account of a sign-in: SESSION_ACCOUNT, by default the only membership."""

    def test_of_the_only_membership(self, acme: Account, signed_in: Browser) -> None:
        assert signed_in.row.account == acme

    def test_without_a_membership(self, signed_in: Browser) -> None:
        assert signed_in.row.account is None

    @pytest.fixture
    def globex(self, acme: Account, anna: User) -> Account:
        account = Account.objects.create(name="Globex", slug="globex")
        Membership.objects.create(user=anna, account=account)
        return account

    def test_of_several_is_none_until_one_is_chosen(self, globex: Account, signed_in: Browser) -> None:
        assert signed_in.row.account is None

    @pytest.fixture
    def choose(self, visitor: Browser, anna: User, serve: Serve) -> Callable[[Account], Account | None]:
        """Sign anna in with this account chosen, and return the session's."""

        def chosen(account: Account) -> Account | None:
            def view(request: HttpRequest) -> HttpResponse:
                request.sign_in_account = account  # type: ignore[attr-defined]
                login(request, anna, site.BACKEND)
                return HttpResponse()

            serve(view)
            visitor.get("/view/")
            return visitor.row.account

        return chosen

    def test_chosen(self, globex: Account, choose: Callable[[Account], Account | None]) -> None:
        assert choose(globex) == globex

    def test_a_foreign_one_cannot_be_chosen(self, acme: Account, choose: Callable[[Account], Account | None]) -> None:
        assert choose(Account.objects.create(name="Initech", slug="initech")) is None

    def test_is_fixed_for_the_life_of_the_session(self, acme: Account, signed_in: Browser) -> None:
        Membership.objects.all().delete()
        signed_in.get("/visit/")
        assert signed_in.row.account == acme

    def test_is_decided_by_a_function_of_the_project(
        self, visitor: Browser, acme: Account, ben: User, settings: Settings
    ) -> None:
        settings.SESSION_ACCOUNT = f"{__name__}.acme_for_all"
        assert visitor.sign_in(ben).row.account == acme


def acme_for_all(request: HttpRequest | None, user: AbstractBaseUser) -> Account:
    return Account.objects.get(slug="acme")


@pytest.mark.django_db
class FailedTests:
    def test_is_recorded(self, client: Browser, anna: User) -> None:
        assert not client.login(username="anna", password="wrong")
        event = SessionEvent.objects.get()
        assert (event.kind, event.user_label, event.session_id) == (Kind.SIGN_IN_FAILED, "anna", None)

    @pytest.mark.parametrize("name", ["", "x" * 9000, "zürich\u202e"])
    def test_any_name_will_do(self, client: Browser, db: None, name: str) -> None:
        assert not client.login(username=name, password="wrong")
        assert kinds() == [Kind.SIGN_IN_FAILED]

    def test_no_password_is_recorded(self, client: Browser, anna: User) -> None:
        client.login(username="anna", password="hunter2")
        assert "hunter2" not in repr(SessionEvent.objects.values())
