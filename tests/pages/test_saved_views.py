"""Saved views: a filter under a name, found again by who may see it, and never more than a filter."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sessions_ui.models import Account, Membership, SavedView
from sessions_ui.saved_views import MOST_PER_OWNER

from .cast import LIST, Page, links, make_account, make_person, signed_in, text_of

VIEWS = "/security/saved-views/"
RECORDS = "/security/login-records/"


def save(client: Client, query: str, name: str = "Berlin", **given: str) -> Page:
    return client.post(f"{VIEWS}new/sessions/?{query}", {"name": name, "share": "private"} | given, follow=True)


def view_of(owner: User, name: str = "Berlin", query: str = "city=berlin", **columns: object) -> SavedView:
    return SavedView.objects.create(owner=owner, name=name, query=query, of="sessions", **columns)


def address(view: SavedView, rest: str = "") -> str:
    return f"{VIEWS}{view.public_id}/{rest}"


class SaveTests:
    def test_keeps_the_filter_under_the_name(self, console: Client, root: User) -> None:
        page = console.get(f"{LIST}?city=berlin&q=chrome&sort=oldest&below=7")
        (offer,) = links(page, "Save view…")
        assert "Active user sessions matching “chrome” from a place" in text_of(console.get(offer))
        said = text_of(console.post(offer, {"name": "Berlin", "share": "private"}, follow=True))
        assert "The view “Berlin” was saved." in said
        view = SavedView.objects.get()
        assert (view.owner, view.of, view.query, view.shared) == (root, "sessions", "q=chrome&city=berlin", False)

    def test_keeps_the_list_that_it_is_of(self, console: Client) -> None:
        (offer,) = links(console.get(f"{RECORDS}?outcome=failed"), "Save view…")
        console.post(offer, {"name": "Failed", "share": "private"})
        view = SavedView.objects.get()
        assert (view.of, view.query) == ("login-records", "outcome=failed")
        assert console.get(address(view))["Location"] == f"{RECORDS}?outcome=failed"

    @pytest.mark.parametrize("query", ["colour=red", "city=berlin&colour=red", "account=nowhere", "city=a&city=b", ""])
    def test_stores_nothing_that_the_filter_does_not_read(self, console: Client, query: str) -> None:
        assert save(console, query).status_code == 400
        assert not SavedView.objects.exists()

    def test_refuses_a_second_view_of_the_same_name(self, console: Client, ada: User) -> None:
        save(console, "city=berlin")
        answer = save(console, "city=paris")
        assert answer.status_code == 400
        assert "You have a view called “Berlin” already." in text_of(answer)
        assert save(signed_in(ada), "city=paris").status_code == 200
        assert SavedView.objects.count() == 2

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("", "Give the view a name."),
            ("x" * 81, "Use 80 characters at most."),
            ("a\u202eb", "characters that cannot be seen"),
        ],
    )
    def test_says_what_a_name_must_be(self, console: Client, name: str, said: str) -> None:
        answer = save(console, "city=berlin", name)
        assert answer.status_code == 400
        assert said in text_of(answer)

    def test_ends_at_the_limit_in_a_sentence(self, console: Client, root: User) -> None:
        many = [SavedView(owner=root, name=str(n), of="sessions") for n in range(MOST_PER_OWNER)]
        SavedView.objects.bulk_create(many)
        assert "You have 50 views, which is the most." in text_of(save(console, "city=berlin"))
        view = SavedView.objects.all()[0]
        assert console.post(address(view, "edit/"), {"name": "Other", "share": "private"}).status_code == 302

    def test_of_an_unknown_list_is_not_found(self, console: Client) -> None:
        assert console.get(f"{VIEWS}new/terminations/?city=berlin").status_code == 404


class ShareTests:
    def test_offers_what_is_within_reach(self, ada: User, acme: Account, bolt: Account, console: Client) -> None:
        page = text_of(signed_in(ada).get(f"{VIEWS}new/sessions/?city=berlin"))
        assert "Only me The administrators of an account Account Whose administrators find it." in page
        assert "Only me All who see every session Whoever opens" in text_of(
            console.get(f"{VIEWS}new/sessions/?city=berlin")
        )

    def test_refuses_what_is_beyond_it(self, ada: User, acme: Account, bolt: Account) -> None:
        for share, account in (("administrators", "bolt"), ("administrators", ""), ("all", ""), ("x", "acme")):
            assert save(signed_in(ada), "city=berlin", share=share, account=account).status_code == 400
        assert not SavedView.objects.exists()

    def test_with_nobody_in_particular_says_whom_to_name(self, ada: User, acme: Account) -> None:
        answer = save(signed_in(ada), "city=berlin", share="administrators")
        assert "Name the account whose administrators find the view." in text_of(answer)

    def test_of_the_only_account_names_it_already(self, ada: User, acme: Account) -> None:
        page = signed_in(ada).get(f"{VIEWS}new/sessions/?city=berlin").content.decode()
        assert '<input type="text" name="account" value="acme"' in page

    def test_is_shown_as_it_was_chosen(self, ada: User, acme: Account) -> None:
        Membership.objects.create(user=ada, account=make_account("other"), role="admin")
        view = view_of(ada, shared=True, account=acme)
        page = signed_in(ada).get(address(view, "edit/")).content.decode()
        assert '<option value="administrators" selected>' in page
        assert '<input type="text" name="account" value="acme"' in page

    def test_of_an_account_is_found_by_its_administrators_and_who_sees_all(
        self, ada: User, acme: Account, bolt: Account, anna: User, ben: User, vera: User
    ) -> None:
        save(signed_in(ada), "city=berlin", share="administrators", account="acme")
        view = SavedView.objects.get()
        other = make_person("other")
        Membership.objects.create(user=other, account=acme, role="admin")
        Membership.objects.filter(user=ben).update(role="admin")
        seen = {person: signed_in(person).get(address(view)).status_code for person in (ada, other, vera, anna, ben)}
        assert list(seen.values()) == [302, 302, 302, 404, 404]

    def test_with_all_who_see_all_is_found_by_them_alone(
        self, root: User, vera: User, ada: User, acme: Account
    ) -> None:
        view = view_of(root, shared=True)
        assert [signed_in(person).get(address(view)).status_code for person in (vera, ada)] == [302, 404]

    def test_is_not_so_until_it_is_chosen(self, root: User, vera: User) -> None:
        assert signed_in(vera).get(address(view_of(root))).status_code == 404

    def test_shows_each_what_he_may_see(self, ada: User, acme: Account, root: User) -> None:
        """A name leads to an address; who sees what is still a queryset."""
        view = view_of(ada, query="account=acme", shared=True, account=acme)
        assert signed_in(root).get(address(view), follow=True).status_code == 200


class OpenTests:
    def test_leads_to_the_list(self, console: Client, root: User) -> None:
        view = view_of(root, query="q=chrome&city=berlin")
        assert console.get(address(view))["Location"] == f"{LIST}?q=chrome&city=berlin"
        assert console.get(address(view), follow=True).status_code == 200

    def test_of_what_is_gone_says_so_and_offers_to_remove_it(self, console: Client, root: User) -> None:
        view = view_of(root, query="account=gone")
        answer = console.get(address(view))
        assert answer.status_code == 400
        said = text_of(answer)
        assert "There is no account “gone” here." in said
        assert "Remove the view Berlin" in said

    def test_of_another_person_offers_no_removal(self, ada: User, acme: Account, root: User) -> None:
        view = view_of(root, query="user=root", shared=True, account=acme)
        answer = signed_in(ada).get(address(view))
        assert answer.status_code == 400
        assert "Remove" not in text_of(answer)

    def test_is_offered_above_the_list_that_it_is_of(self, console: Client, root: User) -> None:
        view = view_of(root)
        assert links(console.get(LIST), "Berlin") == [address(view)]
        assert links(console.get(RECORDS), "Berlin") == []
        assert "None yet." in text_of(console.get(RECORDS))


class ChangeTests:
    def test_renames_and_shares_ones_own(self, console: Client, root: User) -> None:
        view = view_of(root)
        assert "Change the view Berlin" in text_of(console.get(address(view, "edit/")))
        console.post(address(view, "edit/"), {"name": "Munich", "share": "all"})
        view.refresh_from_db()
        assert (view.name, view.shared, view.query) == ("Munich", True, "city=berlin")

    def test_removes_ones_own(self, console: Client, root: User) -> None:
        view = view_of(root)
        said = text_of(console.post(address(view, "remove/"), follow=True))
        assert "The view “Berlin” was removed. No session was touched." in said
        assert not SavedView.objects.exists()

    def test_of_anothers_view_is_not_found(self, console: Client, ada: User, acme: Account) -> None:
        """A shared one is found, and still only its owner's to change."""
        view = view_of(ada, shared=True, account=acme)
        assert console.get(address(view)).status_code == 302
        assert console.get(address(view, "edit/")).status_code == 404
        assert console.post(address(view, "edit/"), {"name": "Mine"}).status_code == 404
        assert console.post(address(view, "remove/")).status_code == 404
        assert SavedView.objects.get().name == "Berlin"

    def test_goes_with_its_owner_and_with_its_account(self, ada: User, root: User) -> None:
        account = make_account("gone")
        view_of(root, shared=True, account=account)
        account.delete()
        view_of(ada)
        ada.delete()
        assert not SavedView.objects.exists()

    @pytest.mark.parametrize("page", [VIEWS, LIST])
    def test_list_and_menu_cost_the_same_for_more_of_them(self, console: Client, ada: User, page: str) -> None:
        asked = []
        for number in (2, 15):
            many = [SavedView(owner=ada, name=f"{number} {n}", of="sessions", shared=True) for n in range(number)]
            SavedView.objects.bulk_create(many)
            with CaptureQueriesContext(connection) as queries:
                console.get(page)
            asked.append(len(queries))
        assert asked[0] == asked[1]

    def test_list_says_who_finds_which(self, console: Client, root: User, ada: User, acme: Account) -> None:
        view_of(root)
        view_of(ada, "Acme", shared=True, account=acme)
        said = text_of(console.get(reverse("saved-views")))
        assert "Acme Active user sessions Ada Acker Administrators of Acme" in said
        assert "Berlin Active user sessions You Only you Rename, share or remove the view Berlin" in said
