"""What is new about a sign-in, beside the earlier ones of the same person.

Who hears of every update of a browser and of every address that a phone is given stops
reading. So a version is not new, nor is another city or network in a country that he has
signed in from; where the country is unknown, networks are compared. A network that an
administrator has named is never new.

Hints compare by the same measures and ask for more: an administrator reads those of everybody,
among whom a new phone at home is noise, and a person only his own, of which he can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from .hints import family, network_of
from .models.origins import FromOrigin


def novelties(sign_in: FromOrigin, earlier: Sequence[FromOrigin]) -> list[str]:
    """Return in words what the sign-in has in common with none of the earlier ones."""
    is_known = bool(sign_in.network) or any(is_same_place(sign_in, one) for one in earlier)
    new = [] if is_known else ["the place"]
    on_device = [one for one in earlier if (one.device, one.os) == (sign_in.device, sign_in.os)]
    if not on_device:
        new.append("the device")
    elif not any(family(one.browser) == family(sign_in.browser) for one in on_device):
        new.append("the browser")
    return new


def is_same_place(one: FromOrigin, other: FromOrigin) -> bool:
    """Return whether both are in one country or, where a country is unknown, in one network or place."""
    if one.country and other.country:
        return one.country == other.country
    if one.location and one.location == other.location:
        return True
    return network_of(one.ip or "") == network_of(other.ip or "")
