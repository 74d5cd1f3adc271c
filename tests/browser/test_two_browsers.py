"""The promise, with two browsers and two applications: what is terminated here must sign in again there."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from sessions_ui.models import Session
from tests.browser.cast import live, make_account, make_person
from tests.browser.conftest import Visits
from tests.browser.pages import LIST, TERMINATE, fill_in_password, follow, sign_in
from tests.browser.servers import Site

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
SIGN_IN_PAGE = re.compile("/sign-in/")


def terminate_newest_in_reports(page: Page) -> None:
    page.goto(LIST)
    page.get_by_label("User").fill("anna")
    page.get_by_role("combobox", name="Application").select_option("Reports")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("User: anna")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Terminate Anna Brandt’s session in Reports")).first.click()
    expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    page.get_by_role("button", name="Terminate 1 session").click()
    expect(page.get_by_text("1 session terminated")).to_be_visible()


class TwoBrowsersTests:
    def test_a_terminated_browser_must_sign_in_again_and_may(self, visit: Visits, site: Site) -> None:
        hers, his = visit(), visit("marta")
        sign_in(hers, site.reports, "anna", site.password)
        terminate_newest_in_reports(his)
        hers.reload()
        expect(hers).to_have_url(SIGN_IN_PAGE)
        fill_in_password(hers, "anna", site.password)
        expect(hers.get_by_role("heading", name="You are signed in")).to_be_visible()

    def test_both_applications_in_one_browser(self, visit: Visits, site: Site) -> None:
        """The tour of the README: browsers share cookies between ports, and these two do not clash."""
        reports = visit()
        console = reports.context.new_page()
        sign_in(reports, site.reports, "anna", site.password)
        sign_in(console, site.console, "marta", site.password)
        reports.reload()
        expect(reports.get_by_text("Anna Brandt")).to_be_visible()
        terminate_newest_in_reports(console)
        reports.reload()
        expect(reports).to_have_url(SIGN_IN_PAGE)
        console.reload()
        expect(console.get_by_role("link", name="Marta Oliveira")).to_be_visible()

    def test_everything_with_his_own_session_leads_the_administrator_to_the_sign_in_page(self, visit: Visits) -> None:
        ida, ulf = make_person("Ida"), make_person("Ulf")
        make_account(ida, ulf)
        his, hers = visit(ulf), visit(ida)
        others = Session.objects.live().exclude(user__in=[ida, ulf]).count()
        his.goto("/my-sessions/")
        hers.goto(f"{TERMINATE}?everything=1")
        hers.get_by_label("Also end my own session").check()
        hers.get_by_role("button", name=re.compile("^Terminate")).click()
        expect(hers).to_have_url(SIGN_IN_PAGE)
        his.reload()
        expect(his).to_have_url(SIGN_IN_PAGE)
        assert (live(ida), live(ulf)) == (0, 0)
        assert Session.objects.live().exclude(user__in=[ida, ulf]).count() == others

    def test_everything_spares_his_own_session(self, visit: Visits) -> None:
        ida, ulf = make_person("Ida"), make_person("Ulf")
        make_account(ida, ulf)
        his, hers = visit(ulf), visit(ida)
        his.goto("/my-sessions/")
        hers.goto(f"{TERMINATE}?everything=1")
        hers.get_by_role("button", name="Terminate 1 session").click()
        expect(hers.get_by_text("1 session terminated")).to_be_visible()
        his.reload()
        expect(his).to_have_url(SIGN_IN_PAGE)
        assert (live(ida), live(ulf)) == (1, 0)

    @pytest.mark.parametrize("java_script_enabled", [True, False])
    def test_a_lost_phone_is_signed_out_from_my_sessions(
        self, visit: Visits, site: Site, *, java_script_enabled: bool
    ) -> None:
        """R080: its owner sits at another computer, and has been there for a while."""
        ida = make_person("Ida")
        # The hash of the demo people, which the server made: the tests have another way.
        ida.password = User.objects.get(username="anna").password
        ida.save()
        phone = visit(user_agent=PHONE, java_script_enabled=java_script_enabled)
        desk = visit(java_script_enabled=java_script_enabled)
        sign_in(phone, site.console, ida.username, site.password)
        sign_in(desk, site.console, ida.username, site.password)
        desk.goto("/six-minutes-later/")
        follow(desk, desk.get_by_role("link", name=re.compile("^Terminate Ida.*on iPhone$")))
        desk.get_by_label("Reason").fill("My phone is lost")
        desk.get_by_label("Your password").fill("not the password")
        follow(desk, desk.get_by_role("button", name="Terminate 1 session"))
        expect(desk.get_by_text("This is not your password. Nothing was terminated.")).to_be_visible()
        expect(desk.get_by_label("Reason")).to_have_value("My phone is lost")
        phone.reload()
        expect(phone.get_by_role("heading", name="My sessions")).to_be_visible()
        desk.get_by_label("Your password").fill(site.password)
        follow(desk, desk.get_by_role("button", name="Terminate 1 session"))
        expect(desk.get_by_text("1 session terminated")).to_be_visible()
        expect(desk.get_by_text("You have 1 session")).to_be_visible()
        phone.reload()
        expect(phone).to_have_url(SIGN_IN_PAGE)

    def test_the_back_button_shows_nothing_after_signing_out(self, visit: Visits) -> None:
        """R053."""
        page = visit(make_person("Evangeline"))
        page.goto("/my-sessions/")
        follow(page, page.get_by_role("button", name="Sign out", exact=True))
        page.go_back()
        expect(page).to_have_url(SIGN_IN_PAGE)
        assert "Evangeline" not in page.content()
