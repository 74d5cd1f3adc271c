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


# Of each city, in degrees.
COORDINATES = (
    "London 51.5 -0.1, São Paulo -23.5 -46.6, Bengaluru 13.0 77.6, Gdańsk 54.4 18.6, Accra 5.6 -0.2, "
    "Toronto 43.7 -79.4, Chicago 41.9 -87.6, Gothenburg 57.7 12.0, Manchester 53.5 -2.2, Recife -8.1 -34.9, "
    "Guadalajara 20.7 -103.3, Singapore 1.3 103.8, Istanbul 41.0 29.0, Melbourne -37.8 145.0, Nairobi -1.3 36.8, "
    "Wellington -41.3 174.8, Oslo 59.9 10.8, Lisbon 38.7 -9.1, Utrecht 52.1 5.1, Hamburg 53.6 10.0, "
    "Aarhus 56.2 10.2, Cape Town -33.9 18.4, Seattle 47.6 -122.3, Bologna 44.5 11.3, Stuttgart 48.8 9.2, "
    "Graz 47.1 15.4, Zürich 47.4 8.5, Tampere 61.5 23.8, Bucharest 44.4 26.1, Thessaloniki 40.6 22.9, "
    "Córdoba -31.4 -64.2, Munich 48.1 11.6, Berlin 52.5 13.4, Osaka 34.7 135.5, Porto 41.1 -8.6, Ghent 51.1 3.7, "
    "Medellín 6.2 -75.6, Dublin 53.3 -6.3, Paris 48.9 2.4, Boston 42.4 -71.1, València 39.5 -0.4, "
    "Busan 35.2 129.1, Taipei 25.0 121.6, Da Nang 16.1 108.2, Alexandria 31.2 29.9, Pune 18.5 73.9, "
    "Valparaíso -33.0 -71.6, Lyon 45.8 4.8, Prague 50.1 14.4, Montreal 45.5 -73.6"
)
RADIUS_KM = 20


def places() -> dict[str, str]:
    """Return country and city by network."""
    blocks = {
        f"{start}.{number * 16}/28": place
        for start, line in IPV4_BLOCKS.items()
        for number, place in enumerate(line.split(", "))
    }
    return blocks | IPV6_BLOCKS


def coordinates() -> dict[str, tuple[float, float]]:
    """Return latitude and longitude by city."""
    lines = [text.rsplit(" ", 2) for text in COORDINATES.split(", ")]
    return {city: (float(latitude), float(longitude)) for city, latitude, longitude in lines}


def main() -> None:
    """Write the file."""
    writer = MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="SessionAdmin-Demo-City",
        languages=["en"],
        description="Invented places of the documentation ranges",
    )
    where = coordinates()
    for network, place in places().items():
        country, _, city = place.partition(" ")
        latitude, longitude = where[city]
        location = {"latitude": latitude, "longitude": longitude, "accuracy_radius": RADIUS_KM}
        record = {"country": {"iso_code": country}, "city": {"names": {"en": city}}, "location": location}
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(FILE))


if __name__ == "__main__":
    main()
