"""Where an address is: our own words for near ones, a file of places or the country for the others."""

import ipaddress
import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import iptocc
import maxminddb
from django.conf import settings
from geoip2.database import Reader
from geoip2.errors import AddressNotFoundError
from geoip2.models import Country

CHECK_SECONDS = 5.0
# DB-IP states no radius. Its cities are mostly right within this (half of them agree with MaxMind's within 15 km).
UNSTATED_RADIUS_KM = 100
LOCATION_LENGTH = 200
DATA = Path(__file__).parent / "data"
COUNTRIES: dict[str, str] = {
    code: name
    for code, _, name in (line.partition(" ") for line in (DATA / "countries.txt").read_text("utf-8").splitlines())
    if code != "#"
}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# By list, since is_private also covers the documentation ranges.
NEAR = {
    ipaddress.ip_network(network): label
    for label, networks in {
        "This machine": "127.0.0.0/8 ::1/128",
        "Private network": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 100.64.0.0/10 fc00::/7 fe80::/10",
    }.items()
    for network in networks.split()
}
DOCUMENTATION = [
    ipaddress.ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
# What geoip2 and the pure reader raised over 25,000 damaged files; InvalidDatabaseError is a RuntimeError.
DAMAGED = (OSError, RuntimeError, AttributeError, TypeError, ValueError)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """ISO 3166 code of the country, and a city or our own words; "" where unknown."""

    country: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """Where an address is, in degrees, give or take a radius in kilometres."""

    latitude: float
    longitude: float
    radius: int


def locate(address: str) -> Place:
    """Return the place of an address, an empty one if it is none."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Place()
    ip = getattr(ip, "ipv4_mapped", None) or ip
    for network, label in NEAR.items():
        if ip in network:
            return Place(location=label)
    if any(ip in network for network in DOCUMENTATION):
        return _file(str(DATA / "demo-places.mmdb")).place(ip)
    # Files made from whois data answer for ranges that are nobody's as well.
    if not ip.is_global:
        return Place()
    operators = _operators_file()
    place = operators.place(ip) if operators else Place()
    return Place(place.country or iptocc.country_code(str(ip)) or "", place.location)


def pinpoint(address: str) -> Point | None:
    """Return where the address is, None where the file knows no city for it."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if any(ip in network for network in DOCUMENTATION):
        return _file(str(DATA / "demo-places.mmdb")).point(ip)
    operators = _operators_file() if ip.is_global else None
    return operators.point(ip) if operators else None


def credit() -> str:
    """Return the words that the licence of DB-IP (CC BY 4.0) asks for, "" if another file is in use."""
    operators = _operators_file()
    return "IP Geolocation by DB-IP" if operators and operators.kind().upper().startswith("DBIP") else ""


def problem() -> str:
    """Return a sentence that says why GEOIP_PATH is of no use, "" if all is well."""
    operators = _operators_file()
    if operators is None:
        return ""
    operators.reader()
    return operators.problem and f"{operators.problem} Correct GEOIP_PATH, or leave it empty to see countries only."


def country_name(code: str) -> str:
    """Return the English name of an ISO 3166 code, the code itself if it is unknown."""
    return COUNTRIES.get(code, code)


Found = tuple[Place, Point | None]
NOWHERE: Found = (Place(), None)


class PlaceFile:
    """A file in MaxMind's format, opened again when it was replaced; a damaged one knows no places."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.problem = ""
        self._reader: Reader | None = None
        self._find: Callable[[Address], Found] = lambda _: NOWHERE
        self._stamp: tuple[int, ...] = ()
        self._checked_at = float("-inf")
        self._close: Callable[[], object] = lambda: None
        self._lock = threading.RLock()

    def reader(self) -> Reader | None:
        """Return the open file, None if there is a problem; looks for a new one every CHECK_SECONDS."""
        with self._lock:
            now = time.monotonic()
            if now - self._checked_at >= CHECK_SECONDS:
                self._checked_at = now
                self._open_if_replaced()
            return self._reader

    def kind(self) -> str:
        """Return the database_type that the file states, "" if there is a problem."""
        reader = self.reader()
        return reader.metadata().database_type if reader else ""

    def place(self, ip: Address) -> Place:
        """Return what the file knows about the address."""
        return self._found(ip)[0]

    def point(self, ip: Address) -> Point | None:
        """Return where the address is, None where no city is known."""
        return self._found(ip)[1]

    def _found(self, ip: Address) -> Found:
        # Locked to the end, lest another thread closes the file meanwhile.
        with self._lock:
            if self.reader() is None:
                return NOWHERE
            try:
                return self._find(ip)
            except DAMAGED:
                self._report(f"The location file {self.path} is damaged.")
                return NOWHERE

    def _open_if_replaced(self) -> None:
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            reader = _open(self.path)
            self._close()
            self._close = weakref.finalize(self, reader.close)
            self._find = lru_cache(maxsize=2_000)(lambda ip: _find(reader, ip))
            self._reader, self.problem = reader, ""
        except DAMAGED as error:
            self._stamp, self._reader = (), None
            self._report(f"The location file {self.path} cannot be read: {error}.")

    def _report(self, problem: str) -> None:
        if self.problem != problem:
            self.problem = problem
            logger.warning("%s Sessions are shown without city.", problem)


def _open(path: Path) -> Reader:
    """Open the file; raises one of DAMAGED, also if there are no places in it."""
    # The faster mapped readers kill the process: SIGSEGV on damage, SIGBUS when the file is cut short under them.
    reader = Reader(path, mode=maxminddb.MODE_FILE)
    try:
        _look_up(reader)
    except DAMAGED:
        reader.close()
        raise
    return reader


def _look_up(reader: Reader) -> Callable[[Address], Country]:
    """Return the reader's method for its database_type; raises ValueError if there is none."""
    kind = reader.metadata().database_type
    for part, method in (("City", reader.city), ("Country", reader.country), ("Enterprise", reader.enterprise)):
        if part in kind:
            return method
    raise ValueError(f"it is of the type “{kind}”, which has neither cities nor countries")


def _find(reader: Reader, ip: Address) -> Found:
    """Return place and point in the file; raises one of DAMAGED."""
    if ip.version == 6 and reader.metadata().ip_version == 4:
        return NOWHERE
    try:
        found = _look_up(reader)(ip)
    except AddressNotFoundError:
        return NOWHERE
    place = _place_of(found)
    return place, _point_of(found) if place.location else None


def _place_of(found: Country) -> Place:
    code = found.country.iso_code
    city = getattr(found, "city", None)
    # DB-IP adds the suburb in brackets: "Zurich (Zürich (Kreis 1) / Hochschulen)".
    name = str(city.name).partition(" (")[0] if city and city.name else ""
    printable = "".join(character for character in name if character.isprintable())
    is_code = isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha()
    return Place(code if is_code and code else "", printable[:LOCATION_LENGTH])


def _point_of(found: Country) -> Point | None:
    where = getattr(found, "location", None)
    if where is None or where.latitude is None or where.longitude is None:
        return None
    return Point(float(where.latitude), float(where.longitude), int(where.accuracy_radius or UNSTATED_RADIUS_KM))


def _operators_file() -> PlaceFile | None:
    path = getattr(settings, "GEOIP_PATH", "")
    return _file(str(path)) if path else None


@lru_cache(maxsize=8)
def _file(path: str) -> PlaceFile:
    return PlaceFile(path)
