"""The overview: counted in a bounded sample, within reach and filter; each bar leads to what it counts."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from sessions_ui import day_counts, overview
from sessions_ui.models import Account, Session
from sessions_ui.models.events import SessionEvent, record
from sessions_ui.pacing import Pace
from sessions_ui.search.plan import Search
from sessions_ui.time_limit import TookTooLong

from .cast import LIST, Page, ids_of, links, make_session, make_sessions, signed_in, text_of

PAGE = f"{LIST}overview/"


def places(page: Page) -> int:
    return page.content.decode().count('class="spot"')


@pytest.fixture
def sessions(anna: User, ben: User, acme: Account, bolt: Account) -> None:
    make_sessions(3, anna, acme, country="DE", device_kind="phone")
    make_session(ben, bolt, country="PT", device_kind="computer")
    Session.objects.filter(user=ben).update(created_on=F("created_on") - timedelta(days=60))


@pytest.mark.usefixtures("sessions")
class BarTests:
    def test_count_what_the_list_shows(self, console: Client) -> None:
        """The fifth is that of who asks: on this machine, in a script."""
        said = text_of(console.get(PAGE))
        assert "Germany 3" in said
        assert "Phone 3" in said
        assert "Today 4 Longer ago 1" in said

    @pytest.mark.parametrize("label", ["Germany", "Phone", "Longer ago", "Today", "Reports"])
    def test_lead_to_the_sessions_they_count(self, console: Client, label: str) -> None:
        page = console.get(PAGE)
        (link,) = links(page, label)
        number = int(text_of(page).split(f"{label} ")[1].split()[0])
        assert len(ids_of(console.get(link))) == number

    def test_keep_the_filter(self, console: Client) -> None:
        page = console.get(f"{PAGE}?account=acme")
        assert "Portugal" not in text_of(page)
        (link,) = links(page, "Germany")
        assert "account=acme" in link

    def test_are_within_reach(self, ada: User, acme: Account) -> None:
        """Hers are those of acme and her own; one that is both counts once."""
        make_session(ada, acme)
        said = text_of(signed_in(ada).get(PAGE))
        assert "Today 5" in said
        assert "Portugal" not in said

    def test_of_many_sessions_count_the_newest(self, console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(overview, "SAMPLE", 2)
        assert "Counted among the newest 2 sessions." in text_of(console.get(PAGE))

    def test_beyond_the_first_are_taken_together(self, console: Client, anna: User) -> None:
        for code in ("FR", "GB", "BR"):
            make_session(anna, country=code)
        assert "3 others 3" in text_of(console.get(PAGE))

    def test_when_nobody_matches(self, console: Client) -> None:
        assert "There is no session from Japan." in text_of(console.get(f"{PAGE}?country=JP"))

    def test_when_it_takes_too_long(self, console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def stopped(*args: object, **kwargs: object) -> None:
            raise TookTooLong

        monkeypatch.setattr(Search, "sample", stopped)
        assert "too broad to be counted here in time" in text_of(console.get(f"{PAGE}?q=anna"))

    def test_of_what_cannot_be_read(self, console: Client) -> None:
        assert console.get(f"{PAGE}?colour=red").status_code == 400


@pytest.mark.usefixtures("sessions")
class MapTests:
    def test_shows_countries_and_says_who_is_on_none(self, console: Client) -> None:
        page = console.get(PAGE)
        assert places(page) == 2
        assert "By country; 1 without one" in text_of(page)
        assert 'aria-label="Map: Germany 3, Portugal 1."' in page.content.decode()

    def test_of_an_account_shows_its_own(self, console: Client) -> None:
        assert places(console.get(f"{PAGE}?account=bolt")) == 1


@pytest.mark.usefixtures("sessions")
class LineTests:
    @pytest.fixture(autouse=True)
    def _counted(self, sessions: None) -> None:
        record(Session.objects.signed_in(), SessionEvent.Kind.SIGNED_IN)
        day_counts.count("default", Pace.of("default"))

    def test_says_what_it_shows(self, console: Client) -> None:
        said = console.get(PAGE).content.decode()
        assert "past 30 days: 0 to 4 sign-ins a day, and 0 ends at most" in said

    def test_is_of_the_accounts_one_administers(self, ada: User) -> None:
        assert "0 to 3 sign-ins a day" in signed_in(ada).get(PAGE).content.decode()

    def test_of_one_account(self, console: Client) -> None:
        assert "0 to 1 sign-ins a day" in console.get(f"{PAGE}?account=bolt").content.decode()

    def test_tells_nothing_of_an_account_one_does_not_administer(self, ben: User, ada: User) -> None:
        """He reaches his own session in bolt, and not how often others sign in there."""
        assert "sign-ins a day" not in signed_in(ben).get(f"{PAGE}?account=bolt").content.decode()


class FrameTests:
    def test_the_list_brings_it_with_its_filter(self, console: Client) -> None:
        body = console.get(f"{LIST}?user=root&sort=oldest").content.decode()
        assert f'data-hx-get="{PAGE}?user=root" data-hx-trigger="load"' in body
        assert '<details class="overview" open>' in body

    def test_stays_folded(self, console: Client) -> None:
        console.cookies["overview"] = "folded"
        body = console.get(LIST).content.decode()
        assert '<details class="overview">' in body
        assert 'data-hx-trigger="toggle from:closest details once"' in body

    def test_is_a_page_of_its_own_without_a_script(self, console: Client) -> None:
        (link,) = links(console.get(LIST), "on a map")
        assert "<html" in console.get(link).content.decode()
        assert "<html" not in console.get(link, headers={"HX-Request": "true"}).content.decode()
