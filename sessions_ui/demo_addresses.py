"""Where demo people come from: invented addresses, of which those of one person keep together."""

import random

# Those of the documentation ranges (RFC 5737, RFC 3849) that lie somewhere in the demo places.
IPV4_BLOCKS = ["192.0.2.", "198.51.100.", "203.0.113."]
IPV6_BLOCKS = ["2001:db8:4f:", "2001:db8:70:", "2001:db8:ce:", "2001:db8:113:", "2001:db8:85a3:", "2001:db8:a000:"]

PRIVATE = ["127.0.0.1", "::1", "10.20.0.14", "192.168.178.23", "fd12:3456:789a::5"]


def near(home: str, dice: random.Random) -> str:
    """Return an address in the same street: the /28 of an IPv4 address, the address itself for IPv6."""
    if ":" in home:
        return home
    block, _, last = home.rpartition(".")
    return f"{block}.{int(last) // 16 * 16 + dice.randint(1, 14)}"


def elsewhere(home: str, dice: random.Random) -> str:
    """Return another address that the person is known to come from: in the same network, or a private one."""
    if not home or ":" in home or dice.random() < 0.2:
        return dice.choice(PRIVATE)
    return f"{home.rpartition('.')[0]}.{dice.randint(1, 254)}"


def address(dice: random.Random) -> str:
    """Return an address that somebody might come from."""
    roll = dice.random()
    if roll < 0.05:
        return dice.choice(PRIVATE)
    if roll < 0.25:
        return f"{dice.choice(IPV6_BLOCKS)}{dice.randint(1, 5)}::{dice.randint(1, 0xFF):x}"
    return f"{dice.choice(IPV4_BLOCKS)}{dice.randint(1, 254)}"
