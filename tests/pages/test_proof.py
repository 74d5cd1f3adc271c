"""The password once more, before somebody ends his own sessions (R080, R004)."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from sessions_ui.models import Account, Session, SignInDelay
from sessions_ui.proof import GRACE

from .cast import LIST, TERMINATE, current, decide, live, make_session, make_sessions, previewed, signed_in, text_of
from .cast import Page as Answer

PASSWORD = "correct horse battery staple"
ASKS = 'name="password"'
MINE = "/my-sessions/"


def long_ago(client: Client) -> None:
    """Let the last proof of the person be older than the grace."""
    earlier = GRACE + timedelta(seconds=1)
    pk = current(client).pk
    Session.objects.filter(pk=pk).update(created_on=F("created_on") - earlier, proven_on=F("proven_on") - earlier)


@pytest.fixture
def anna(anna: User) -> User:
    anna.set_password(PASSWORD)
    anna.save()
    return anna


@pytest.fixture
def client(anna: User) -> Client:
    """The browser in which anna signed in more than five minutes ago."""
    client = signed_in(anna)
    long_ago(client)
    return client


@pytest.fixture
def phone(anna: User) -> Session:
    return make_session(anna, device="iPhone")


def end(client: Client, query: str, **decision: str) -> Answer:
    return decide(client, client.get(f"{TERMINATE}?{query}&back={MINE}"), **decision)


class OwnSessionsTests:
    @pytest.mark.parametrize(
        "query", ["session={phone}", "user=anna", "everything=1", "application=reports", "user=anna&device=iphone"]
    )
    def test_by_every_door_the_password_is_asked_for(self, client: Client, phone: Session, query: str) -> None:
        query = query.format(phone=phone.public_id)
        assert ASKS in client.get(f"{TERMINATE}?{query}").content.decode()
        answer = end(client, query)
        assert answer.status_code == 400
        assert "Enter your password" in text_of(answer)
        assert live(phone)

    def test_with_the_password_they_end(self, client: Client, phone: Session) -> None:
        assert end(client, f"session={phone.public_id}", password=PASSWORD).redirect_chain == [(MINE, 302)]
        assert not live(phone)

    def test_everywhere_else_is_all_but_this_one(self, client: Client, phone: Session, ben: User) -> None:
        kept = make_session(ben)
        end(client, "user=anna", password=PASSWORD)
        assert live() == {current(client).pk, kept.pk}

    def test_with_a_wrong_password_none_end_and_what_was_chosen_is_kept(self, client: Client, phone: Session) -> None:
        answer = end(client, f"session={phone.public_id}", password="guessed", reason="My phone is lost")
        assert answer.status_code == 400
        assert "This is not your password. Nothing was terminated." in text_of(answer)
        assert 'value="My phone is lost"' in answer.content.decode()
        assert "guessed" not in answer.content.decode()
        decide(client, answer, password=PASSWORD)
        assert not live(phone)

    def test_a_confirmation_from_before_does_not_help(self, client: Client, phone: Session, anna: User) -> None:
        """The rule is at the POST: the page may have been opened while the last proof was fresh."""
        Session.objects.update(created_on=F("created_on") + GRACE)
        confirmation = client.get(f"{TERMINATE}?session={phone.public_id}")
        assert ASKS not in confirmation.content.decode()
        long_ago(client)
        answer = decide(client, confirmation)
        assert ASKS in answer.content.decode()
        assert live(phone)

    def test_a_preview_that_was_made_by_hand_does_not_help(self, client: Client, phone: Session, anna: User) -> None:
        signed = previewed(f"session={phone.public_id}", anna.pk, 1)
        assert client.post(TERMINATE, {"preview": signed, "back": MINE}).status_code == 400
        assert live(phone)

    def test_ending_this_one_too_needs_it_as_well(self, client: Client, phone: Session) -> None:
        assert end(client, "user=anna", own="on").status_code == 400
        assert end(client, "user=anna", own="on", password=PASSWORD).redirect_chain[-1][0].startswith("/sign-in/")
        assert live() == set()

    def test_signing_out_never_asks(self, client: Client) -> None:
        assert client.post("/sign-out/").status_code == 302
        assert live() == set()


class GraceTests:
    def test_after_the_sign_in_nobody_is_asked(self, anna: User, phone: Session) -> None:
        end(signed_in(anna), f"session={phone.public_id}")
        assert not live(phone)

    def test_after_a_proof_it_holds_for_the_next_ones(self, client: Client, anna: User) -> None:
        first, second = make_sessions(2, anna)
        end(client, f"session={first.public_id}", password=PASSWORD)
        end(client, f"session={second.public_id}")
        assert not live(first, second)

    def test_it_ends(self, client: Client, anna: User) -> None:
        first, second = make_sessions(2, anna)
        end(client, f"session={first.public_id}", password=PASSWORD)
        long_ago(client)
        assert end(client, f"session={second.public_id}").status_code == 400
        assert live(second)

    def test_a_proof_in_one_browser_is_none_in_another(self, client: Client, anna: User, phone: Session) -> None:
        signed_in(anna)
        assert end(client, f"session={phone.public_id}").status_code == 400

    def test_a_changed_password_is_a_proof(self, client: Client, anna: User) -> None:
        new = dict.fromkeys(("new_password1", "new_password2"), "a lighthouse of many colours")
        client.post("/password/", {"old_password": PASSWORD, "end_others": "on", **new})
        phone = make_session(anna)
        end(client, f"session={phone.public_id}")
        assert not live(phone)


class KeyTests:
    def test_a_proof_gives_a_new_key_and_the_old_one_is_dead(self, client: Client, phone: Session) -> None:
        """R004."""
        before, old = current(client), Client()
        old.cookies["console"] = client.cookies["console"].value
        end(client, f"session={phone.public_id}", password=PASSWORD)
        after = current(client)
        assert (after.public_id, client.get(MINE).status_code) == (before.public_id, 200)
        assert bytes(after.key_digest) != bytes(before.key_digest)
        assert old.get(MINE).status_code == 302

    def test_a_wrong_password_gives_none(self, client: Client, phone: Session) -> None:
        before = client.cookies["console"].value
        end(client, f"session={phone.public_id}", password="guessed")
        assert client.cookies["console"].value == before


class GuessingTests:
    def test_meets_the_delay_of_wrong_passwords(self, client: Client, phone: Session) -> None:
        """R071."""
        statuses = {end(client, "user=anna", password="guessed").status_code for _ in range(2)}
        SignInDelay.objects.update(failures=20)
        end(client, "user=anna", password="guessed")
        answer = end(client, "user=anna", password=PASSWORD)
        assert statuses == {400}
        assert (answer.status_code, int(answer["Retry-After"]) > 0) == (429, True)
        assert "Too many wrong passwords." in text_of(answer)
        assert live(phone)

    def test_an_empty_box_is_no_guess(self, client: Client, phone: Session) -> None:
        end(client, "user=anna")
        assert not SignInDelay.objects.exists()

    def test_the_right_one_clears_the_count(self, client: Client, phone: Session) -> None:
        end(client, "user=anna", password="guessed")
        end(client, "user=anna", password=PASSWORD)
        assert not SignInDelay.objects.exists()


class AdministratorTests:
    @pytest.fixture
    def ada(self, ada: User) -> User:
        ada.set_password(PASSWORD)
        ada.save()
        return ada

    @pytest.fixture
    def admin(self, ada: User, acme: Account) -> Client:
        client = signed_in(ada)
        long_ago(client)
        return client

    def test_is_not_asked_for_the_sessions_of_others(self, admin: Client, anna: User, acme: Account) -> None:
        hers = make_session(anna, acme)
        end(admin, f"session={hers.public_id}")
        assert not live(hers)

    def test_is_not_asked_when_some_are_his_own(self, admin: Client, ada: User, anna: User, acme: Account) -> None:
        both = make_session(anna, acme), make_session(ada, acme)
        end(admin, "account=acme")
        assert not live(*both)

    def test_is_asked_for_his_own_alone(self, admin: Client, ada: User, acme: Account) -> None:
        own = make_session(ada, acme)
        for query in (f"session={own.public_id}", "user=ada", "account=acme"):
            assert end(admin, query).status_code == 400
        assert live(own)


class WithoutPasswordTests:
    def test_is_not_asked_and_not_locked_out(self, ben: User) -> None:
        """Who signs in by other means could give none, and may have lost his phone as well."""
        client, phone = signed_in(ben), make_session(ben)
        long_ago(client)
        assert not ben.has_usable_password()
        assert ASKS not in client.get(f"{TERMINATE}?user=ben").content.decode()
        end(client, "user=ben")
        assert not live(phone)


class ListTests:
    def test_of_active_sessions_leads_through_the_same_door(self, client: Client, phone: Session) -> None:
        assert ASKS in client.get(f"{TERMINATE}?session={phone.public_id}&back={LIST}").content.decode()
