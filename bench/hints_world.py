"""An invented world for the bench of hints: cities, providers, their addresses, and what a location file says of them.

Addresses come from ranges that are nobody's (240.0.0.0/4, and 2001:db8::/32 of RFC 3849); cities lie where they lie.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

# country: city latitude longitude; people live in the first ten, and travel to all.
CITIES_OF = {
    "DE": "Berlin 52.5 13.4, Hamburg 53.6 10.0, Munich 48.1 11.6, Cologne 50.9 7.0, Stuttgart 48.8 9.2",
    "PL": "Warsaw 52.2 21.0, Gdansk 54.4 18.6, Krakow 50.1 19.9, Poznan 52.4 16.9",
    "GB": "London 51.5 -0.1, Manchester 53.5 -2.2, Edinburgh 55.9 -3.2, Bristol 51.5 -2.6",
    "FR": "Paris 48.9 2.4, Lyon 45.8 4.8, Toulouse 43.6 1.4, Lille 50.6 3.1",
    "PT": "Lisbon 38.7 -9.1, Porto 41.1 -8.6, Faro 37.0 -7.9",
    "SE": "Stockholm 59.3 18.1, Gothenburg 57.7 12.0, Malmo 55.6 13.0",
    "US": "New York 40.7 -74.0, Chicago 41.9 -87.6, Seattle 47.6 -122.3, Austin 30.3 -97.7, Boston 42.4 -71.1",
    "BR": "Sao Paulo -23.5 -46.6, Recife -8.1 -34.9, Porto Alegre -30.0 -51.2",
    "IN": "Bengaluru 13.0 77.6, Pune 18.5 73.9, Delhi 28.6 77.2, Chennai 13.1 80.3",
    "JP": "Tokyo 35.7 139.7, Osaka 34.7 135.5, Sapporo 43.1 141.4",
    "AT": "Vienna 48.2 16.4",
    "CH": "Zurich 47.4 8.5",
    "NL": "Amsterdam 52.4 4.9",
    "BE": "Brussels 50.8 4.4",
    "DK": "Copenhagen 55.7 12.6",
    "ES": "Madrid 40.4 -3.7, Barcelona 41.4 2.2",
    "IT": "Milan 45.5 9.2, Rome 41.9 12.5",
    "CZ": "Prague 50.1 14.4",
    "IE": "Dublin 53.3 -6.3",
    "GR": "Athens 38.0 23.7",
    "CA": "Toronto 43.7 -79.4",
    "MX": "Mexico City 19.4 -99.1",
    "AR": "Cordoba -31.4 -64.2",
    "ZA": "Cape Town -33.9 18.4",
    "KE": "Nairobi -1.3 36.8",
    "AE": "Dubai 25.2 55.3",
    "SG": "Singapore 1.35 103.8",
    "KR": "Busan 35.2 129.1",
    "AU": "Melbourne -37.8 145.0",
    "VN": "Da Nang 16.1 108.2",
}
HOMES = [*CITIES_OF][:10]
EARTH_KM = 6_371.0


class City(NamedTuple):
    name: str
    country: str
    latitude: float
    longitude: float


class Place(NamedTuple):
    """What the location file says: no city, and a wide radius, where it knows only the country."""

    country: str
    city: str
    latitude: float
    longitude: float
    radius: int


def _city(country: str, text: str) -> City:
    name, latitude, longitude = text.rsplit(" ", 2)
    return City(name, country, float(latitude), float(longitude))


CITIES = {country: [_city(country, text) for text in line.split(", ")] for country, line in CITIES_OF.items()}


def kilometres(one: City, other: City) -> float:
    """Return the distance along the great circle."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    between = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    chord = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * between
    return 2 * EARTH_KM * math.asin(math.sqrt(chord))


@dataclass(frozen=True, slots=True)
class Provider:
    """Who gives out addresses: to homes and offices of a city, to phones all over a country, to machines for rent."""

    kind: str
    city: City
    blocks: tuple[int, ...]  # its /16 networks

    def address(self, dice: random.Random) -> str:
        block = dice.choice(self.blocks)
        return f"{240 + block // 256}.{block % 256}.{dice.randint(0, 255)}.{dice.randint(1, 254)}"

    def prefix(self, dice: random.Random) -> str:
        """Return a /64 of IPv6."""
        return f"2001:db8:{self.blocks[0]:x}:{dice.randint(1, 0xFFFF):x}"


@dataclass
class World:
    """All providers, and a location file that is as right and as wrong as those one can have."""

    dice: random.Random
    lines: dict[City, list[Provider]] = field(default_factory=dict)
    carriers: dict[str, list[Provider]] = field(default_factory=dict)
    rented: dict[str, list[Provider]] = field(default_factory=dict)
    owners: dict[int, Provider] = field(default_factory=dict)
    said: dict[str, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = count(1)
        for country, cities in CITIES.items():
            for city in cities:
                self.lines[city] = [self._provider("line", city, numbers, self.dice.randint(1, 3)) for _ in range(4)]
            self.carriers[country] = [self._provider("carrier", cities[0], numbers, 3) for _ in range(3)]
            self.rented[country] = [self._provider("rented", self.dice.choice(cities), numbers, 1) for _ in range(2)]

    def _provider(self, kind: str, city: City, numbers: count[int], size: int) -> Provider:
        provider = Provider(kind, city, tuple(next(numbers) for _ in range(size)))
        self.owners |= dict.fromkeys(provider.blocks, provider)
        return provider

    def place(self, ip: str) -> Place:
        """Return what the location file says of the address, the same for all of its /24 or /48."""
        parts = ip.split(":" if ":" in ip else ".")
        network = ":".join(parts[:3]) if ":" in ip else ".".join(parts[:3])
        if network not in self.said:
            block = int(parts[2], 16) if ":" in ip else (int(parts[0]) - 240) * 256 + int(parts[1])
            self.said[network] = self._guess(self.owners[block])
        return self.said[network]

    def _guess(self, owner: Provider) -> Place:
        """Right for four lines in five, for carriers seldom more than the country, now and then altogether wrong."""
        roll, country = self.dice.random(), owner.city.country
        if roll < (0.004 if owner.kind == "carrier" else 0.002):
            return self._at(self.dice.choice(CITIES[self.dice.choice([*CITIES])]), self.dice.choice([20, 100]))
        if owner.kind == "rented":
            return self._at(owner.city, 20)
        if owner.kind == "line" and roll < 0.8:
            return self._at(owner.city, self.dice.choice([5, 10, 20, 50]))
        if roll < 0.92:
            return self._at(self.dice.choice(CITIES[country]), self.dice.choice([20, 50, 100, 200]))
        centre = CITIES[country][0]
        return Place(country, "", centre.latitude, centre.longitude, 1_000)

    def _at(self, city: City, radius: int) -> Place:
        return Place(city.country, city.name, city.latitude, city.longitude, radius)
