import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from geoip2.database import Reader
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]
from pytest_django.fixtures import Settings

from sessions_ui import geoip
from sessions_ui.geoip import Place, country_name, credit, locate, problem
from tests.make_demo_places import FILE, places

GOOGLE = "8.8.8.8"
LINKOEPING = {"country": {"iso_code": "SE"}, "city": {"names": {"en": "Linköping"}}}
ZURICH = {"country": {"iso_code": "CH"}, "city": {"names": {"en": "Zurich (Zürich (Kreis 1) / Hochschulen)"}}}


def write(path: Path, record: Any, kind: str = "GeoLite2-City", **options: Any) -> None:
    """Put a file in place the safe way, as an operator would."""
    ip_version = options.get("ip_version", 6)
    writer = MMDBWriter(ip_version, kind, ["en"], ipv4_compatible=ip_version == 6)
    writer.insert_network(IPSet(options.get("networks", ["0.0.0.0/1"])), record)
    new = path.with_suffix(".new")
    writer.to_db_file(str(new))
    new.replace(path)


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(geoip, "CHECK_SECONDS", 0.0)
    geoip._file.cache_clear()
    yield
    geoip._file.cache_clear()


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Path:
    path = tmp_path / "places.mmdb"
    settings.GEOIP_PATH = path
    return path


class NearAddressTests:
    @pytest.mark.parametrize("address", ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"])
    def test_loopback_is_this_machine(self, address: str) -> None:
        assert locate(address) == Place("", "This machine")

    @pytest.mark.parametrize(
        "address",
        [
            *["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "100.64.0.1", "100.127.9.9"],
            *["fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "::ffff:10.0.0.1"],
        ],
    )
    def test_private_ranges_are_a_private_network(self, address: str) -> None:
        assert locate(address) == Place("", "Private network")

    @pytest.mark.parametrize(
        "address",
        ["", "nonsense", "0.0.0.1", "::", "240.0.0.1", "255.255.255.255", "198.18.0.1", "172.32.0", "\ud800"],
    )
    def test_what_is_nowhere_has_no_place(self, address: str) -> None:
        assert locate(address) == Place()

    @given(st.ip_addresses().map(str) | st.text(st.characters(exclude_categories=())))
    def test_never_raises(self, address: str) -> None:
        assert len(locate(address).country) in {0, 2}


class DemoFileTests:
    @pytest.mark.parametrize(
        ("address", "place"),
        [
            ("203.0.113.24", Place("DE", "Berlin")),
            ("198.51.100.17", Place("PT", "Lisbon")),
            ("192.0.2.15", Place("GB", "London")),
            ("2001:db8:4f:12::1c", Place("JP", "Osaka")),
            ("2001:db8:ffff::1", Place()),
        ],
    )
    def test_documentation_ranges_have_invented_places(self, address: str, place: Place) -> None:
        assert locate(address) == place

    def test_committed_file_is_the_one_its_script_makes(self) -> None:
        with Reader(FILE) as reader:
            for network, place in places().items():
                found = reader.city(network.partition("/")[0])
                assert f"{found.country.iso_code} {found.city.name}" == place


class CountryTests:
    def test_global_addresses_have_a_country_out_of_the_box(self) -> None:
        """R162"""
        assert locate(GOOGLE) == locate(f"::ffff:{GOOGLE}") == Place("US", "")
        assert locate("2001:4860:4860::8888") == Place("US", "")

    def test_names_are_english(self) -> None:
        assert [country_name(code) for code in ("DE", "GB", "CZ", "XK")] == [
            *("Germany", "United Kingdom", "Czechia", "Kosovo"),
        ]

    @pytest.mark.parametrize("code", ["", "ZZ", "#"])
    def test_unknown_code_stands_for_itself(self, code: str) -> None:
        assert country_name(code) == code

    def test_every_demo_country_has_a_name(self) -> None:
        assert all(len(country_name(place[:2])) > 2 for place in places().values())


class OperatorsFileTests:
    def test_city_file(self, file: Path) -> None:
        write(file, LINKOEPING)
        assert (locate(GOOGLE), problem(), credit()) == (Place("SE", "Linköping"), "", "")

    def test_is_asked_for_global_addresses_only(self, file: Path) -> None:
        write(file, LINKOEPING, networks=["0.0.0.0/0"])
        assert locate("193.0.0.1") == Place("SE", "Linköping")
        assert locate("192.0.2.15") == Place("GB", "London")
        assert locate("10.0.0.1") == Place("", "Private network")
        assert locate("0.0.0.1") == locate("240.0.0.1") == Place()

    def test_country_file(self, file: Path) -> None:
        write(file, {"country": {"iso_code": "SE"}}, "GeoLite2-Country")
        assert locate(GOOGLE) == Place("SE", "")

    @pytest.mark.parametrize("kind", ["DBIP-City-Lite", "DBIP-Location (compat=City)", "DBIP-ISP (compat=Enterprise)"])
    def test_dbip_file_loses_its_suburbs_and_gets_its_credit(self, kind: str, file: Path) -> None:
        write(file, ZURICH, kind)
        assert (locate(GOOGLE), credit()) == (Place("CH", "Zurich"), "IP Geolocation by DB-IP")

    def test_file_without_a_country_leaves_it_to_the_built_in_table(self, file: Path) -> None:
        write(file, {"city": {"names": {"en": "Mountain View"}}})
        assert locate(GOOGLE) == Place("US", "Mountain View")

    def test_address_that_the_file_does_not_know_has_its_country(self, file: Path) -> None:
        write(file, LINKOEPING)
        assert locate("193.0.0.1") == Place("NL", "")

    def test_ipv4_file_is_not_at_fault_for_an_ipv6_address(self, file: Path) -> None:
        write(file, LINKOEPING, ip_version=4)
        assert (locate("2001:4860:4860::8888"), problem()) == (Place("US", ""), "")

    def test_name_is_storable_and_printable(self, file: Path) -> None:
        write(file, {"country": {"iso_code": "S\x00"}, "city": {"names": {"en": "\x00\u202eX" + "y" * 500}}})
        assert locate(GOOGLE) == Place("US", "X" + "y" * 199)

    def test_replaced_file_is_taken_up(self, file: Path) -> None:
        write(file, LINKOEPING)
        assert locate(GOOGLE).location == "Linköping"
        write(file, ZURICH, "DBIP-City-Lite")
        assert (locate(GOOGLE).location, credit()) == ("Zurich", "IP Geolocation by DB-IP")

    def test_file_that_was_replaced_is_closed(self, file: Path) -> None:
        write(file, LINKOEPING)
        old = geoip._file(str(file)).reader()
        write(file, ZURICH)
        assert old is not geoip._file(str(file)).reader()
        assert old is not None
        with pytest.raises(ValueError, match="closed"):
            old.city(GOOGLE)

    def test_threads_may_look_up_while_the_file_is_replaced(
        self, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(file, LINKOEPING)
        with ThreadPoolExecutor(4) as threads:
            found = [threads.submit(locate, f"8.8.{number % 256}.{number // 256}") for number in range(2_000)]
            for _ in range(20):
                write(file, LINKOEPING)
        assert {future.result() for future in found} == {Place("SE", "Linköping")}
        assert caplog.text == ""

    def test_file_is_looked_at_every_few_seconds_only(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(file, LINKOEPING)
        locate(GOOGLE)
        monkeypatch.setattr(geoip, "CHECK_SECONDS", 1000.0)
        file.unlink()
        assert locate(GOOGLE).location == "Linköping"


class BrokenFileTests:
    def test_no_setting_is_no_problem(self) -> None:
        assert (problem(), credit()) == ("", "")

    def test_missing_file_costs_the_city_and_one_warning(self, file: Path, caplog: pytest.LogCaptureFixture) -> None:
        assert [locate(GOOGLE) for _ in range(3)] == [Place("US", "")] * 3
        assert len(caplog.records) == 1
        assert str(file) in problem()
        assert "GEOIP_PATH" in problem()

    @pytest.mark.parametrize("content", [b"", b"nonsense", b"\xab\xcd\xefMaxMind.com", b"\x00" * 100_000])
    def test_broken_file_costs_the_city_and_one_warning(
        self, content: bytes, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file.write_bytes(content)
        assert [locate(GOOGLE) for _ in range(3)] == [Place("US", "")] * 3
        assert len(caplog.records) == 1
        assert "cannot be read" in problem()

    def test_folder_and_file_of_another_kind_are_named_as_such(self, file: Path) -> None:
        write(file, LINKOEPING, "GeoLite2-ASN")
        assert "“GeoLite2-ASN”" in problem()
        file.unlink()
        file.mkdir()
        assert "Is a directory" in problem()

    def test_file_that_appears_ends_the_problem(self, file: Path) -> None:
        assert problem()
        write(file, LINKOEPING)
        assert (locate(GOOGLE).location, problem()) == ("Linköping", "")

    def test_flat_file_is_damaged_to_us(self, file: Path, caplog: pytest.LogCaptureFixture) -> None:
        write(file, {"country": "SE", "city": "Linköping"})
        assert [locate(GOOGLE), locate("8.8.4.4")] == [Place("US", "")] * 2
        assert "is damaged" in problem()
        assert len(caplog.records) == 1

    def test_file_that_is_cut_short_while_open_does_not_kill_the_process(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(file, LINKOEPING)
        locate(GOOGLE)
        monkeypatch.setattr(geoip, "CHECK_SECONDS", 1000.0)
        os.truncate(file, 0)
        assert locate("8.8.4.4") == Place("US", "")

    @pytest.mark.filterwarnings("ignore:Exception ignored.*maxminddb", "ignore::ResourceWarning")
    @hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
    @given(damage=st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=8)), min_size=1))
    def test_no_damage_raises(self, damage: list[tuple[int, bytes]], file: Path) -> None:
        content = bytearray(FILE.read_bytes())
        for place, junk in damage:
            content[place % len(content) : place % len(content) + len(junk)] = junk
        file.write_bytes(content)
        geoip._file.cache_clear()
        assert locate("203.0.113.24") == Place("DE", "Berlin")
        assert len(locate(GOOGLE).country) == 2
