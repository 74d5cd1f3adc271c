"""The pickers: accounts and users within reach whose names begin with what was typed."""

import html
import re
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sessions_ui import suggestions
from sessions_ui.models import Account, Membership

from .cast import LIST, make_account, make_person, make_session, signed_in


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is suggested must not depend on how busy the machine of the tests is."""
    monkeypatch.setattr(suggestions, "SECONDS", 60.0)


def suggested(client: Client, what: str, typed: str) -> list[str]:
    answer = client.get(f"{LIST}suggest/{what}/?{urlencode({what: typed})}")
    assert answer.status_code == 200
    return [html.unescape(value) for value in re.findall(r'<option value="([^"]*)"', answer.content.decode())]


class SuggestedAccountsTests:
    @pytest.mark.parametrize("typed", ["ac", "AC", "acme", " acme "])
    def test_begin_with_what_was_typed(self, console: Client, acme: Account, bolt: Account, typed: str) -> None:
        assert suggested(console, "account", typed) == ["acme"]

    def test_are_found_by_their_name(self, console: Client) -> None:
        Account.objects.create(slug="x1", name="Zebra Works")
        assert suggested(console, "account", "zebra w") == ["x1"]

    @pytest.mark.parametrize("typed", ["", "cme", "%", "_", "a%e", "\\", "\x00", "'"])
    def test_are_none_for_what_begins_none(self, console: Client, acme: Account, typed: str) -> None:
        assert suggested(console, "account", typed) == []

    def test_are_ten_at_most(self, console: Client) -> None:
        Account.objects.bulk_create([Account(slug=f"team-{n}", name=f"Team {n}") for n in range(15)])
        assert len(suggested(console, "account", "team")) == 10

    def test_are_each_once(self, ada: User, anna: User, acme: Account) -> None:
        for person in (ada, anna, ada):
            make_session(person, acme)
        assert suggested(signed_in(ada), "account", "acme") == ["acme"]

    def test_lead_to_a_filter_that_can_be_read(self, console: Client, acme: Account) -> None:
        (value,) = suggested(console, "account", "ac")
        assert console.get(f"{LIST}?account={value}").status_code == 200


class OfFormsTests:
    """Who may name which, the matrix says."""

    @pytest.mark.parametrize("form", ["limits", "networks", "saved-views"])
    def test_are_those_that_the_form_takes(self, ada: User, acme: Account, bolt: Account, form: str) -> None:
        Membership.objects.create(user=ada, account=make_account("acorn"))
        page = signed_in(ada).get(f"/security/{form}/suggest/account/?account=ac").content.decode()
        assert re.findall(r'<option value="([^"]*)"', page) == ["acme"]

    @pytest.mark.parametrize(
        ("form", "page"),
        [("limits", "add/"), ("networks", "add/"), ("saved-views", "new/sessions/?country=DE")],
    )
    def test_the_field_knows_where_to_ask(self, ada: User, acme: Account, form: str, page: str) -> None:
        page = signed_in(ada).get(f"/security/{form}/{page}").content.decode()
        assert f'data-hx-get="/security/{form}/suggest/account/"' in page
        assert '<datalist id="accounts"></datalist>' in page


class SuggestedUsersTests:
    @pytest.mark.parametrize("typed", ["ann", "Brandt", "bran", "anna@ex", "ANNA", "anna br"])
    def test_begin_with_what_was_typed(self, console: Client, anna: User, ben: User, typed: str) -> None:
        signed_in(anna)
        signed_in(ben)
        assert suggested(console, "user", typed) == ["anna"]

    def test_are_the_people_of_the_administered_accounts_and_oneself(
        self, ada: User, anna: User, acme: Account, bolt: Account
    ) -> None:
        visitor = make_person("a-visitor")
        make_person("a-stranger")
        make_session(visitor, acme)
        assert suggested(signed_in(ada), "user", "a") == ["a-visitor", "ada", "anna"]

    def test_are_each_once(self, ada: User, anna: User, acme: Account) -> None:
        make_session(anna, acme)
        make_session(anna, acme)
        Membership.objects.create(user=anna, account=make_account("other"))
        assert suggested(signed_in(ada), "user", "anna") == ["anna"]

    def test_are_found_by_their_user_name_when_they_are_not_signed_in(self, console: Client, anna: User) -> None:
        assert suggested(console, "user", "ann") == ["anna"]

    def test_are_not_found_within_a_name(self, console: Client, anna: User) -> None:
        signed_in(anna)
        assert suggested(console, "user", "randt") == []

    def test_are_of_ones_own_name_only_for_a_member(self, anna: User, ada: User, acme: Account) -> None:
        assert suggested(signed_in(anna), "user", "a") == ["anna"]

    def test_show_markup_as_text(self, console: Client) -> None:
        make_person('zoe"><script>', first_name="<b>")
        page = console.get(f"{LIST}suggest/user/?user=zoe").content.decode()
        assert "<script>" not in page
        assert "<b>" not in page
