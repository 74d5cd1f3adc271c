"""Hints on the pages: a badge in the row, all of them on the session's page, a filter, and what is said of them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.html import escape

from sessions_ui.models import Account, Expected, Session

from .cast import LIST, ids_of, links, make_session, signed_in, terminate, text_of, told

SAID = "First sign-in from Singapore in 90 days; before: Poland (61 times)."
HINT = {"kind": "new_country", "said": SAID, "network": "192.0.0.0/16", "expected": False}
UNUSUAL: dict[str, Any] = {"hints": [HINT], "needs_look": True}


@pytest.fixture
def unusual(anna: User, acme: Account) -> Session:
    make_session(anna, acme)
    return make_session(anna, acme, **UNUSUAL)


def page_of(session: Session) -> str:
    return f"{LIST}{session.public_id}/"


class ListTests:
    def test_a_row_names_the_first_and_says_all(self, console: Client, unusual: Session) -> None:
        longer = HINT | {"kind": "new_browser", "said": SAID * 2}
        Session.objects.filter(pk=unusual.pk).update(hints=[HINT, longer])
        answer = console.get(LIST)
        assert links(answer, f"New country : {SAID} {SAID * 2}") == [f"{page_of(unusual)}#hints"]

    def test_counts_and_shows_what_needs_a_look(self, console: Client, unusual: Session) -> None:
        answer = console.get(LIST)
        assert links(answer, "1 needs a look") == [f"{LIST}?look=yes"]
        assert links(console.get(f"{LIST}?country=NZ"), "1 in all needs a look") == [f"{LIST}?look=yes"]
        assert ids_of(console.get(f"{LIST}?look=yes")) == [unusual.pk]
        assert unusual.pk not in ids_of(console.get(f"{LIST}?look=no"))
        assert ids_of(console.get(f"{LIST}?q=look:yes+user:anna")) == [unusual.pk]

    def test_is_said_in_full_where_only_such_are_listed(self, console: Client, unusual: Session) -> None:
        """A title is not for fingers and keyboards."""
        answer = console.get(f"{LIST}?look=yes")
        assert links(answer, "New country") == [f"{page_of(unusual)}#hints"]
        assert f'<td colspan="7"><small>{escape(SAID)}</small></td>' in answer.content.decode()
        assert 'class="why"' not in console.get(LIST).content.decode()

    def test_leads_to_login_records_without_the_filter_that_they_do_not_know(
        self, console: Client, unusual: Session
    ) -> None:
        (path,) = links(console.get(f"{LIST}?look=yes&user=anna"), "The same in login records")
        assert path == "/security/login-records/?user=anna"
        for query in ("look=yes", "dormant=7d", "q=dormant:7d", "q=anna+look:yes"):
            assert links(console.get(f"{LIST}?{query}"), "The same in login records") == []

    def test_counts_only_what_one_sees(self, ada: User, ben: User, bolt: Account, acme: Account) -> None:
        make_session(ben, bolt, **UNUSUAL)
        assert not links(signed_in(ada).get(LIST), "a look")

    def test_what_is_neither_yes_nor_no_is_said(self, console: Client) -> None:
        answer = console.get(f"{LIST}?look=maybe")
        assert answer.status_code == 400
        assert "“maybe” is neither yes nor no" in text_of(answer)

    def test_a_login_record_does_not_know_it(self, console: Client) -> None:
        assert "knows neither dormant: nor look:" in text_of(console.get("/security/login-records/?q=look:yes"))

    def test_ends_those_that_still_need_one(self, console: Client, unusual: Session) -> None:
        assert "What no longer needs a look" in text_of(console.get(f"{LIST}terminate/?look=yes"))
        terminate(console, "look=yes")
        assert not Session.objects.filter(pk=unusual.pk).exists()
        assert Session.objects.filter(user=unusual.user).count() == 1


class SessionTests:
    def test_shows_all_and_lets_one_call_it_expected(self, console: Client, unusual: Session) -> None:
        assert SAID in text_of(console.get(page_of(unusual)))
        answer = console.post(f"{page_of(unusual)}expected/", {"kind": "new_country"}, follow=True)
        assert "“New country” is expected of this person from 192.0.0.0/16 now" in told(answer)
        assert "Ruth Root (root) called this expected on" in text_of(answer)
        assert not Session.objects.get(pk=unusual.pk).needs_look

    def test_and_take_it_back(self, console: Client, unusual: Session) -> None:
        url = f"{page_of(unusual)}expected/"
        console.post(url, {"kind": "new_country"})
        answer = console.post(url, {"take_back": Expected.objects.get().pk}, follow=True)
        assert "stands again" in told(answer)
        assert "Ruth Root (root) took it back on" in text_of(answer)
        assert Session.objects.get(pk=unusual.pk).needs_look

    def test_nobody_calls_himself_expected(self, unusual: Session, anna: User) -> None:
        own = signed_in(anna)
        answer = own.get(page_of(unusual))
        assert SAID in text_of(answer)
        assert "This is expected" not in text_of(answer)
        assert own.post(f"{page_of(unusual)}expected/", {"kind": "new_country"}).status_code == 404

    def test_not_even_an_administrator(self, ada: User, root: User, acme: Account) -> None:
        """A thief of his session would quiet the hint about himself."""
        for person in (ada, root):
            own, session = signed_in(person), make_session(person, acme, **UNUSUAL)
            assert "This is expected" not in text_of(own.get(page_of(session)))
            assert own.post(f"{page_of(session)}expected/", {"kind": "new_country"}).status_code == 404

    @pytest.mark.parametrize("form", [{}, {"kind": "no_such"}, {"take_back": "x"}, {"take_back": "9" * 30}])
    def test_nonsense_is_said_and_changes_nothing(
        self, console: Client, unusual: Session, form: dict[str, str]
    ) -> None:
        assert console.post(f"{page_of(unusual)}expected/", form).status_code == 400
        assert not Expected.objects.exists()

    def test_what_does_not_stand_is_said(self, console: Client, unusual: Session) -> None:
        answer = console.post(f"{page_of(unusual)}expected/", {"take_back": "4711"}, follow=True)
        assert "Nothing has changed" in told(answer)
