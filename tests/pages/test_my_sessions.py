"""One's own sessions, for everybody (R083)."""

from django.contrib.auth.models import User
from django.test import Client

from sessions_ui.models import Account

from .cast import (
    current,
    hidden,
    ids_of,
    links,
    live,
    make_session,
    make_sessions,
    signed_in,
    terminate,
    text_of,
    told,
)

MINE = "/my-sessions/"


class MySessionsTests:
    def test_are_ones_own_and_begin_with_the_one_here(self, anna: User, ben: User, acme: Account) -> None:
        client, others = signed_in(anna), make_sessions(2, anna)
        make_session(ben, acme)
        assert ids_of(client.get(MINE)) == [current(client).pk, others[1].pk, others[0].pk]

    def test_are_ones_own_for_a_superuser_too(self, console: Client, anna: User) -> None:
        make_session(anna)
        assert ids_of(console.get(MINE)) == [current(console).pk]

    def test_mark_the_one_here_without_a_button(self, anna: User) -> None:
        client = signed_in(anna)
        page = client.get(MINE)
        assert "This one" in text_of(page)
        assert links(page, "Terminate") == []

    def test_can_each_be_ended(self, anna: User) -> None:
        client = signed_in(anna)
        other, kept = make_sessions(2, anna)
        answer = terminate(client, f"session={other.public_id}&back={MINE}")
        assert answer.redirect_chain == [(MINE, 302)]
        assert told(answer) == "1 session terminated. Receipt"
        assert live() == {kept.pk, current(client).pk}

    def test_can_be_ended_all_but_this_one(self, anna: User, ben: User) -> None:
        client, others, kept = signed_in(anna), make_sessions(2, anna), make_session(ben)
        (button,) = links(client.get(MINE), "Sign out everywhere else")
        confirmation = client.get(button)
        assert hidden(confirmation, "back") == MINE
        terminate(client, button.partition("?")[2])
        assert live(*others) == set()
        assert live() == {kept.pk, current(client).pk}

    def test_offer_no_everywhere_else_to_whoever_is_signed_in_once(self, anna: User) -> None:
        assert links(signed_in(anna).get(MINE), "Sign out everywhere else") == []

    def test_can_be_ended_whatever_the_user_name(self, anna: User) -> None:
        anna.username = "a&user=ben#+%"
        anna.save()
        client, other = signed_in(anna), make_session(anna)
        (button,) = links(client.get(MINE), "Sign out everywhere else")
        terminate(client, button.partition("?")[2])
        assert live(other) == set()

    def test_say_so_to_somebody_without_a_membership(self, anna: User, ben: User, acme: Account) -> None:
        said = "You are not a member of any account"
        assert said in text_of(signed_in(ben).get(MINE))
        assert said not in text_of(signed_in(anna).get(MINE))

    def test_say_how_many_they_are(self, anna: User) -> None:
        client = signed_in(anna)
        assert "You have 1 session." in text_of(client.get(MINE))
        make_session(anna)
        assert "You have 2 sessions." in text_of(client.get(MINE))

    def test_hold_this_one_also_when_a_hundred_are_newer(self, anna: User) -> None:
        client = signed_in(anna)
        make_sessions(120, anna)
        shown = ids_of(client.get(MINE))
        assert shown[0] == current(client).pk
        assert len(shown) == 100
