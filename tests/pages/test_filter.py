"""SessionFilter on the page: what each parameter keeps, how it is said, and what is refused."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from sessions_ui.models import Account, Session

from .cast import (
    LIST,
    TERMINATE,
    application,
    current,
    ids_of,
    links,
    live,
    make_account,
    make_person,
    make_session,
    session_of,
    signed_in,
    text_of,
)

TODAY = timezone.now().date()
LONG_AGO = datetime(2026, 1, 31, 14, 0, tzinfo=UTC)
ADDRESSES = ["203.0.113.7", "203.0.113.77", "203.0.114.7", "198.51.100.4", "2001:db8::1", "2001:db8:1::1", None]


def in_network(session: Session, network: str) -> bool:
    return session.ip is not None and ip_address(session.ip) in ip_network(network)


# A query, and which sessions it keeps, worked out without the database.
KEPT: dict[str, Callable[[Session], bool]] = {
    "account=acme": lambda one: one.account is not None and one.account.slug == "acme",
    "account=bolt": lambda one: one.account is not None and one.account.slug == "bolt",
    "account=Acme": lambda one: one.account is not None and one.account.slug == "acme",
    "account=-": lambda one: one.account is None,
    "user=anna": lambda one: str(one.user) == "anna",
    "user=BEN@example.com": lambda one: str(one.user) == "ben",
    "application=wiki": lambda one: one.application.slug == "wiki",
    "country=DE": lambda one: one.country == "DE",
    "country=fr": lambda one: one.country == "FR",
    "device=phone": lambda one: one.device_kind == "phone",
    "device=script": lambda one: one.device_kind == "script",
    "device=iph": lambda one: one.device.startswith("iPh"),
    "city=mun": lambda one: one.location.startswith("Mün"),
    "city=MÜNCHEN": lambda one: one.location.startswith("Mün"),
    "browser=Safari+26": lambda one: one.browser == "Safari 26",
    "os=ios": lambda one: one.os == "iOS",
    "country=Germany": lambda one: one.country == "DE",
    "application=Wiki": lambda one: one.application.slug == "wiki",
    "after=2026-01-31T14:00": lambda one: one.created_on >= LONG_AGO,
    "address=203.0.113.7": lambda one: in_network(one, "203.0.113.7"),
    "address=::ffff:203.0.113.7": lambda one: in_network(one, "203.0.113.7"),
    "address=203.0.113.": lambda one: in_network(one, "203.0.113.0/24"),
    "address=203.0": lambda one: in_network(one, "203.0.0.0/16"),
    "address=2001:db8:1:": lambda one: in_network(one, "2001:db8:1::/48"),
    "address=203.0.113.0/24": lambda one: in_network(one, "203.0.113.0/24"),
    "address=203.0.113.9/23": lambda one: in_network(one, "203.0.112.0/23"),
    "address=0.0.0.0/0": lambda one: in_network(one, "0.0.0.0/0"),
    "address=2001:db8::/48": lambda one: in_network(one, "2001:db8::/48"),
    "address=2001:DB8:0:0::1": lambda one: in_network(one, "2001:db8::1"),
    "address=::/0": lambda one: in_network(one, "::/0"),
    "before=2026-01-31": lambda one: one.created_on < datetime(2026, 1, 31, tzinfo=UTC),
    "before=2026-01-31T14:00": lambda one: one.created_on < LONG_AGO,
    "before=2026-01-31T14:01": lambda one: one.created_on < LONG_AGO + timedelta(minutes=1),
    "before=2026-01-31T15:01%2B01:00": lambda one: one.created_on < LONG_AGO + timedelta(minutes=1),
    "dormant=7d": lambda one: one.last_active_day < TODAY - timedelta(days=7),
    "dormant=30d": lambda one: one.last_active_day < TODAY - timedelta(days=30),
    "dormant=2026-02-01": lambda one: one.last_active_day <= LONG_AGO.date(),
    "account=acme&user=anna&device=phone": lambda one: (
        one.account is not None and (one.account.slug, str(one.user), one.device_kind) == ("acme", "anna", "phone")
    ),
}


@pytest.fixture
def sessions(anna: User, ben: User, acme: Account, bolt: Account) -> list[Session]:
    """Forty sessions in which everything that can be filtered by varies."""
    chance = random.Random(7)  # noqa: S311 (the same forty each time, and nothing to guess)
    made = [
        session_of(
            chance.choice([anna, ben]),
            chance.choice([acme, bolt, None]),
            application=application(chance.choice(["reports", "wiki"])),
            country=chance.choice(["DE", "FR", ""]),
            location=chance.choice(["München, Germany", "Berlin, Germany", ""]),
            device=chance.choice(["iPhone", "iPad", ""]),
            browser=chance.choice(["Safari 26", "Safari 25", ""]),
            os=chance.choice(["iOS", "Windows", ""]),
            device_kind=chance.choice(["phone", "computer", "script"]),
            ip=chance.choice(ADDRESSES),
            created_on=LONG_AGO + timedelta(hours=chance.choice([-24, -2, 0, 48])),
            last_active_day=chance.choice(
                [LONG_AGO.date(), *(TODAY - timedelta(days=days) for days in (0, 7, 8, 31))]
            ),
        )
        for _ in range(40)
    ]
    Session.objects.bulk_create(made)
    return list(Session.objects.filter(user__in=[anna, ben]).select_related("user", "account", "application"))


class FilterTests:
    def test_keeps_exactly_what_it_says(self, console: Client, sessions: list[Session]) -> None:
        kept = {query: {one.pk for one in sessions if keeps(one)} for query, keeps in KEPT.items()}
        own = {current(console).pk}
        assert {query: set(ids_of(console.get(f"{LIST}?{query}"))) - own for query in KEPT} == kept
        assert [query for query, ids in kept.items() if not 0 < len(ids) < len(sessions)] == []

    def test_keeps_the_same_for_a_termination(self, console: Client, sessions: list[Session]) -> None:
        """R043: the ended set is the set of the filter."""
        kept = {query: sum(map(keeps, sessions)) for query, keeps in KEPT.items()}
        figures = {query: console.get(f"{TERMINATE}?{query}").context["figures"] for query in KEPT}
        assert {query: found.sessions for query, found in figures.items()} == kept

    @pytest.mark.parametrize("query", ["user=ANNA", "user=Anna@Example.com", "account=ACME", "q=user:Anna"])
    def test_reads_names_in_any_case(self, console: Client, anna: User, acme: Account, query: str) -> None:
        session = make_session(anna, acme)
        assert ids_of(console.get(f"{LIST}?{query}")) == [session.pk]

    def test_says_in_words_what_is_too_long_or_no_text(self, console: Client) -> None:
        assert "Write 200 characters at most, not 201." in text_of(console.get(f"{LIST}?q={201 * 'a'}"))
        assert "This holds a character that is no text; leave it out." in text_of(console.get(f"{LIST}?q=%00"))

    def test_counts_the_empty_fields_of_its_form_as_not_set(self, console: Client, anna: User) -> None:
        session = make_session(anna)
        everything = console.get(f"{LIST}?q=&account=&user=&application=&country=&device=&address=&before=&dormant=")
        assert session.pk in ids_of(everything)
        assert links(everything, "Remove filter") == []

    def test_reads_a_time_in_the_zone_of_the_reader(self, console: Client, anna: User) -> None:
        make_session(anna, created_on=LONG_AGO)
        console.cookies["tz"] = "Europe/Berlin"
        assert "No session matches" in text_of(console.get(f"{LIST}?before=2026-01-31T15:00"))
        assert "1 session " in text_of(console.get(f"{LIST}?before=2026-01-31T15:01"))


class ChipsTests:
    QUERY = "q=phone&account=acme&dormant=7d"

    def test_say_what_is_set(self, console: Client, acme: Account) -> None:
        page = text_of(console.get(f"{LIST}?{self.QUERY}&application="))
        assert "Search: phone" in page
        assert "Account: Acme" in page
        assert f"Not active since: {TODAY - timedelta(days=7):%-d %B %Y}" in page
        assert "Application:" not in page

    @pytest.mark.parametrize("name", ["q", "account", "dormant"])
    def test_are_each_removable_and_keep_the_rest(self, console: Client, acme: Account, name: str) -> None:
        page = console.get(f"{LIST}?{self.QUERY}&sort=oldest&above=3")
        removed = [parse_qs(urlsplit(url).query) for url in links(page, "Remove filter")]
        left = {"q": ["phone"], "account": ["acme"], "dormant": ["7d"], "sort": ["oldest"]}
        del left[name]
        assert left in removed
        assert len(removed) == 3

    def test_are_cleared_together(self, console: Client, acme: Account) -> None:
        assert links(console.get(f"{LIST}?{self.QUERY}"), "Clear all")[0] == LIST


class AddressOfTheListTests:
    def test_carries_everything_from_link_to_link(self, console: Client, anna: User, acme: Account) -> None:
        make_session(anna, acme, ip="203.0.113.7", country="DE")
        page = console.get(f"{LIST}?account=acme&country=DE&sort=oldest")
        (by_application,) = links(page, "Reports")[:1]
        assert parse_qs(urlsplit(by_application).query) == {
            "account": ["acme"],
            "country": ["DE"],
            "sort": ["oldest"],
            "application": ["reports"],
        }

    def test_is_the_same_page_for_another_reader(self, console: Client, anna: User, acme: Account, vera: User) -> None:
        made = make_session(anna, acme)
        query = f"{LIST}?account=acme&sort=oldest&q="
        assert ids_of(console.get(query)) == ids_of(signed_in(vera).get(query)) == [made.pk]

    def test_shows_in_the_form_what_is_set(self, console: Client, acme: Account) -> None:
        form = console.get(f"{LIST}?account=acme&country=DE&device=phone&dormant=30d&q=a%22b").content.decode()
        for shown in ('value="acme"', '"DE" selected', '"phone" selected', '"30d" selected', 'value="a&quot;b"'):
            assert shown in form

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("country=de", '"DE" selected'),
            ("dormant=45d", '"45d" selected'),
            ("dormant=2026-01-31", '"2026-01-31" selected'),
            ("before=2026-01-31", 'value="2026-01-31T00:00"'),
        ],
    )
    def test_loses_nothing_at_the_next_apply(self, console: Client, query: str, shown: str) -> None:
        """A control that cannot show its value hands in nothing, and the list is wider than before."""
        assert shown in console.get(f"{LIST}?{query}").content.decode()


REFUSED = {
    "unknown parameter": ("color=red", "color"),
    "a lookup of the database": ("user__is_superuser=True", "user__is_superuser"),
    "a connector of the database": ("_connector=OR", "_connector"),
    "an array": ("account[]=acme", "account[]"),
    "an id of a session": ("id=1", "id"),
    "a key": ("key_digest=00", "key_digest"),
    "repeated": ("account=acme&account=bolt", "account"),
    "repeated, one empty": ("account=acme&account=", "account"),
    "repeated search": ("q=a&q=b", "q"),
    "no such account": ("account=nowhere", "account"),
    "foreign account": ("account=bolt", "account"),
    "foreign account by name": ("account=Bolt", "account"),
    "no such user": ("user=nobody", "user"),
    "foreign user": ("user=ben", "user"),
    "foreign user by e-mail": ("user=ben@example.com", "user"),
    "no such application": ("application=nothing", "application"),
    "no such country": ("country=XX", "country"),
    "a country too long": ("country=DEU", "country"),
    "a device too short": ("device=f", "device"),
    "a filter of the box that there is not": ("q=usr:anna", "q"),
    "a filter of the box without a value": ("q=user:+anna", "q"),
    "a foreign account in the box": ("q=account:bolt", "q"),
    "a foreign account left out in the box": ("q=-account:bolt", "q"),
    "no such day in the box": ("q=before:2026-02-30", "q"),
    "not an address": ("address=here", "address"),
    "not a network": ("address=203.0.113.7/33", "address"),
    "an address with a zone of some machine": ("address=fe80::1%25eth0", "address"),
    "a network with a zone of some machine": ("address=fe80::1%25eth0/64", "address"),
    "not a time": ("before=yesterday", "before"),
    "no such day": ("before=2026-02-30", "before"),
    "no such year": ("before=0001-01-01", "before"),
    "a time beyond all": ("before=9999-12-31T23:59-23:59", "before"),
    "not a number of days": ("dormant=d", "dormant"),
    "dormant for no time": ("dormant=0d", "dormant"),
    "dormant since tomorrow": ("dormant=2099-01-01", "dormant"),
    "too many days": ("dormant=99999d", "dormant"),
    "a search that says nothing": ("q=%CC%81", "q"),
    "a search with NUL": ("q=a%00b", "q"),
    "an account with NUL": ("account=a%00", "account"),
    "a user with NUL": ("user=%00", "user"),
    "a search too long": (f"q={'a' * 201}", "q"),
    "a search of too many words": ("q=a+b+c+d+e+f+g+h+i", "q"),
    "no such order": ("sort=user", "sort"),
    "repeated order": ("sort=oldest&sort=newest", "sort"),
    "no place in the list": ("below=x", "below"),
    "a place of words": ("above=1+or+1", "above"),
    "a place beyond all": ("below=9999999999999999999", "below"),
    "two places": ("below=5&above=1", "above"),
}
OF_THE_LIST_ONLY = {"sort", "below", "above"}


refused = pytest.mark.parametrize(("query", "parameter"), REFUSED.values(), ids=REFUSED)


class RefusalTests:
    """R067, R068: never ignored, because the next click may terminate."""

    @pytest.fixture
    def his_console(self, ada: User, acme: Account, bolt: Account) -> Client:
        return signed_in(ada)

    @refused
    def test_of_the_list_names_the_parameter(self, his_console: Client, query: str, parameter: str) -> None:
        answer = his_console.get(f"{LIST}?{query}")
        assert answer.status_code == 400
        assert f"<code>{parameter}</code>" in answer.content.decode()

    @refused
    def test_of_a_termination_names_the_parameter(self, his_console: Client, query: str, parameter: str) -> None:
        before = live()
        answer = his_console.get(f"{TERMINATE}?{query}")
        assert answer.status_code == 400
        assert f"<code>{parameter if parameter not in OF_THE_LIST_ONLY else query.partition('=')[0]}</code>" in (
            answer.content.decode()
        )
        assert live() == before

    def test_says_all_that_is_wrong(self, console: Client) -> None:
        page = text_of(console.get(f"{LIST}?country=XX&device=f&color=red&shade=dark"))
        for parameter in ("country :", "device :", "color :", "shade :"):
            assert parameter in page

    def test_shows_markup_as_text(self, console: Client) -> None:
        markup = urlencode({"<b>x</b>": "1", "account": "<i>y</i>"})
        page = console.get(f"{LIST}?{markup}").content.decode()
        assert "<b>x" not in page
        assert "<i>y" not in page

    def test_offers_what_may_have_been_meant(self, console: Client) -> None:
        make_account("acme-north")
        make_account("acme-south")
        page = console.get(f"{LIST}?account=acme")
        assert links(page, "Acme North") == [f"{LIST}?account=acme-north"]

    def test_offers_nothing_foreign(self, his_console: Client) -> None:
        make_account("bolt-north")
        assert links(his_console.get(f"{LIST}?account=bolt"), "Bolt North") == []

    def test_leads_on_to_all_sessions(self, console: Client) -> None:
        assert links(console.get(f"{LIST}?color=red"), "Show all sessions") == [LIST]


class AmbiguityTests:
    def test_of_a_name_is_refused(self, console: Client) -> None:
        Account.objects.create(slug="one", name="Twin")
        Account.objects.create(slug="two", name="Twin")
        assert console.get(f"{LIST}?account=Twin").status_code == 400

    def test_of_an_e_mail_is_refused(self, console: Client) -> None:
        make_person("first", email="shared@example.com")
        make_person("second", email="shared@example.com")
        assert console.get(f"{LIST}?user=shared@example.com").status_code == 400

    def test_is_settled_by_the_user_name(self, console: Client) -> None:
        named = make_person("shared@example.com")
        make_person("other", email="shared@example.com")
        session = make_session(named)
        assert ids_of(console.get(f"{LIST}?user=shared@example.com")) == [session.pk]
