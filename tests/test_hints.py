"""Each rule of hints: what it compares, what it says, and when it is silent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions_ui.geoip import Point
from sessions_ui.hints import MANY, MOST, Seen, family, network_of, of_sign_in, of_touch

NOW = datetime(2026, 3, 12, 10, 1, tzinfo=UTC)
# Of the demo places.
LISBON, SAO_PAULO, GDANSK, BERLIN, SINGAPORE = (
    "198.51.100.17",
    "192.0.2.20",
    "192.0.2.50",
    "203.0.113.24",
    "192.0.2.180",
)
PC = {"device": "Windows PC", "browser": "Chrome 141", "os": "Windows"}
HOME: dict[str, Any] = {"ip": LISBON, "country": "PT", "location": "Lisbon", **PC}
AWAY: dict[str, Any] = {"ip": SAO_PAULO, "country": "BR", "location": "São Paulo", **PC}


def seen(ago: timedelta = timedelta(), **what: Any) -> Seen:
    return Seen(NOW - ago, **(HOME | what))


def habit(number: int = 30, **what: Any) -> list[Seen]:
    """Return so many sign-ins, one a day, newest first."""
    return [seen(timedelta(days=day), **what) for day in range(1, number + 1)]


def kinds(new: Seen, earlier: list[Seen], live: int = 0) -> list[str]:
    return [hint.kind for hint in of_sign_in(new, earlier, live)]


def said(new: Seen, earlier: list[Seen], live: int = 0) -> str:
    (hint,) = of_sign_in(new, earlier, live)
    return hint.said


class QuietTests:
    def test_a_first_sign_in_is_no_hint(self) -> None:
        assert of_sign_in(seen(**AWAY), []) == []

    def test_what_people_do_every_day_is_none(self) -> None:
        assert kinds(seen(), habit()) == []

    @pytest.mark.parametrize("browser", ["Chrome 142", "Chrome 150"])
    def test_a_new_version_is_no_new_browser(self, browser: str) -> None:
        assert kinds(seen(browser=browser, ip="10.9.9.9"), habit(5)) == []

    def test_a_new_phone_at_home_is_none(self) -> None:
        assert kinds(seen(device="iPhone", browser="Safari 26", os="iOS"), habit()) == []

    def test_a_known_network_is_known_in_another_country(self) -> None:
        """A location file that was replaced moves addresses."""
        assert kinds(seen(country="ES", location="Vigo"), habit()) == []

    def test_a_named_network_surprises_nobody(self) -> None:
        new = seen(**AWAY | {"named": "Office São Paulo", "device": "Mac", "browser": "Safari 26"})
        assert kinds(new, habit()) == []

    def test_without_an_address_there_is_nothing_to_say(self) -> None:
        assert kinds(Seen(NOW), habit()) == []


class CountryTests:
    def test_compares_with_the_countries_before(self) -> None:
        earlier = [*habit(3, ip=BERLIN, country="DE"), *habit(20)]
        sentence = "First sign-in from Singapore in 90 days; before: Portugal (20 times), Germany (3 times)."
        assert said(seen(ip=SINGAPORE, country="SG"), earlier[1:] + earlier[:1]) == sentence

    def test_what_lies_more_than_90_days_back_does_not_count(self) -> None:
        long_ago = [seen(timedelta(days=91), ip=SINGAPORE, country="SG")]
        assert kinds(seen(ip="198.18.0.1", country="SG"), [*habit(3), *long_ago]) == ["new_country"]

    def test_an_unknown_country_is_not_a_new_one(self) -> None:
        assert kinds(seen(ip="10.20.0.7", country=""), habit(5)) == []

    def test_who_signs_in_very_often_is_compared_with_his_last_hundred(self) -> None:
        often = [seen(timedelta(hours=hour)) for hour in range(30, 30 + MOST)]
        assert "in the last 100 sign-ins" in said(seen(ip="198.18.0.1", country="SG"), often)


class BrowserTests:
    def test_a_new_browser_in_new_surroundings(self) -> None:
        new = seen(device="Linux PC", browser="Firefox 143", os="Linux", ip="198.51.7.1")
        assert said(new, habit()) == (
            "First sign-in with Firefox on Linux PC in 90 days, and from 198.51.7.0/24, also new; "
            "before: Chrome on Windows PC (30 times)."
        )

    def test_a_script_is_one_too(self) -> None:
        assert kinds(seen(device="Script", browser="curl 8", os="", ip="198.51.7.1"), habit()) == ["new_browser"]


class NetworkTests:
    def test_a_person_of_few_networks_in_another_one(self) -> None:
        assert said(seen(ip="198.18.0.1"), habit()) == (
            "First sign-in from the network 198.18.0.0/16 in 90 days; before: 198.51.0.0/16 (30 times)."
        )

    def test_who_gets_about_may_be_in_another_one(self) -> None:
        assert kinds(seen(ip="198.18.0.1"), [*habit(), seen(timedelta(days=2), ip="198.19.0.1")]) == []

    def test_a_few_sign_ins_are_no_habit(self) -> None:
        assert kinds(seen(ip="198.18.0.1"), habit(10)) == []

    def test_are_a_16_and_of_ipv6_a_64(self) -> None:
        assert network_of("192.0.2.7") == "192.0.0.0/16"
        assert network_of("2001:db8:4f:12::1c") == "2001:db8:4f:12::/64"


class JourneyTests:
    def test_nobody_travels_so_fast(self) -> None:
        last = seen(timedelta(minutes=14))
        hints = of_sign_in(seen(**AWAY), [last, *habit()])
        assert [hint.kind for hint in hints] == ["too_fast", "new_country"]
        assert hints[0].said == "Used from Lisbon at 09:47 and from São Paulo at 10:01 UTC: 7,902 km in 14 minutes."

    def test_a_flight_takes_its_time(self) -> None:
        assert kinds(seen(**AWAY), [seen(timedelta(hours=12)), *habit()]) == ["new_country"]

    def test_near_places_are_no_measure(self) -> None:
        last = seen(timedelta(minutes=5), ip="203.0.113.58", location="Porto")
        assert kinds(seen(ip="198.51.100.24"), [last, *habit(3, ip="10.1.1.1")]) == []

    def test_a_place_that_is_only_a_country_is_none(self) -> None:
        last = seen(timedelta(minutes=5), ip="8.8.8.8", country="US", location="")
        assert "too_fast" not in kinds(seen(**AWAY), [last, *habit()])

    def test_a_wide_radius_is_none(self) -> None:
        def roughly(ip: str) -> Point:
            return Point(0, 0 if ip == LISBON else 90, 500)

        assert [hint.kind for hint in of_sign_in(seen(**AWAY), [seen(timedelta(minutes=1))], locate=roughly)] == [
            "new_country"
        ]


class ManyTests:
    def test_more_sessions_than_on_any_day(self) -> None:
        assert said(seen(), habit(), MANY) == "10 sessions at once; before: at most 1 sign-in on one day in 90 days."

    def test_who_signs_in_all_day_long_may_have_many(self) -> None:
        assert kinds(seen(), [seen(timedelta(days=2, minutes=minute)) for minute in range(9)], MANY) == []

    def test_a_first_day_is_no_measure(self) -> None:
        assert kinds(seen(), [seen(timedelta(hours=1)) for _ in range(9)], MANY) == []


class DormantTests:
    def test_a_sign_in_after_a_long_time(self) -> None:
        assert said(seen(**AWAY), [seen(timedelta(days=120))]) == (
            "First sign-in in 120 days; before: on 12 November 2025 from Lisbon."
        )


class TouchTests:
    def test_one_key_in_two_far_places(self) -> None:
        begun = seen(timedelta(hours=1))
        hints = of_touch(seen(**AWAY), seen(timedelta(minutes=14)), begun, [begun, *habit()])
        assert [hint.kind for hint in hints] == ["two_places", "new_country"]
        assert hints[1].said.startswith("First use from Brazil in 90 days; before: Portugal")

    def test_a_place_where_he_signs_in_is_his(self) -> None:
        begun = seen(timedelta(hours=1))
        assert of_touch(seen(**AWAY), seen(timedelta(minutes=14)), begun, [*habit(), *habit(3, **AWAY)]) == []

    def test_one_key_in_two_browsers(self) -> None:
        begun = seen(timedelta(hours=1))
        (hint,) = of_touch(seen(browser="Firefox 143", device="Linux PC"), begun, begun, habit())
        assert hint.kind == "two_browsers"
        assert "signed in with Chrome 141 on Windows PC from Lisbon, used with Firefox 143 on Linux PC" in hint.said

    def test_an_updated_browser_is_the_same(self) -> None:
        begun = seen(timedelta(hours=1))
        assert of_touch(seen(browser="Chrome 142"), begun, begun, habit()) == []

    def test_used_again_after_a_month(self) -> None:
        begun = seen(timedelta(days=40))
        (hint,) = of_touch(seen(ip="198.51.100.30"), begun, begun, [])
        assert hint.said == "Used again after 40 days, from Lisbon; before: on 31 January 2026 from Lisbon."


class WordsTests:
    @pytest.mark.parametrize(
        ("browser", "name"),
        [("Chrome 141", "Chrome"), ("Samsung Internet 28", "Samsung Internet"), ("aiohttp 3.9", "aiohttp"), ("", "")],
    )
    def test_a_browser_without_its_version(self, browser: str, name: str) -> None:
        assert family(browser) == name
