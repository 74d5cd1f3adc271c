"""What a request tells about where it comes from."""

import re
from dataclasses import dataclass
from typing import Self

from django.http import HttpRequest

from . import client, geoip, useragent

# PostgreSQL stores no NUL, and no database driver encodes a lone surrogate.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Address, place and client of a request; all empty for a script or a test client."""

    ip: str | None = None
    country: str = ""
    location: str = ""
    network: str = ""
    user_agent: str = ""
    device: str = ""
    device_kind: str = ""
    browser: str = ""
    os: str = ""

    @classmethod
    def of(cls, request: HttpRequest | None) -> Self:
        """Return the origin of the request, of an empty one if there is no request."""
        if request is None:
            return cls()
        address = client.client_address(request)
        place = geoip.locate(address)
        raw = request.META.get("HTTP_USER_AGENT") or ""
        agent = UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", raw[: useragent.MAX_LENGTH])
        seen = useragent.describe(agent)
        return cls(
            ip=address or None,
            country=place.country,
            location=place.location,
            user_agent=agent,
            device=seen.device,
            device_kind=seen.device_kind,
            browser=seen.browser,
            os=seen.os,
        )
