"""When a sign-in is news: neither updates nor addresses cry wolf."""

from typing import Any

import pytest

from sessions_ui.models import SessionEvent
from sessions_ui.novelty import novelties

AT_HOME = {"country": "DE", "location": "Berlin", "ip": "203.0.113.7"}
DESKTOP = {"device": "Windows PC", "os": "Windows", "browser": "Firefox 143"}
USUAL = AT_HOME | DESKTOP


def new(earlier: list[dict[str, Any]], **now: Any) -> list[str]:
    return novelties(SessionEvent(**USUAL | now), [SessionEvent(**one) for one in earlier])


class NovelTests:
    @pytest.mark.parametrize(
        ("now", "news"),
        [
            ({"country": "BR", "location": "Recife", "ip": "192.0.2.9"}, ["the place"]),
            ({"device": "iPhone", "os": "iOS", "browser": "Safari 26"}, ["the device"]),
            ({"browser": "Chrome 141"}, ["the browser"]),
            ({"device": "", "os": "", "browser": ""}, ["the device"]),
            ({"country": "BR", "ip": "192.0.2.9", "device": "Linux PC"}, ["the place", "the device"]),
        ],
    )
    def test_is_what_no_earlier_one_had(self, now: dict[str, Any], news: list[str]) -> None:
        assert new([USUAL], **now) == news

    def test_is_what_came_together_never_before(self) -> None:
        """A browser is known on a device, not by itself."""
        phone = AT_HOME | {"device": "Pixel 9", "os": "Android", "browser": "Chrome 141"}
        assert new([USUAL, phone], browser="Chrome 141") == ["the browser"]

    def test_of_an_unknown_country_is_another_network(self) -> None:
        earlier = DESKTOP | {"country": "", "location": "", "ip": "203.0.113.7"}
        nowhere = {"country": "", "location": ""}
        assert new([earlier], **nowhere, ip="198.51.100.7") == ["the place"]
        assert new([earlier], **nowhere, ip="203.0.200.1") == []


class FamiliarTests:
    @pytest.mark.parametrize(
        "now",
        [
            {},
            {"browser": "Firefox 151"},
            {"ip": "192.0.2.200"},
            {"location": "Hamburg", "ip": "198.51.100.3"},
            {"location": "", "ip": "2001:db8::1"},
        ],
        ids=["the same", "an update", "another address", "another city", "no city"],
    )
    def test_is_what_an_earlier_one_was_like(self, now: dict[str, Any]) -> None:
        assert new([USUAL], **now) == []

    def test_may_be_of_different_earlier_ones(self) -> None:
        phone = {"country": "FR", "location": "Nice", "ip": "192.0.2.9"}
        assert new([USUAL, DESKTOP | phone], **phone) == []

    def test_is_the_private_network_in_all_its_addresses(self) -> None:
        private = {"country": "", "location": "Private network"}
        assert new([DESKTOP | private | {"ip": "10.20.0.7"}], **private, ip="192.168.1.4") == []

    def test_is_a_named_network(self) -> None:
        assert new([USUAL], country="BR", location="Office Recife", network="Office Recife", ip="192.0.2.9") == []

    def test_is_the_same_network_of_version_6(self) -> None:
        unknown = {"country": "", "location": ""}
        earlier = DESKTOP | unknown | {"ip": "2001:db8:4f:1::7"}
        assert new([earlier], **unknown, ip="2001:db8:4f:1:aaaa::9") == []
        assert new([earlier], **unknown, ip="2001:db8:4f:2::9") == ["the place"]
