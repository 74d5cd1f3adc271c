"""Ten demo people to whom something unusual happens, and the habits with which it is compared. All invented."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
SCRIPT = "python-requests/2.32.5"
HOUR = timedelta(hours=1)


class Habit(NamedTuple):
    """From where and how often somebody signed in before; `last` is how many days ago he did so last."""

    home: str
    number: int = 30
    last: int = 2


class Oddity(NamedTuple):
    """A sign-in so long ago and, where it was used from elsewhere later, from where and in what."""

    who: str
    ago: timedelta
    ip: str
    agent: str = CHROME
    used_from: str = ""
    used_in: str = CHROME
    last_used: timedelta = timedelta(minutes=14)


HABITS = {
    "tomasz": Habit("192.0.2.50", 61),
    "joana": Habit("203.0.113.60", 61),
    "katarzyna": Habit("198.51.100.195"),
    "piotr": Habit("192.0.2.60"),
    "sven": Habit("192.0.2.118"),
    "freja": Habit("198.51.100.72"),
    "kofi": Habit("192.0.2.66"),
    "reto": Habit("198.51.100.163", 1, 120),
    "emily": Habit("203.0.113.132"),
    "priya": Habit("203.0.113.230", 20, 46),
}
ODDITIES = [
    # Used again after weeks.
    Oddity("priya", timedelta(days=45), "203.0.113.230", used_from="203.0.113.231", last_used=timedelta(days=41)),
    # One key in two far places, and one in two browsers.
    Oddity("sven", 1.7 * HOUR, "192.0.2.118", used_from="203.0.113.40"),
    Oddity("freja", 1.6 * HOUR, "198.51.100.72", used_from="198.51.100.70", used_in=FIREFOX),
    # Many sessions at once.
    *(Oddity("kofi", HOUR + timedelta(minutes=30 - number), "192.0.2.66") for number in range(10)),
    # A country, a browser and a network that are new, one after a long time, and a script.
    Oddity("tomasz", 0.9 * HOUR, "203.0.113.165"),
    Oddity("katarzyna", 0.8 * HOUR, "192.0.2.52", FIREFOX),
    Oddity("joana", 0.7 * HOUR, "203.0.113.60"),
    Oddity("piotr", 0.6 * HOUR, "198.51.100.200"),
    # Fourteen minutes after Porto.
    Oddity("joana", 0.7 * HOUR - timedelta(minutes=14), "192.0.2.20"),
    Oddity("reto", 0.3 * HOUR, "198.51.100.165"),
    Oddity("emily", 0.2 * HOUR, "198.51.100.180", SCRIPT),
]
