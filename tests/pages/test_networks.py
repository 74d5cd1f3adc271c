"""The pages of named networks, and how lists show one."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sessions_ui import networks
from sessions_ui.models import Account, Membership, Network, NetworkChange, Session
from sessions_ui.network_form import MOST_PREFIXES

from .cast import LIST, Page, links, make_session, signed_in, text_of, told

PAGE = "/security/networks/"
OFFICE = {"name": "Office Berlin", "prefixes": "203.0.113.0/24, 2001:db8:5::/48", "country": "DE"}


def cidrs(network: Network) -> list[str]:
    return [prefix.cidr for prefix in network.prefixes.all()]


@pytest.fixture
def office(root: User) -> Network:
    network = Network(name="Office Berlin", country="DE")
    networks.save(network, ["203.0.113.0/24"], root)
    return network


@pytest.fixture
def hers(ada: User, acme: Account) -> Network:
    network = Network(name="Workshop", account=acme)
    networks.save(network, ["198.51.100.0/24"], ada)
    return network


class AddTests:
    def test_for_all(self, console: Client) -> None:
        answer = console.post(f"{PAGE}add/", OFFICE, follow=True)
        network = Network.objects.get()
        assert (network.name, network.country, network.account) == ("Office Berlin", "DE", None)
        assert cidrs(network) == ["203.0.113.0/24", "2001:db8:5::/48"]
        assert "“Office Berlin” is saved. 0 sessions from there" in told(answer)

    def test_for_an_account(self, console: Client, acme: Account) -> None:
        console.post(f"{PAGE}add/", OFFICE | {"account": "acme"})
        assert Network.objects.get().account == acme

    def test_for_an_account_by_its_name(self, console: Client, acme: Account) -> None:
        console.post(f"{PAGE}add/", OFFICE | {"account": "Acme"})
        assert Network.objects.get().account == acme

    def test_that_there_is_none_says_whose(self, console: Client, ada: User, acme: Account) -> None:
        assert "No network has a name yet" in text_of(console.get(PAGE))
        hers = text_of(signed_in(ada).get(PAGE))
        assert "You have named no network yet" in hers
        assert "Those for all accounts are named by those who end all sessions" in hers

    def test_for_the_only_account_that_one_administers_names_it_already(self, ada: User, acme: Account) -> None:
        assert 'name="account" value="acme"' in signed_in(ada).get(f"{PAGE}add/").content.decode()

    def test_by_an_accounts_administrator_is_for_his(self, ada: User, acme: Account) -> None:
        client = signed_in(ada)
        assert client.post(f"{PAGE}add/", OFFICE).status_code == 400
        client.post(f"{PAGE}add/", OFFICE | {"account": "acme"})
        assert Network.objects.get().account == acme

    def test_of_a_foreign_account_is_refused_as_of_an_unknown(self, ada: User, acme: Account, bolt: Account) -> None:
        client, said = signed_in(ada), []
        for slug in ("bolt", "nowhere", "bo\0lt"):
            answer = client.post(f"{PAGE}add/", OFFICE | {"account": slug})
            assert answer.status_code == 400
            said.append(text_of(answer).count("There is no account"))
        assert said == [1, 1, 1]
        assert not Network.objects.exists()

    def test_says_how_many_sessions_are_renamed(self, console: Client, anna: User) -> None:
        make_session(anna, ip="203.0.113.7")
        assert "One session from there shows it" in told(console.post(f"{PAGE}add/", OFFICE, follow=True))

    def test_says_which_other_network_shares_addresses(self, console: Client, office: Network) -> None:
        wide = {"name": "Company", "prefixes": "203.0.112.0/22"}
        said = told(console.post(f"{PAGE}add/", wide, follow=True))
        assert "203.0.112.0/22 overlaps 203.0.113.0/24 of “Office Berlin”" in said

    def test_says_nothing_of_another_accounts_network(self, office: Network, ada: User, acme: Account) -> None:
        wide = {"name": "Company", "prefixes": "203.0.112.0/22", "account": "acme"}
        assert "Office Berlin" not in told(signed_in(ada).post(f"{PAGE}add/", wide, follow=True))

    def test_is_recorded(self, console: Client) -> None:
        console.post(f"{PAGE}add/", OFFICE)
        change = NetworkChange.objects.get()
        assert (change.actor_label, change.in_words) == (
            "Ruth Root (root)",
            "added “Office Berlin” = 203.0.113.0/24, 2001:db8:5::/48, Germany",
        )


class BadInputTests:
    @pytest.mark.parametrize(
        ("prefixes", "sentence"),
        [
            ("203.0.113/24", "“203.0.113/24” is not a range of addresses; write 203.0.113.0/24,"),
            ("203.0.113.0/33", "“203.0.113.0/33” is not a range of addresses"),
            ("fe80::1%eth0", "“fe80::1%eth0” is not a range of addresses"),
            ("10.0.0.0/8 office", "“office” is not a range of addresses"),
            (
                "203.0.113.7/24",
                "“203.0.113.7/24” is an address in 203.0.113.0/24; write 203.0.113.0/24, or 203.0.113.7",
            ),
            ("10.0.0.0/8, 10.1.0.0/16", "10.0.0.0/8 overlaps 10.1.0.0/16. Leave 10.1.0.0/16 out"),
            (" , ;", "Write at least one prefix"),
            (" ".join(f"10.0.0.{n}" for n in range(MOST_PREFIXES + 1)), "These are 201 prefixes; a network has 200"),
        ],
    )
    def test_is_said_in_a_sentence(self, console: Client, prefixes: str, sentence: str) -> None:
        answer = console.post(f"{PAGE}add/", OFFICE | {"prefixes": prefixes})
        assert answer.status_code == 400
        assert sentence in text_of(answer)
        assert not Network.objects.exists()

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"name": "office berlin", "prefixes": "10.0.0.0/8"}, "There is a network “office berlin” already"),
            ({"name": "Other"}, "203.0.113.0/24 is “Office Berlin” already; leave it out"),
            ({"name": "", "prefixes": "10.0.0.0/8"}, "This field is required."),
            ({"name": "A\u202eB", "prefixes": "10.0.0.0/8"}, "characters that cannot be seen"),
            ({"name": "Other", "prefixes": "10.0.0.0/8", "country": "XX"}, "Select a valid choice"),
        ],
    )
    def test_what_is_there_already(
        self, console: Client, office: Network, changed: dict[str, str], sentence: str
    ) -> None:
        answer = console.post(f"{PAGE}add/", OFFICE | changed)
        assert answer.status_code == 400
        assert sentence in text_of(answer)

    def test_mapped_and_single_addresses_are_read(self, console: Client) -> None:
        console.post(f"{PAGE}add/", OFFICE | {"prefixes": "::ffff:192.0.2.0/120\n10.0.0.1\n10.0.0.1\nfc00::/7"})
        assert sorted(cidrs(Network.objects.get())) == ["10.0.0.1/32", "192.0.2.0/24", "fc00::/7"]

    @pytest.mark.parametrize("query", ["address=nowhere", "account=nowhere", "colour=red"])
    def test_in_the_address_of_the_page(self, console: Client, query: str) -> None:
        assert console.get(f"{PAGE}add/?{query}").status_code == 400


class ChangeTests:
    def test_keeps_what_is_not_changed(self, console: Client, office: Network) -> None:
        page = console.get(f"{PAGE}{office.public_id}/")
        assert "203.0.113.0/24" in page.content.decode()
        console.post(f"{PAGE}{office.public_id}/", {"name": "HQ", "prefixes": "203.0.113.0/24", "country": "DE"})
        office.refresh_from_db()
        assert (office.name, office.country, cidrs(office)) == ("HQ", "DE", ["203.0.113.0/24"])
        assert NetworkChange.objects.first().in_words.startswith("changed “Office Berlin”")  # type: ignore[union-attr]

    def test_never_moves_it_to_another_account(self, hers: Network, ada: User, bolt: Account) -> None:
        Membership.objects.create(user=ada, account=bolt, role=Membership.Role.ADMIN)
        data = {"name": "HQ", "prefixes": "10.0.0.0/8", "account": "bolt"}
        signed_in(ada).post(f"{PAGE}{hers.public_id}/", data)
        hers.refresh_from_db()
        assert (hers.name, hers.account.slug) == ("HQ", "acme")  # type: ignore[union-attr]

    def test_removing_asks_first(self, console: Client, office: Network, anna: User) -> None:
        make_session(anna, ip="203.0.113.7", network="Office Berlin")
        make_session(anna, ip="203.0.113.8")
        asked = text_of(console.get(f"{PAGE}{office.public_id}/remove/"))
        assert "Live sessions 1 shows this name" in asked
        assert Network.objects.exists()
        console.post(f"{PAGE}{office.public_id}/remove/")
        assert not Network.objects.exists()
        assert NetworkChange.objects.first().in_words.startswith("removed “Office Berlin”")  # type: ignore[union-attr]


class ListTests:
    def test_shows_networks_and_who_changed_them(self, console: Client, office: Network, hers: Network) -> None:
        shown = text_of(console.get(PAGE))
        assert "Office Berlin 203.0.113.0/24 All accounts DE Germany" in shown
        assert "Ada Acker (ada) added “Workshop” = 198.51.100.0/24" in shown

    def test_of_an_accounts_administrator_shows_his_alone(self, office: Network, hers: Network, ada: User) -> None:
        shown = text_of(signed_in(ada).get(PAGE))
        assert "Workshop" in shown
        assert "Office Berlin" not in shown

    def test_when_there_is_none(self, console: Client, anna: User) -> None:
        assert "No network has a name yet" in text_of(console.get(PAGE))
        assert "You keep no networks" in text_of(signed_in(anna).get(PAGE))

    def test_leads_to_the_sessions_from_there(self, console: Client, office: Network, anna: User) -> None:
        make_session(anna, ip="203.0.113.7")
        (link,) = links(console.get(PAGE), "203.0.113.0/24")
        assert "Anna Brandt" in text_of(console.get(link))


class ShownTests:
    @pytest.fixture
    def session(self, anna: User, acme: Account) -> Session:
        named = {"ip": "203.0.113.7", "location": "Office Berlin", "network": "Office Berlin", "country": "DE"}
        return make_session(anna, acme, **named)

    def cell(self, page: Page) -> str:
        body = page.content.decode()
        return body[body.index('data-label="IP (Location)"') :].split("</td>")[0]

    def test_the_list_tells_a_named_network_from_a_guess(self, console: Client, session: Session) -> None:
        cell = self.cell(console.get(f"{LIST}?user=anna"))
        assert "#building" in cell
        assert 'title="203.0.113.7 is in Office Berlin, a named network"' in cell
        Session.objects.update(network="", location="Berlin")
        assert "#building" not in self.cell(console.get(f"{LIST}?user=anna"))

    def test_is_found_by_its_name(self, console: Client, session: Session) -> None:
        (link,) = [link for link in links(console.get(f"{LIST}?user=anna"), "Office Berlin") if "city=" in link]
        assert "city=Office%20Berlin" in link

    def test_a_sessions_page_leads_to_naming_its_network(self, console: Client, session: Session) -> None:
        Session.objects.filter(pk=session.pk).update(network="", location="Berlin")
        (link,) = links(console.get(f"{LIST}{session.public_id}/"), "Name the network of")
        form = console.get(link).content.decode()
        assert "203.0.113.0/24" in form
        assert 'value="acme"' in form

    def test_who_may_not_name_it_is_not_asked_to(self, session: Session, anna: User, ada: User) -> None:
        Session.objects.filter(pk=session.pk).update(network="")
        url = f"{LIST}{session.public_id}/"
        assert links(signed_in(ada).get(url), "Name the network of")
        assert not links(signed_in(anna).get(url), "Name the network of")
