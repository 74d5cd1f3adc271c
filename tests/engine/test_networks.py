"""A named network: what sign-ins from there are called, and the live sessions after a change of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from sessions_ui import networks
from sessions_ui.models import Account, Network, NetworkChange, Session, SessionEvent
from sessions_ui.models.search_text import whole
from sessions_ui.origin import Origin
from sessions_ui.pacing import Pace
from sessions_ui.retention import forget

from .browser import Browser
from .endings import begun

BERLIN, LISBON = "203.0.113.24", "198.51.100.24"


def add(name: str, *cidrs: str, account: Account | None = None, country: str = "") -> Network:
    """Name a network, as somebody who keeps it."""
    network = Network(name=name, account=account, country=country)
    by, _ = User.objects.get_or_create(username="keeper")
    networks.save(network, cidrs, by)
    return network


def settle(monkeypatch: pytest.MonkeyPatch, rows: int = 1_000) -> int:
    """Let the time pass that a sign-in may still be under way, and apply what was changed."""
    monkeypatch.setattr(networks, "SETTLED", timedelta(0))
    return networks.apply("default", Pace(rows, 60.0, rest=0.0, times=0.0))


def sign_in(user: User, address: str) -> Session:
    browser = Browser()
    browser.post("/sign-in/", {"name": user.get_username()}, REMOTE_ADDR=address)
    return browser.row


def place(session: Session) -> tuple[str, str, str, str]:
    session = Session.objects.get(pk=session.pk)
    return session.network, session.location, session.country, session.last_location


NAMED = ("Office", "Office", "FR", "Office")


@pytest.mark.django_db
class SignInTests:
    def test_the_name_replaces_the_guess_in_every_column(self, anna: User) -> None:
        add("Office", "203.0.113.0/24", country="FR")
        session = sign_in(anna, BERLIN)
        assert place(session) == NAMED
        assert whole("location", "office") in session.search_text
        assert "berlin" not in session.search_text

    def test_without_a_country_none_is_guessed(self, anna: User) -> None:
        add("VPN", "203.0.113.0/24")
        assert place(sign_in(anna, BERLIN)) == ("VPN", "VPN", "", "VPN")

    def test_outside_of_it_the_guess_stays(self, anna: User) -> None:
        add("Office", "203.0.113.0/24")
        network, location, country, _ = place(sign_in(anna, LISBON))
        assert not network
        assert location
        assert country

    @pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "2001:db8:5::7", "::ffff:192.0.2.7"])
    def test_of_private_and_both_kinds_of_addresses(self, anna: User, address: str) -> None:
        add("Office", "10.0.0.0/8", "127.0.0.1/32", "2001:db8:5::/48", "192.0.2.0/24")
        assert sign_in(anna, address).network == "Office"

    def test_all_of_ipv6_holds_no_ipv4(self, anna: User) -> None:
        add("Six", "::/0")
        assert sign_in(anna, BERLIN).network == ""

    def test_the_longest_prefix_wins(self, anna: User) -> None:
        add("Floor", "203.0.113.16/28")
        add("Office", "203.0.113.0/24")
        assert sign_in(anna, BERLIN).network == "Floor"
        assert sign_in(anna, "203.0.113.1").network == "Office"

    def test_an_accounts_own_wins_over_one_for_all(self, anna: User, ben: User, acme: Account) -> None:
        add("Shared building", "203.0.113.0/24")
        add("Our floor", "203.0.113.0/24", account=acme)
        assert sign_in(anna, BERLIN).network == "Our floor"
        assert sign_in(ben, BERLIN).network == "Shared building"

    def test_a_longer_one_for_all_wins_over_the_accounts_own(self, anna: User, acme: Account) -> None:
        add("Guest net", "203.0.113.16/28")
        add("Our floor", "203.0.113.0/24", account=acme)
        assert sign_in(anna, BERLIN).network == "Guest net"

    def test_the_record_keeps_it(self, anna: User) -> None:
        add("Office", "203.0.113.0/24")
        sign_in(anna, BERLIN)
        assert SessionEvent.objects.get().network == "Office"

    def test_a_failed_one_is_of_no_account(self, anna: User, acme: Account) -> None:
        add("Office", "203.0.113.0/24")
        add("Our floor", "203.0.113.0/28", account=acme)
        networks.named(Origin(ip="203.0.113.1"), None)
        assert networks.named(Origin(ip="203.0.113.1"), None).network == "Office"

    def test_costs_one_question(self, anna: User) -> None:
        add("Office", "203.0.113.0/24")
        with CaptureQueriesContext(connection) as queries:
            networks.named(Origin(ip=BERLIN), None)
            networks.named(Origin(), None)
        assert len(queries) == 1


@pytest.mark.django_db
class TouchTests:
    @pytest.fixture
    def idle(self, signed_in: Browser) -> Browser:
        Session.objects.update(last_active_on=F("last_active_on") - timedelta(minutes=2))
        return signed_in

    def touch(self, browser: Browser, address: str) -> int:
        store = browser.store
        store.load()
        with CaptureQueriesContext(connection) as queries:
            store.touch(Origin(ip=address, location="A guess"))
        return len(queries)

    def test_where_it_was_is_one_statement_and_knows_the_name(self, idle: Browser) -> None:
        add("Office", "203.0.113.0/24")
        Session.objects.update(last_ip=BERLIN)
        assert self.touch(idle, BERLIN) == 1
        assert (idle.row.last_location, idle.row.last_ip) == ("Office", BERLIN)

    def test_elsewhere_it_knows_the_name_too(self, idle: Browser) -> None:
        add("Office", "203.0.113.0/24")
        self.touch(idle, BERLIN)
        assert (idle.row.last_location, idle.row.last_ip) == ("Office", BERLIN)

    def test_outside_of_it_the_guess_stays(self, idle: Browser) -> None:
        add("Office", "203.0.113.0/24")
        self.touch(idle, LISBON)
        assert idle.row.last_location == "A guess"

    def test_of_a_request_without_an_address(self, idle: Browser) -> None:
        add("Office", "0.0.0.0/0", "::/0")
        store = idle.store
        store.load()
        store.touch(Origin())
        assert (idle.row.last_ip, idle.row.last_location) == (None, "")

    def test_knows_the_accounts_own(self, acme: Account, idle: Browser) -> None:
        other = Account.objects.create(name="Other", slug="other")
        add("Theirs", "203.0.113.0/24", account=other)
        add("Ours", "203.0.113.0/24", account=acme)
        self.touch(idle, BERLIN)
        assert idle.row.last_location == "Ours"


@pytest.mark.django_db(transaction=True)
class ChangeTests:
    @pytest.fixture
    def session(self, anna: User, acme: Account) -> Session:
        return sign_in(anna, BERLIN)

    def test_renames_live_sessions(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        add("Office", "203.0.113.0/24", country="FR")
        assert settle(monkeypatch) == 1
        assert place(session) == NAMED
        text = Session.objects.get().search_text
        assert whole("location", "office") in text
        assert whole("country_code", "fr") in text

    def test_leaves_the_record_as_it_was(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        before = SessionEvent.objects.values("location", "network", "search_text").get()
        add("Office", "203.0.113.0/24")
        settle(monkeypatch)
        assert SessionEvent.objects.values("location", "network", "search_text").get() == before

    def test_a_removed_one_gives_the_guess_back(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        before, text = place(session), session.search_text
        network = add("Office", "203.0.113.0/24")
        settle(monkeypatch)
        networks.remove(network, User.objects.get(username="keeper"))
        assert settle(monkeypatch) == 1
        assert place(session) == before
        assert Session.objects.get().search_text == text

    def test_addresses_that_left_it_get_the_guess(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        network = add("Office", "203.0.113.0/24", "198.51.100.0/24")
        settle(monkeypatch)
        networks.save(network, ["198.51.100.0/24"], User.objects.get(username="keeper"))
        settle(monkeypatch)
        assert place(session)[0] == ""

    def test_a_narrower_one_keeps_its_name(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        add("Floor", "203.0.113.16/28")
        settle(monkeypatch)
        add("Office", "203.0.113.0/24")
        assert settle(monkeypatch) == 0
        assert place(session)[0] == "Floor"

    def test_of_an_account_leaves_all_others(
        self, session: Session, ben: User, acme: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        others = sign_in(ben, BERLIN)
        add("Office", "203.0.113.0/24", account=acme)
        settle(monkeypatch)
        assert (place(session)[0], place(others)[0]) == ("Office", "")

    def test_a_later_place_keeps_its_own_name(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        Session.objects.update(last_ip=LISBON, last_location="Lisbon")
        add("Office", "203.0.113.0/24")
        settle(monkeypatch)
        assert place(session)[3] == "Lisbon"

    def test_in_batches_reaches_everybody_once(self, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        addresses = ["203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.20", "203.0.113.3", LISBON]
        made = [sign_in(anna, address) for address in addresses]
        add("Office", "203.0.113.0/24")
        assert settle(monkeypatch, rows=2) == 5
        assert [place(session)[0] for session in made] == 5 * ["Office"] + [""]

    def test_is_done_once(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        add("Office", "203.0.113.0/24")
        settle(monkeypatch)
        assert NetworkChange.objects.get().applied_on is not None
        assert settle(monkeypatch) == 0

    def test_waits_for_sign_ins_under_way(self, session: Session) -> None:
        add("Office", "203.0.113.0/24")
        assert networks.apply("default", Pace.of("default")) == 0
        assert NetworkChange.objects.get().applied_on is None

    def test_waits_while_a_termination_is_unfinished(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its scope may be of places, and what it covers must not change."""
        termination = begun({"country": "DE"})
        add("Office", "203.0.113.0/24")
        assert settle(monkeypatch) == 0
        assert place(session)[0] == ""
        termination.delete()
        assert settle(monkeypatch) == 1

    def test_says_who_changed_what(self, acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        network = add("Office", "203.0.113.0/24", account=acme, country="DE")
        keeper = User.objects.get(username="keeper")
        network.name = "HQ"
        networks.save(network, ["203.0.113.0/25", "2001:db8:5::/48"], keeper)
        networks.remove(network, keeper)
        said: list[Any] = list(NetworkChange.objects.values_list("actor_label", "account_label", "in_words"))[::-1]
        before, after = "“Office” = 203.0.113.0/24, Germany", "“HQ” = 203.0.113.0/25, 2001:db8:5::/48, Germany"
        assert said == [
            ("keeper", "Acme", f"added {before}"),
            ("keeper", "Acme", f"changed {before} to {after}"),
            ("keeper", "Acme", f"removed {after}"),
        ]

    def test_of_a_person_who_is_forgotten_says_no_name(self) -> None:
        add("Office", "203.0.113.0/24")
        forget("keeper", User.objects.get(username="keeper"), "default")
        assert "keeper" not in NetworkChange.objects.get().actor_label
