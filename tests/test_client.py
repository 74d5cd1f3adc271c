import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from sessions_ui import client
from sessions_ui.client import client_address, parse_address

PROXY, CLIENT, FORGED = "10.0.0.1", "198.51.100.17", "203.0.113.66"
SPELLINGS = {
    "198.51.100.17": CLIENT,
    " 198.51.100.17\t": CLIENT,
    "198.51.100.17:5678": CLIENT,
    "::ffff:198.51.100.17": CLIENT,
    "::FFFF:C633:6411": CLIENT,
    "[::ffff:198.51.100.17]:443": CLIENT,
    "2001:DB8:0:0::1": "2001:db8::1",
    "[2001:db8::1]": "2001:db8::1",
    "[2001:db8::1]:443": "2001:db8::1",
    "[::1]:443": "::1",
    "fe80::1%eth0": "fe80::1",
    "[fe80::1%25eth0]:80": "fe80::1",
    "fe80::1%": "fe80::1",
}
NO_ADDRESSES = [
    *["", " ", "-", "unknown", "_hidden", "localhost", "example.com", "null", "0", "2130706433", "0x7f.0.0.1"],
    *["1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4/24", "1.2.3.4%eth0", "1.2.3.4:", "1.2.3.4:http"],
    *["1.2.3.4:123456", "[1.2.3.4", "1.2.3.4]", "[::1", "::1]", "[]", "[]:80", "[::1]443", "[[::1]]", "::1::", ":::"],
    *[
        "1.2.3.4\n",
        "1.2.3.4\x00",
        "1.2.3.4 5.6.7.8",
        "\uff11.2.3.4",
        "1\u066b2.3.4",
        '"1.2.3.4"',
        "for=1.2.3.4",
        "\ud800",
    ],
    *["<script>alert(1)</script>", "' OR 1=1 --", "%eth0", "${jndi:ldap://x}", "1" * 10_000, ":" * 10_000],
]
HEADERS = ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_CLIENT_IP", "HTTP_TRUE_CLIENT_IP"]


def request(peer: str | None = None, forwarded: str | None = None, **headers: str) -> HttpRequest:
    made = HttpRequest()
    made.META.update(headers)
    if peer is not None:
        made.META["REMOTE_ADDR"] = peer
    if forwarded is not None:
        made.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return made


@pytest.fixture(autouse=True)
def no_warning_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test see the one warning of a process."""
    monkeypatch.setattr(client, "warned", threading.Lock())


class ParseAddressTests:
    @pytest.mark.parametrize(("text", "address"), SPELLINGS.items())
    def test_each_spelling_gives_the_one_written_form(self, text: str, address: str) -> None:
        """R165"""
        assert parse_address(text) == address

    @pytest.mark.parametrize("text", NO_ADDRESSES)
    def test_what_is_no_address_gives_nothing(self, text: str) -> None:
        """R163, R165"""
        assert parse_address(text) == ""

    @given(st.text(st.characters(exclude_categories=())) | st.from_regex(r"[\[\]0-9a-f:.%]{1,40}"))
    def test_never_raises_and_repeats_itself(self, text: str) -> None:
        address = parse_address(text)
        assert parse_address(address) == address

    @given(st.ip_addresses(), st.sampled_from(["{}", "[{}]", "[{}]:8080", " {} "]))
    def test_every_address_is_read_in_every_dress(self, ip: object, dress: str) -> None:
        assert parse_address(dress.format(ip)) == parse_address(str(ip)) != ""


class TrustingNobodyTests:
    @pytest.mark.parametrize("header", HEADERS)
    @pytest.mark.parametrize("value", [FORGED, f"for={FORGED}", f"{FORGED}, {PROXY}", *SPELLINGS, *NO_ADDRESSES])
    def test_no_header_moves_the_address(self, header: str, value: str) -> None:
        """R163, T21"""
        assert client_address(request(CLIENT, **{header: value})) == CLIENT

    def test_settings_may_be_absent(self, settings: Settings) -> None:
        del settings.TRUSTED_PROXY_COUNT, settings.TRUSTED_PROXIES
        assert client_address(request(CLIENT, FORGED)) == CLIENT

    @pytest.mark.parametrize("peer", [None, "", "unix:", "/run/app.sock"])
    def test_without_a_peer_there_is_no_address(self, peer: str | None) -> None:
        assert client_address(request(peer, FORGED)) == ""

    def test_peer_is_normalised(self) -> None:
        """R165"""
        assert client_address(request("::ffff:198.51.100.17")) == CLIENT


class TrustingByCountTests:
    @pytest.fixture(autouse=True)
    def one_proxy(self, settings: Settings) -> None:
        settings.TRUSTED_PROXY_COUNT = 1

    @pytest.mark.parametrize("forged", ["", FORGED, f"{FORGED}, {PROXY}", "unknown", ",,,", "\x00", f"[{FORGED}]:1"])
    def test_only_the_hop_that_the_proxy_wrote_counts(self, forged: str) -> None:
        """R163, T21"""
        assert client_address(request(PROXY, f"{forged}, {CLIENT}")) == CLIENT

    @pytest.mark.parametrize(("text", "address"), SPELLINGS.items())
    def test_forwarded_spellings_are_read(self, text: str, address: str) -> None:
        """R165"""
        assert client_address(request(PROXY, text)) == address

    @pytest.mark.parametrize("text", NO_ADDRESSES)
    def test_unreadable_forwarding_gives_no_address(self, text: str) -> None:
        """R163"""
        assert client_address(request(PROXY, text)) == ""

    def test_works_behind_a_unix_socket(self) -> None:
        assert client_address(request("", CLIENT)) == CLIENT

    def test_a_request_that_came_round_the_proxy_has_no_address(self) -> None:
        assert client_address(request(PROXY)) == ""

    def test_two_proxies_are_counted_from_the_right(self, settings: Settings) -> None:
        settings.TRUSTED_PROXY_COUNT = 2
        assert client_address(request(PROXY, f"{FORGED}, {CLIENT}, 10.0.0.2")) == CLIENT

    def test_other_headers_are_never_read(self) -> None:
        """R163"""
        made = request(PROXY, CLIENT, HTTP_X_REAL_IP=FORGED, HTTP_FORWARDED=f"for={FORGED}")
        assert client_address(made) == CLIENT


class TrustingNetworksTests:
    @pytest.fixture(autouse=True)
    def our_networks(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = ["10.0.0.0/8", "fd00::5"]

    @pytest.mark.parametrize(
        ("peer", "forwarded", "address"),
        [
            (PROXY, CLIENT, CLIENT),
            (PROXY, f"{FORGED}, {CLIENT}", CLIENT),
            (PROXY, f"{FORGED}, {CLIENT}, 10.9.9.9", CLIENT),
            ("::ffff:10.0.0.1", f"{CLIENT}:999, [fd00::5]:80", CLIENT),
            (CLIENT, FORGED, CLIENT),
            (PROXY, f"{FORGED}, unknown", ""),
            (PROXY, "10.0.0.8, 10.0.0.9", "10.0.0.8"),
            (PROXY, None, PROXY),
            ("", CLIENT, ""),
        ],
    )
    def test_walks_from_the_right_while_trusted(self, peer: str, forwarded: str | None, address: str) -> None:
        """R163, T21"""
        assert client_address(request(peer, forwarded)) == address

    def test_networks_come_before_the_count(self, settings: Settings) -> None:
        settings.TRUSTED_PROXY_COUNT = 1
        assert client_address(request(CLIENT, FORGED)) == CLIENT

    def test_an_unreadable_network_is_refused_by_name(self, settings: Settings) -> None:
        settings.TRUSTED_PROXIES = ["10.0.0.0/8", "proxy.example"]
        with pytest.raises(ImproperlyConfigured, match=r"TRUSTED_PROXIES must list .* 'proxy\.example'"):
            client_address(request(PROXY))


class WarningTests:
    @pytest.mark.parametrize("header", HEADERS[:3])
    def test_warns_once_in_a_process(self, header: str, caplog: pytest.LogCaptureFixture) -> None:
        """R163"""
        for _ in range(3):
            client_address(request(CLIENT, **{header: FORGED}))
        assert [record.name for record in caplog.records] == ["sessions_ui.client"]
        assert "TRUSTED_PROXY_COUNT" in caplog.text
        assert FORGED not in caplog.text

    def test_warns_when_the_peer_is_outside_the_networks(
        self, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
        client_address(request(CLIENT, FORGED))
        assert "TRUSTED_PROXIES" in caplog.text

    @pytest.mark.parametrize("peer", [PROXY, CLIENT])
    def test_is_silent_without_a_header_or_with_trust(
        self, peer: str, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        client_address(request(peer))
        settings.TRUSTED_PROXY_COUNT = 1
        client_address(request(peer, CLIENT))
        assert caplog.text == ""
