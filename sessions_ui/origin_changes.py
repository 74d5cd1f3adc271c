"""What is different between the sign-in of a session and its last activity, in words. Pure: it asks nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from .hints import network_of

VERSION = re.compile(r" (\d+(?:\.\d+)*)$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a session was used from, and with what, at one moment; "" for what is not known."""

    ip: str = ""
    place: str = ""
    network: str = ""
    browser: str = ""

    @property
    def block(self) -> str:
        """The network that the address stands for where nobody has named one."""
        return network_of(self.ip)

    @property
    def network_name(self) -> str:
        return self.network or self.block


class Difference(NamedTuple):
    """How two values compare: what the table says, what the sentence says, and whether it deserves a look."""

    said: str = ""
    in_sentence: str = ""
    look: bool = False


class Line(NamedTuple):
    """One line of the comparison."""

    name: str
    then: str
    now: str
    difference: Difference


UNKNOWN = Difference()
NO_COMPARISON = Difference("IPv4 and IPv6 do not compare")


def lines(then: Seen, now: Seen) -> list[Line]:
    """Return the comparison line by line."""
    return [
        Line("Address", then.ip, now.ip, _address(then, now)),
        Line("Place", then.place, now.place, _place(then, now)),
        Line("Network", then.network_name, now.network_name, _network(then, now)),
        Line("Browser", then.browser, now.browser, _browser(then, now)),
    ]


def sentence(then: Seen, now: Seen) -> str:
    """Return the comparison as a sentence such as "Same browser, new network.", "" if nothing is known."""
    where = [_address(then, now)] if then.ip == now.ip else [_network(then, now), _place(then, now)]
    said = [one.in_sentence for one in (_browser(then, now), *where) if one.in_sentence]
    return f"{', '.join(said).capitalize()}." if said else ""


def _address(then: Seen, now: Seen) -> Difference:
    if not (then.ip and now.ip):
        return UNKNOWN
    if then.ip == now.ip:
        return Difference("Same", "same address")
    return Difference("Changed", look=_network(then, now).look)


def _place(then: Seen, now: Seen) -> Difference:
    if not (then.place and now.place):
        return UNKNOWN
    if then.place == now.place:
        # Where the network is the same, the place need not be said as well.
        return Difference("Same", "same place" if _network(then, now).look else "")
    return Difference("Other place", "other place", look=True)


def _network(then: Seen, now: Seen) -> Difference:
    same, new = Difference("Same", "same network"), Difference("New network", "new network", look=True)
    if then.network or now.network:
        return same if then.network == now.network else new
    if not (then.block and now.block):
        return UNKNOWN
    if (":" in then.block) != (":" in now.block):
        # Many machines have an address of each kind and take now the one, now the other.
        return NO_COMPARISON
    return same if then.block == now.block else new


def _browser(then: Seen, now: Seen) -> Difference:
    if not (then.browser and now.browser):
        return UNKNOWN
    (name, before), (other, after) = _parsed(then.browser), _parsed(now.browser)
    if name != other:
        return Difference("Other browser", "other browser", look=True)
    if before == after:
        return Difference("Same", "same browser")
    if before < after:
        return Difference("Newer version", "newer version of the same browser")
    # Browsers renew themselves and do not go back.
    return Difference("Older version", "older version of the same browser", look=True)


def _parsed(browser: str) -> tuple[str, list[int]]:
    """Return the browser's name and the parts of its version."""
    name, *version = VERSION.split(browser)
    return name, [int(part) for part in version[0].split(".")] if version else []
