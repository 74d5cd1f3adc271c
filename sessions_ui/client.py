"""The client's address: the peer's, or what the proxies that we trust say."""

import ipaddress
import logging
import re
import threading
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
BRACKETED = re.compile(r"\[([^][]*)\](?::[0-9]{1,5})?")
WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}")
logger = logging.getLogger(__name__)
# Taken by the first warning and never given back: any client can send the header, and would fill the log.
warned = threading.Lock()


def client_address(request: HttpRequest) -> str:
    """Return the client's address, "" if there is none or a trusted proxy sent one that cannot be read.

    TRUSTED_PROXIES comes before TRUSTED_PROXY_COUNT, since it also proves the peer. Raises
    ImproperlyConfigured if TRUSTED_PROXIES cannot be read.
    """
    peer = parse_address(request.META.get("REMOTE_ADDR") or "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR") or ""
    hops = forwarded.split(",") if forwarded else []
    if networks := trusted_networks():
        if not _within(peer, networks):
            _warn_of_forwarding(request)
        return _first_untrusted([*hops, peer], networks)
    count = getattr(settings, "TRUSTED_PROXY_COUNT", 0)
    if count > 0:
        # Fewer hops than proxies: the request came round a proxy, and nobody vouches for what it says.
        return parse_address(hops[-count]) if len(hops) >= count else ""
    _warn_of_forwarding(request)
    return peer


def parse_address(text: str) -> str:
    """Return the address in its one written form, without port, brackets and zone id; "" if it is none.

    An IPv4 address mapped into IPv6 comes back as IPv4.
    """
    text = text.strip(" \t")
    if found := BRACKETED.fullmatch(text) or WITH_PORT.fullmatch(text):
        text = found[1]
    if ":" in text:
        # PostgreSQL's inet refuses zone ids.
        text = text.partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def trusted_networks() -> tuple[Network, ...]:
    """Return the networks of TRUSTED_PROXIES; raises ImproperlyConfigured if one of them cannot be read."""
    return _networks(tuple(getattr(settings, "TRUSTED_PROXIES", ())))


@lru_cache(maxsize=8)
def _networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(name.strip(), strict=False) for name in names)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"TRUSTED_PROXIES must list addresses and networks such as 10.0.0.0/8: {error}."
        ) from error


def _within(address: str, networks: tuple[Network, ...]) -> bool:
    if not address:
        return False
    ip = ipaddress.ip_address(address)
    return any(ip in network for network in networks)


def _first_untrusted(hops: list[str], networks: tuple[Network, ...]) -> str:
    """Walk from the right, since each proxy appends and the left end is the client's own writing."""
    address = ""
    for hop in reversed(hops):
        address = parse_address(hop)
        if not _within(address, networks):
            break
    return address


def _warn_of_forwarding(request: HttpRequest) -> None:
    if any(request.META.get(name) for name in FORWARDED_HEADERS) and warned.acquire(blocking=False):
        logger.warning(
            "A forwarded client address was ignored, because it came from a peer that is not trusted. If your own "
            "proxy sent it, set TRUSTED_PROXY_COUNT or TRUSTED_PROXIES, or every session shows the proxy's address."
        )
