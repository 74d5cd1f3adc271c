"""Draw the map of the overview anew: `python -m tests.make_map LAND COUNTRIES CODES`.

LAND and COUNTRIES are land-110m.json and countries-50m.json of the npm package world-atlas, which is Natural Earth
(public domain) as TopoJSON; CODES is codes.json of i18n-iso-countries, which says which ISO 3166 number is which code.
Writes static/world.svg and sessions_ui/data/country_points.txt.
"""

import json
import math
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from sessions_ui.map import HEIGHT, WIDTH, position

ROOT = Path(__file__).parent.parent
# Nobody signs in from Antarctica, and it would take a quarter of the map.
SOUTHERNMOST = -58
# Islands smaller than this, in square units of the map, are specks.
SMALLEST = 1.5

Ring = list[tuple[float, float]]


def rings(topology: dict[str, Any], geometry: dict[str, Any]) -> Iterator[Ring]:
    """Give the outer ring, in degrees, of each polygon of the geometry."""
    polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
    for outer, *_ in polygons:
        ring: Ring = []
        for index in outer:
            arc = arc_of(topology, index if index >= 0 else ~index)
            ring += (arc if index >= 0 else arc[::-1])[bool(ring) :]
        yield ring


def arc_of(topology: dict[str, Any], index: int) -> Ring:
    (scale_x, scale_y), (left, bottom) = topology["transform"]["scale"], topology["transform"]["translate"]
    x = y = 0
    points: Ring = []
    for dx, dy in topology["arcs"][index]:
        x, y = x + dx, y + dy
        points.append((x * scale_x + left, y * scale_y + bottom))
    return points


def area(ring: Ring) -> float:
    pairs = zip(ring, ring[1:] + ring[:1], strict=True)
    return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in pairs) / 2


def unrolled(ring: Ring) -> Iterator[Ring]:
    """Give the ring without a jump at 180°; where it goes beyond the edge, also as it comes in at the other."""
    turns, before, whole = 0, ring[0][0], []
    for longitude, latitude in ring:
        turns += (before - longitude > 180) - (longitude - before > 180)
        before = longitude
        whole.append((longitude + 360 * turns, latitude))
    yield whole
    for edge in (-180, 180):
        if any(longitude / edge > 1 for longitude, _ in whole):
            yield [(longitude - 2 * edge, latitude) for longitude, latitude in whole]


def outline(ring: Ring) -> str:
    """Return the ring on the map as a path of whole units, without points that fall together."""
    points = [(round(x), round(y)) for x, y in (position(latitude, longitude) for longitude, latitude in ring)]
    kept = [point for n, point in enumerate(points) if n == 0 or point != points[n - 1]]
    if len(kept) < 4 or abs(area([(float(x), float(y)) for x, y in kept])) < SMALLEST:
        return ""
    steps = [f"{x - px} {y - py}" for (px, py), (x, y) in pairwise(kept)]
    return f"M{kept[0][0]} {kept[0][1]}l{' '.join(steps)}z".replace(" -", "-")


def middle(ring: Ring) -> tuple[float, float]:
    """Return the latitude and longitude of the ring's centre of gravity."""
    x = y = 0.0
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        part = ax * by - bx * ay
        x, y = x + (ax + bx) * part, y + (ay + by) * part
    six = 6 * area(ring)
    return y / six, x / six


def main() -> None:
    land, countries, codes = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
    (geometry,) = land["objects"]["land"]["geometries"]
    shown = [ring for ring in rings(land, geometry) if max(latitude for _, latitude in ring) > SOUTHERNMOST]
    path = "".join(outline(part) for ring in shown for part in unrolled(ring))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
    note = "<!-- Natural Earth 1:110m land, public domain, drawn by tests/make_map.py -->"
    (ROOT / "static" / "world.svg").write_text(f'{svg}\n{note}\n<path id="land" d="{path}"/>\n</svg>\n')
    of_number = {number: alpha2 for alpha2, _, number, *_ in codes}
    points = ["# Natural Earth 1:50m, public domain: the middle of each country's largest part, by tests/make_map.py"]
    for country in countries["objects"]["countries"]["geometries"]:
        if alpha2 := of_number.get(country.get("id", "")):
            latitude, longitude = middle(max(rings(countries, country), key=lambda ring: abs(weight(ring))))
            points.append(f"{alpha2} {latitude:.1f} {longitude:.1f}")
    (ROOT / "sessions_ui" / "data" / "country_points.txt").write_text("\n".join(sorted(points)) + "\n")


def weight(ring: Ring) -> float:
    """Return the area as it is on the globe, in some unit."""
    return area(ring) * math.cos(math.radians(middle(ring)[0]))


if __name__ == "__main__":
    main()
