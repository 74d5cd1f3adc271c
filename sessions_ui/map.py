"""The map of the world: where on it a country lies. Its outlines are static/world.svg."""

from __future__ import annotations

from functools import cache
from pathlib import Path

POINTS = Path(__file__).parent / "data" / "country_points.txt"
# Equirectangular, two units a degree, from 84° north to 58° south.
WIDTH, HEIGHT = 720, 284
NORTHERNMOST = 84


def position(latitude: float, longitude: float) -> tuple[float, float]:
    """Return where on the map a point lies, in units from its upper left corner."""
    return (longitude + 180) * 2, (NORTHERNMOST - latitude) * 2


@cache
def _points() -> dict[str, tuple[float, float]]:
    lines = [line.split() for line in POINTS.read_text().splitlines() if not line.startswith("#")]
    return {code: position(float(latitude), float(longitude)) for code, latitude, longitude in lines}


def country(code: str) -> tuple[float, float] | None:
    """Return the middle of the country of this ISO 3166 code on the map, None where it is not on it."""
    return _points().get(code)
