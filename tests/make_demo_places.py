"""Make sessions_ui/data/demo-places.mmdb: `python -m tests.make_demo_places`.

Places real cities in the address ranges that are kept for documentation (RFC 5737, RFC 3849), so
that demo data shows locations, and none of them is anybody's.
"""

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

FILE = Path(__file__).parent.parent / "sessions_ui" / "data" / "demo-places.mmdb"
IPV4_BLOCKS = {
    "192.0.2": "GB London, BR São Paulo, IN Bengaluru, PL Gdańsk, GH Accra, CA Toronto, US Chicago, SE Gothenburg, "
    "GB Manchester, BR Recife, MX Guadalajara, SG Singapore, TR Istanbul, AU Melbourne, KE Nairobi, NZ Wellington",
    "198.51.100": "NO Oslo, PT Lisbon, NL Utrecht, DE Hamburg, DK Aarhus, ZA Cape Town, US Seattle, IT Bologna, "
    "DE Stuttgart, AT Graz, CH Zürich, FI Tampere, PL Gdańsk, RO Bucharest, GR Thessaloniki, AR Córdoba",
    "203.0.113": "DE Munich, DE Berlin, JP Osaka, PT Porto, BE Ghent, CO Medellín, IE Dublin, FR Paris, "
    "US Boston, ES València, KR Busan, TW Taipei, VN Da Nang, EG Alexandria, IN Pune, CL Valparaíso",
}
IPV6_BLOCKS = {
    "2001:db8:4f::/48": "JP Osaka",
    "2001:db8:70::/48": "FR Lyon",
    "2001:db8:ce::/48": "CZ Prague",
    "2001:db8:113::/48": "DE Hamburg",
    "2001:db8:85a3::/48": "DE Stuttgart",
    "2001:db8:a000::/36": "CA Montreal",
}


def places() -> dict[str, str]:
    """Return country and city by network."""
    blocks = {
        f"{start}.{number * 16}/28": place
        for start, line in IPV4_BLOCKS.items()
        for number, place in enumerate(line.split(", "))
    }
    return blocks | IPV6_BLOCKS


def main() -> None:
    """Write the file."""
    writer = MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="SessionAdmin-Demo-City",
        languages=["en"],
        description="Invented places of the documentation ranges",
    )
    for network, place in places().items():
        country, _, city = place.partition(" ")
        record = {"country": {"iso_code": country}, "city": {"names": {"en": city}}}
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(FILE))


if __name__ == "__main__":
    main()
