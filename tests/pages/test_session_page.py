"""The page of one session: everything that is known of it, as text."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sessions_ui.models import Account, Membership, Session

from .cast import LIST, TERMINATE, current, links, listed, make_session, make_sessions, permit, signed_in, text_of

HOSTILE = "Mozilla/5.0 <script>alert(1)</script> \"'& {{ 7|add:7 }}"


@pytest.fixture
def session(anna: User, acme: Account) -> Session:
    signed_in_on = datetime(2026, 3, 12, 10, 4, tzinfo=UTC)
    last = {"last_ip": "198.51.100.9", "last_location": "Lyon, France", "last_browser": "Safari 27"}
    where = {"ip": "203.0.113.7", "country": "DE", "location": "Berlin, Germany"}
    client = {"device": "iPhone", "browser": "Safari 26", "os": "iOS", "user_agent": HOSTILE}
    return make_session(anna, acme, created_on=signed_in_on, **where, **client, **last)


class SessionPageTests:
    def test_shows_everything_that_is_known(self, console: Client, session: Session) -> None:
        page = text_of(console.get(f"{LIST}{session.public_id}/"))
        assert "Anna Brandt’s session in Reports" in page
        assert "anna@example.com , in Acme" in page or "anna@example.com, in Acme" in page
        assert "12 March 2026, 10:04" in page
        for shown in ("203.0.113.7", "Berlin, Germany", "Safari 26", "iPhone, iOS", str(session.public_id)):
            assert shown in page

    def test_shows_where_it_was_last_active(self, console: Client, session: Session) -> None:
        page = text_of(console.get(f"{LIST}{session.public_id}/"))
        assert "Address 203.0.113.7 198.51.100.9" in page
        assert "Place DE Berlin, Germany Lyon, France" in page
        assert "Browser Safari 26 Safari 27" in page

    def test_says_what_is_different(self, console: Client, session: Session) -> None:
        page = text_of(console.get(f"{LIST}{session.public_id}/"))
        assert "Network 203.0.0.0/16 198.51.0.0/16 New network" in page
        assert "Safari 26 Safari 27 Newer version" in page
        assert "Newer version of the same browser, new network, other place." in page

    def test_says_so_where_nothing_is_different(self, console: Client, anna: User) -> None:
        same: dict[str, Any] = {"ip": "203.0.113.7", "location": "Berlin", "browser": "Safari 26"}
        row = make_session(anna, **same, **{f"last_{name}": value for name, value in same.items()})
        assert "Same browser, same address." in text_of(console.get(f"{LIST}{row.public_id}/"))

    def test_compares_named_networks_by_their_name(self, console: Client, anna: User) -> None:
        office: dict[str, Any] = {"ip": "203.0.113.7", "location": "Office", "network": "Office"}
        still = make_session(anna, **office, last_ip="192.0.2.1", last_location="Office")
        left = make_session(anna, **office, last_ip="192.0.2.1", last_location="Lyon")
        assert "Network Office Office Same" in text_of(console.get(f"{LIST}{still.public_id}/"))
        assert "Network Office 192.0.0.0/16 New network" in text_of(console.get(f"{LIST}{left.public_id}/"))

    def test_says_how_long_it_has_lasted_and_will(self, console: Client, session: Session) -> None:
        page = text_of(console.get(f"{LIST}{session.public_id}/"))
        assert re.search(r"Signed in 12 March 2026, 10:04, .+ ago", page)
        assert re.search(r"Ends at the latest .+, in 11 hours, 59 minutes", page)

    def test_shows_the_raw_user_agent_as_text(self, console: Client, session: Session) -> None:
        answer = console.get(f"{LIST}{session.public_id}/")
        assert "<script>alert" not in answer.content.decode()
        assert HOSTILE in text_of(answer).replace("&lt;", "<")

    def test_stays_whole_when_nothing_is_known(self, console: Client, anna: User) -> None:
        bare = make_session(anna)
        page = text_of(console.get(f"{LIST}{bare.public_id}/"))
        assert "Account None" in page
        assert "User agent None was sent" in page

    def test_shows_a_time_in_the_zone_of_the_reader(self, console: Client, session: Session) -> None:
        console.cookies["tz"] = "Asia/Kolkata"
        assert "12 March 2026, 15:34" in text_of(console.get(f"{LIST}{session.public_id}/"))


class OtherSessionsTests:
    def test_are_those_of_the_same_person(self, console: Client, session: Session, anna: User, ben: User) -> None:
        other = make_session(anna)
        make_session(ben)
        assert listed(console.get(f"{LIST}{session.public_id}/")) == [str(other.public_id)]

    def test_are_within_reach(self, ada: User, session: Session, anna: User, bolt: Account) -> None:
        make_session(anna, bolt)
        assert listed(signed_in(ada).get(f"{LIST}{session.public_id}/")) == []

    def test_are_twenty_at_most(self, console: Client, session: Session, anna: User) -> None:
        make_sessions(25, anna)
        assert len(listed(console.get(f"{LIST}{session.public_id}/"))) == 20


class ButtonsTests:
    def test_lead_to_the_confirmation(self, console: Client, session: Session, anna: User) -> None:
        make_session(anna)
        page = console.get(f"{LIST}{session.public_id}/")
        assert links(page, "Terminate this session") == [f"{TERMINATE}?session={session.public_id}"]
        assert links(page, "Terminate all 2 of Anna Brandt") == [f"{TERMINATE}?user=anna"]

    def test_are_not_there_for_the_session_one_is_in(self, console: Client) -> None:
        page = console.get(f"{LIST}{current(console).public_id}/")
        assert "This is you" in text_of(page)
        assert links(page, "Terminate") == []

    def test_are_not_there_for_somebody_who_may_only_look(self, vera: User, session: Session, anna: User) -> None:
        make_session(anna)
        assert links(signed_in(vera).get(f"{LIST}{session.public_id}/"), "Terminate") == []

    @pytest.mark.parametrize("person", ["root", "ada", "vera", "anna"])
    def test_are_never_dead(
        self, request: pytest.FixtureRequest, session: Session, anna: User, acme: Account, person: str
    ) -> None:
        make_session(anna, acme)
        client = signed_in(request.getfixturevalue(person))
        page = client.get(f"{LIST}{session.public_id}/")
        assert page.status_code == 200
        assert {client.get(url).status_code for url in links(page, "Terminate")} <= {200}

    def test_come_with_an_account_that_one_administers(self, vera: User, session: Session, acme: Account) -> None:
        Membership.objects.create(user=vera, account=acme, role="admin")
        assert links(signed_in(vera).get(f"{LIST}{session.public_id}/"), "Terminate this session")

    def test_come_with_the_permission(self, vera: User, session: Session) -> None:
        permit(vera, "delete_session")
        assert links(signed_in(vera).get(f"{LIST}{session.public_id}/"), "Terminate this session")
