"""Signing in and out, choosing an account, and passwords."""

import re
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.core import mail
from django.test import Client, TestCase, override_settings
from django.urls import reverse

from sessions_ui.models import Account, Membership, Session, SessionEvent
from sessions_ui.sign_in_delay import cookie_name
from sessions_ui.views import signing

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "a lighthouse of many colours"


class Cast(TestCase):
    """Anna is in two accounts, Ben in one, and a third account is nobody's here."""

    anna: User
    ben: User
    nordlicht: Account
    harbour: Account
    foreign: Account

    @classmethod
    def setUpTestData(cls) -> None:
        cls.anna = User.objects.create_user("anna", "anna@nordlicht.example", PASSWORD)
        cls.ben = User.objects.create_user("ben", "ben@nordlicht.example", PASSWORD)
        cls.nordlicht, cls.harbour, cls.foreign = (
            Account.objects.create(name=name, slug=name.lower()) for name in ("Nordlicht", "Harbour", "Kestrel")
        )
        for user, account in [(cls.anna, cls.nordlicht), (cls.anna, cls.harbour), (cls.ben, cls.nordlicht)]:
            Membership.objects.create(user=user, account=account)

    def sign_in(self, name: str = "ben", password: str = PASSWORD, **more: str) -> Any:
        return self.client.post(reverse("sign-in"), {"username": name, "password": password, **more})

    def proof(self, answer: Any) -> str:
        found = re.search(r'name="proof" value="([^"]+)"', answer.content.decode())
        assert found, "The page asks for no account."
        return found[1]

    def choose(self, proof: str, account: str, **more: str) -> Any:
        return self.client.post(reverse("sign-in"), {"proof": proof, "account": account, **more})

    def assert_nobody_is_signed_in(self) -> None:
        assert not Session.objects.filter(user__isnull=False).exists()


class SignInTests(Cast):
    def test_the_page_asks_for_name_and_password(self) -> None:
        page = self.client.get(reverse("sign-in"))
        self.assertContains(page, '<label for="id_username">User name</label>', html=True)
        self.assertContains(page, '<label for="id_password">Password</label>', html=True)

    def test_the_right_password_makes_a_session_of_the_only_account(self) -> None:
        self.assertRedirects(self.sign_in(), reverse("home"), fetch_redirect_response=False)
        assert Session.objects.get(user=self.ben).account == self.nordlicht

    def test_the_browser_is_known_from_then_on(self) -> None:
        assert cookie_name() in self.sign_in().cookies

    def test_a_wrong_password_makes_none_and_says_so(self) -> None:
        answer = self.sign_in(password="wrong")
        self.assertContains(answer, "do not belong together. Nobody was signed in.")
        self.assert_nobody_is_signed_in()

    def test_a_wrong_name_is_answered_in_the_same_words(self) -> None:
        known, unknown = self.sign_in(password="wrong"), self.sign_in("nobody", password="wrong")
        assert known.context["form"].errors == unknown.context["form"].errors

    def test_a_password_is_never_sent_back(self) -> None:
        self.assertNotContains(self.sign_in(password="nearly right"), "nearly right")

    def test_a_disabled_user_gets_the_same_words_too(self) -> None:
        User.objects.filter(pk=self.ben.pk).update(is_active=False)
        self.assertContains(self.sign_in(), "Nobody was signed in.")

    def test_who_is_signed_in_is_sent_home(self) -> None:
        self.client.force_login(self.ben)
        self.assertRedirects(self.client.get(reverse("sign-in")), reverse("home"), fetch_redirect_response=False)

    def test_who_is_in_no_account_signs_in_without_one(self) -> None:
        User.objects.create_user("nora", password=PASSWORD)
        self.sign_in("nora")
        assert Session.objects.get(user__username="nora").account is None


class NextPageTests(Cast):
    def test_the_page_that_was_asked_for_comes_next(self) -> None:
        wanted = reverse("active-user-sessions") + "?q=anna&account=nordlicht"
        page = self.client.get(reverse("sign-in"), {"next": wanted})
        self.assertContains(page, f'<input type="hidden" name="next" value="{wanted}">', html=True)
        self.assertRedirects(self.sign_in(next=wanted), wanted, fetch_redirect_response=False)

    def test_another_site_never_comes_next(self) -> None:
        for elsewhere in (
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example",
            "javascript:alert(1)",
            "\x01//e",
        ):
            answer = self.sign_in(next=elsewhere)
            self.assertRedirects(answer, reverse("home"), fetch_redirect_response=False, msg_prefix=elsewhere)
            self.client.logout()


class ChoosingAnAccountTests(Cast):
    def test_who_is_in_several_accounts_is_asked_and_not_yet_signed_in(self) -> None:
        answer = self.sign_in("anna")
        offered = [str(choice.choice_label) for choice in answer.context["form"]["account"]]
        assert offered == ["Harbour", "Nordlicht"]
        self.assert_nobody_is_signed_in()

    def test_the_session_belongs_to_the_chosen_account(self) -> None:
        for account in (self.harbour, self.nordlicht):
            self.choose(self.proof(self.sign_in("anna")), account.slug)
            assert Session.objects.get(user=self.anna).account == account
            self.client.post(reverse("sign-out"))

    def test_the_page_that_was_asked_for_comes_next(self) -> None:
        proof = self.proof(self.sign_in("anna", next="/my-sessions/"))
        answer = self.choose(proof, "harbour", next="/my-sessions/")
        self.assertRedirects(answer, "/my-sessions/", fetch_redirect_response=False)

    def test_a_foreign_account_or_none_is_refused(self) -> None:
        for slug in (self.foreign.slug, "unheard-of", ""):
            answer = self.choose(self.proof(self.sign_in("anna")), slug)
            self.assertContains(answer, "Nobody is signed in yet.")
        self.assert_nobody_is_signed_in()

    def test_who_is_in_very_many_accounts_names_one(self) -> None:
        for n in range(signing.MOST_LISTED):
            Membership.objects.create(
                user=self.anna, account=Account.objects.create(slug=f"team-{n}", name=f"Team {n}")
            )
        answer = self.sign_in("anna")
        self.assertNotContains(answer, "Team 7")
        self.assertContains(answer, "The name or slug of one of your 22.")
        self.assertContains(self.choose(self.proof(answer), ""), "Nobody is signed in yet.")
        answer = self.choose(self.proof(answer), self.foreign.slug)
        self.assertContains(answer, f"There is no account “{self.foreign.slug}” here.")
        self.assert_nobody_is_signed_in()
        self.choose(self.proof(answer), "team 7")
        assert Session.objects.get(user=self.anna).account == Account.objects.get(slug="team-7")

    def test_the_password_does_not_travel_with_the_choice(self) -> None:
        self.assertNotContains(self.sign_in("anna"), PASSWORD)

    def test_the_proof_opens_no_other_page(self) -> None:
        """R-022: a sign-in half way through is refused everywhere but at its next step."""
        self.sign_in("anna")
        assert self.client.get(reverse("my-sessions")).status_code == 302


class ProofTests(Cast):
    def assert_refused(self, proof: str) -> None:
        self.assertContains(self.choose(proof, "harbour"), "Nobody was signed in: enter your password again.")
        self.assert_nobody_is_signed_in()

    def test_a_forged_proof_is_refused(self) -> None:
        proof = self.proof(self.sign_in("anna"))
        for forged in ("", "x", proof[:-1], "A" + proof):
            self.assert_refused(forged)

    def test_a_known_browsers_cookie_is_no_proof(self) -> None:
        known = self.sign_in("ben").cookies[cookie_name()].value
        self.client.post(reverse("sign-out"))
        self.assert_refused(known)

    def test_a_proof_is_refused_after_five_minutes(self) -> None:
        proof = self.proof(self.sign_in("anna"))
        with mock.patch.object(signing, "PROOF_HOLDS", -1):
            self.assert_refused(proof)

    def test_a_proof_is_refused_once_the_user_is_disabled(self) -> None:
        proof = self.proof(self.sign_in("anna"))
        User.objects.filter(pk=self.anna.pk).update(is_active=False)
        self.assert_refused(proof)

    def test_a_proof_is_refused_once_the_password_is_another(self) -> None:
        proof = self.proof(self.sign_in("anna"))
        self.anna.set_password(NEW_PASSWORD)
        self.anna.save()
        self.assert_refused(proof)


class SignOutTests(Cast):
    def test_it_ends_the_session_and_says_so(self) -> None:
        self.sign_in()
        page = self.client.post(reverse("sign-out"), follow=True)
        self.assertContains(page, "You are signed out here.")
        self.assert_nobody_is_signed_in()

    def test_a_link_cannot_do_it(self) -> None:
        self.sign_in()
        assert self.client.get(reverse("sign-out")).status_code == 405
        assert Session.objects.filter(user=self.ben).exists()


class PasswordChangeTests(Cast):
    def setUp(self) -> None:
        self.sign_in()

    def change(self, old: str, new: str = NEW_PASSWORD, **box: str) -> Any:
        data = {"old_password": old, "new_password1": new, "new_password2": new}
        return self.client.post(reverse("password-change"), data | (box or {"end_others": "on"}))

    def change_with_an_empty_box(self) -> Any:
        return self.change(PASSWORD, end_others="")

    def test_the_page_says_what_a_password_must_be(self) -> None:
        self.assertContains(self.client.get(reverse("password-change")), "at least 12 characters")

    def test_the_session_goes_on_under_the_new_password(self) -> None:
        before = Session.objects.get(user=self.ben)
        self.assertRedirects(self.change(PASSWORD), reverse("password-change-done"))
        after = Session.objects.get(user=self.ben)
        assert after.public_id == before.public_id
        assert after.key_digest != before.key_digest

    def test_the_other_sessions_end_at_once(self) -> None:
        """R-027: the list shows it at once."""
        own = Session.objects.get(user=self.ben).pk
        other = Client()
        other.force_login(self.ben)
        self.assertContains(self.client.get(reverse("password-change")), 'name="end_others"')
        self.assertContains(self.client.get(self.change(PASSWORD)["Location"]), "Your sessions elsewhere are ended")
        assert Session.objects.get(user=self.ben).pk == own
        assert SessionEvent.objects.get(kind="terminated").reason == "The password was changed"
        assert other.get(reverse("my-sessions")).status_code == 302

    def test_the_box_is_ticked_until_somebody_empties_it(self) -> None:
        assert "checked" in str(self.client.get(reverse("password-change")).context["form"]["end_others"])

    def test_with_an_empty_box_the_other_sessions_go_on(self) -> None:
        other = Client()
        other.force_login(self.ben)
        self.assertContains(self.client.get(self.change_with_an_empty_box()["Location"]), "All your sessions go on")
        assert other.get(reverse("my-sessions")).status_code == 200
        assert self.client.get(reverse("my-sessions")).status_code == 200
        assert not SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).exists()

    def test_an_empty_box_is_empty_again_when_the_new_password_was_too_weak(self) -> None:
        answer = self.change(PASSWORD, "short", end_others="")
        assert "checked" not in str(answer.context["form"]["end_others"])

    def test_the_browser_stays_known(self) -> None:
        assert cookie_name() in self.change(PASSWORD).cookies

    def test_a_wrong_old_password_changes_nothing(self) -> None:
        assert self.change("wrong").status_code == 200
        self.ben.refresh_from_db()
        assert self.ben.check_password(PASSWORD)

    def test_wrong_old_passwords_meet_the_delay_of_wrong_passwords(self) -> None:
        """R-071: whoever finds an open browser cannot guess the password there."""
        answers = [self.change("wrong") for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200, 429}
        self.assertContains(answers[-1], "Back to changing your password", status_code=429)

    def test_a_new_password_that_is_too_weak_is_no_wrong_password(self) -> None:
        statuses = {self.change(PASSWORD, "short").status_code for _ in range(20)}
        assert statuses == {200}

    def test_a_visitor_is_sent_to_sign_in(self) -> None:
        self.client.logout()
        answer = self.client.get(reverse("password-change"))
        self.assertRedirects(answer, f"{reverse('sign-in')}?next={reverse('password-change')}")


class PasswordResetTests(Cast):
    def ask(self, address: str = "ben@nordlicht.example") -> Any:
        return self.client.post(reverse("password-reset"), {"email": address})

    def link(self) -> str:
        self.ask()
        found = re.search(r"http://testserver(/\S+)", str(mail.outbox[-1].body))
        assert found, "The e-mail has no link."
        return self.client.get(found[1])["Location"]

    def set_password(self, address: str) -> Any:
        return self.client.post(address, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})

    def test_the_mail_says_who_what_and_how_long_in_our_words(self) -> None:
        self.ask()
        assert mail.outbox[0].subject == "Choose a new password for Session Admin"
        for words in ("a new password for ben", "for 72 hours", "nobody has been given access"):
            assert words in mail.outbox[0].body

    def test_an_unknown_address_is_answered_alike_and_sends_nothing(self) -> None:
        known, unknown = self.ask(), self.ask("nobody@nordlicht.example")
        assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
        assert len(mail.outbox) == 1

    def test_the_link_sets_the_password(self) -> None:
        self.assertRedirects(self.set_password(self.link()), reverse("password-reset-complete"))
        assert self.sign_in(password=NEW_PASSWORD).status_code == 302

    def test_the_link_ends_all_sessions_at_once(self) -> None:
        """R-027"""
        thief = Client()
        thief.force_login(self.ben)
        self.set_password(self.link())
        assert not Session.objects.filter(user=self.ben).exists()
        assert SessionEvent.objects.get(kind="terminated").reason == "The password was reset"
        assert thief.get(reverse("my-sessions")).status_code == 302

    def test_mails_to_one_address_meet_the_delay_of_wrong_passwords(self) -> None:
        statuses = [
            self.ask(address).status_code for address in ["ben@nordlicht.example", "BEN@nordlicht.example "] * 9
        ]
        assert (statuses[:3], statuses[-1]) == ([302] * 3, 429)
        assert len(mail.outbox) < 9

    def test_the_delay_tells_nobody_whether_an_address_is_known(self) -> None:
        assert [self.ask("nobody@nordlicht.example").status_code for _ in range(18)][-1] == 429

    def test_mails_to_one_address_hold_up_no_other_and_no_sign_in(self) -> None:
        statuses = {self.ask().status_code for _ in range(18)}
        assert 429 in statuses
        assert self.ask("anna@nordlicht.example").status_code == 302
        assert self.sign_in().status_code == 302

    def test_whoever_could_use_the_link_has_a_known_browser(self) -> None:
        assert cookie_name() in self.set_password(self.link()).cookies

    def test_the_link_works_once(self) -> None:
        link = self.link()
        self.set_password(link)
        answer = self.set_password(link)
        self.assertContains(answer, "Your password was not changed.")
        assert cookie_name() not in answer.cookies

    def test_a_made_up_link_changes_nothing(self) -> None:
        for uid in ("MQ", "x", "%00", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5"):
            answer = self.client.get(reverse("password-reset-confirm", args=[uid, "x-y"]))
            self.assertContains(answer, "This link no longer works")


class CookieNameTests(Cast):
    @override_settings(SESSION_COOKIE_NAME="__Host-console", SESSION_COOKIE_SECURE=True)
    def test_under_tls_the_known_browser_is_told_on_this_host_only(self) -> None:
        """R-130"""
        cookie = self.client.post(reverse("sign-in"), {"username": "ben", "password": PASSWORD}, secure=True).cookies[
            "__Host-console-known"
        ]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
