"""What is different since the sign-in, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_ui.origin_changes import Seen, lines, sentence

BERLIN = Seen("203.0.113.7", "Berlin", "", "Firefox 143")
SEEN = st.builds(
    Seen,
    ip=st.one_of(st.just(""), st.ip_addresses().map(str)),
    place=st.text(max_size=5),
    network=st.sampled_from(["", "Office"]),
    browser=st.one_of(st.text(max_size=20), st.from_regex(r"\A\w{1,5} \d{1,3}(\.\d{1,3})?\Z")),
)


def said(then: Seen, now: Seen) -> dict[str, str]:
    return {line.name: line.difference.said for line in lines(then, now)}


def looks(then: Seen, now: Seen) -> set[str]:
    return {line.name for line in lines(then, now) if line.difference.look}


def changed(**columns: str) -> Seen:
    known = {"ip": BERLIN.ip, "place": BERLIN.place, "network": BERLIN.network, "browser": BERLIN.browser}
    return Seen(**known | columns)


class SentenceTests:
    @pytest.mark.parametrize(
        ("now", "words"),
        [
            (BERLIN, "Same browser, same address."),
            (changed(ip="203.0.200.9"), "Same browser, same network."),
            (changed(ip="198.51.100.9"), "Same browser, new network, same place."),
            (changed(ip="198.51.100.9", place="Lyon"), "Same browser, new network, other place."),
            (changed(ip="203.0.200.9", place="Lyon"), "Same browser, same network, other place."),
            (changed(browser="Firefox 144"), "Newer version of the same browser, same address."),
            (changed(browser="Firefox 142"), "Older version of the same browser, same address."),
            (changed(browser="curl 8.5", ip="198.51.100.9", place=""), "Other browser, new network."),
            (changed(ip="2001:db8::1"), "Same browser."),
            (changed(ip=""), "Same browser."),
            (Seen(), ""),
        ],
    )
    def test_says_browser_network_and_place(self, now: Seen, words: str) -> None:
        assert sentence(BERLIN, now) == words

    def test_of_two_unknown_origins_says_nothing(self) -> None:
        assert sentence(Seen(), Seen()) == ""

    @given(SEEN, SEEN)
    def test_holds_for_whatever_was_seen(self, then: Seen, now: Seen) -> None:
        words = sentence(then, now)
        assert words == "" or (words[0].isupper() and words.endswith("."))

    @given(SEEN)
    def test_of_the_same_twice_nothing_deserves_a_look(self, seen: Seen) -> None:
        assert looks(seen, seen) == set()


class NetworkTests:
    @pytest.mark.parametrize(
        ("then", "now", "words"),
        [
            ("10.1.0.1", "10.1.255.255", "Same"),
            ("10.1.255.255", "10.2.0.0", "New network"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "Same"),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", "New network"),
            ("10.1.0.1", "2001:db8::1", "IPv4 and IPv6 do not compare"),
        ],
    )
    def test_is_the_16_or_the_64_of_the_address(self, then: str, now: str, words: str) -> None:
        assert said(Seen(then), Seen(now))["Network"] == words

    def test_is_named_so_where_nobody_has_named_it(self) -> None:
        shown = {line.name: (line.then, line.now) for line in lines(Seen("10.1.2.3"), Seen("2001:db8::1"))}
        assert shown["Network"] == ("10.1.0.0/16", "2001:db8::/64")

    def test_that_has_a_name_is_compared_by_it(self) -> None:
        office = Seen("10.1.2.3", network="Office")
        assert said(office, Seen("192.168.0.1", network="Office"))["Network"] == "Same"
        assert said(office, Seen("10.1.2.4"))["Network"] == "New network"
        assert said(Seen("10.1.2.4"), office)["Network"] == "New network"


class LookTests:
    def test_another_address_of_the_same_network_deserves_none(self) -> None:
        assert looks(BERLIN, changed(ip="203.0.200.9")) == set()

    def test_the_other_kind_of_address_deserves_none(self) -> None:
        assert looks(BERLIN, changed(ip="2001:db8::1")) == set()

    def test_a_new_network_deserves_one(self) -> None:
        assert looks(BERLIN, changed(ip="198.51.100.9")) == {"Address", "Network"}

    @pytest.mark.parametrize(("browser", "names"), [("Firefox 144", set()), ("Firefox 99", {"Browser"})])
    def test_a_browser_that_goes_back_deserves_one(self, browser: str, names: set[str]) -> None:
        assert looks(BERLIN, changed(browser=browser)) == names

    def test_versions_are_compared_as_numbers(self) -> None:
        assert said(Seen(browser="curl 8.9"), Seen(browser="curl 8.10"))["Browser"] == "Newer version"

    def test_a_browser_without_a_version_is_the_same(self) -> None:
        assert said(Seen(browser="Android app"), Seen(browser="Android app"))["Browser"] == "Same"
