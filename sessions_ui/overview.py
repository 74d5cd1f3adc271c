"""The overview above the list: who is signed in, by application, country, device and age, counted in a bounded sample.

At five million sessions an exact count takes seconds. So the newest are counted, and the page says how many;
what happened in the past 30 days is kept counted by the worker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Case, IntegerField, Sum, Value, When
from django.http import QueryDict
from django.utils import timezone

from . import day_counts
from . import map as world
from .filters import SessionFilter
from .geoip import country_name
from .models import Application, DayCount, Fence, Session, SessionEvent
from .models.day_counts import NO_ACCOUNT, DayCountQuerySet
from .models.reaches import ALL
from .rows import Links
from .search.plan import Search
from .time_limit import in_time
from .useragent import DEVICE_KINDS

SAMPLE = 10_000
SECONDS = 1.0
BARS = 3
MOST_SPOTS = 60
SMALLEST_SPOT, LARGEST_SPOT = 4.0, 22.0
AGES = ["Today", "Past 7 days", "Past 30 days", "Longer ago"]


@dataclass(frozen=True)
class Bar:
    """So many sessions of one kind; `url` leads to the list of them, where one filter keeps them."""

    label: str
    number: int
    url: str = ""


@dataclass(frozen=True)
class Spot:
    """A circle on the map."""

    x: float
    y: float
    radius: float
    label: str
    number: int


@dataclass(frozen=True)
class Line:
    """Sign-ins and ends by day: points of a drawing that is 240 units wide and 72 high, and what they say."""

    sign_ins: str
    ends: str
    in_words: str
    a_day: int
    counted_on: datetime


@dataclass(frozen=True)
class Overview:
    """What the overview shows."""

    number: int
    capped: bool
    panels: dict[str, list[Bar]]
    spots: list[Spot] = field(default_factory=list)
    not_on_map: int = 0
    line: Line | None = None


def overview(wanted: SessionFilter, known: Fence) -> Overview | None:
    """Return the overview of the live sessions within reach that the filter keeps; None where that takes too long."""
    sessions: Any = Session.objects.live(known).signed_in().annotate(age=_age())
    search: Search[Any] = Search(sessions, wanted.conditions, known.branches(wanted.reach))
    columns = ["application_id", "country", "device_kind", "age"]
    groups = in_time(SECONDS, sessions.db, lambda: search.sample(columns, SAMPLE))
    if groups is None:
        return None
    applications, countries, kinds, ages = (_by(column, groups) for column in range(4))
    spots, not_on_map = _spots(countries)
    return Overview(
        number=ages.total(),
        capped=ages.total() == SAMPLE,
        panels=_panels(wanted.params, applications, countries, kinds, ages),
        spots=spots,
        not_on_map=not_on_map,
        line=_line(wanted),
    )


def _by(column: int, groups: list[tuple[Any, ...]]) -> Counter[Any]:
    """Return the numbers, which come last in each group, by the value in this column."""
    numbers = Counter[Any]()
    for group in groups:
        numbers[group[column]] += group[-1]
    return numbers


def _midnights() -> list[datetime]:
    """Return when the ages begin, the newest first, in the zone in which the reader counts days."""
    today = timezone.localdate()
    begins = [today, today - timedelta(days=7), today - timedelta(days=30)]
    return [timezone.make_aware(datetime.combine(day, time.min)) for day in begins]


def _age() -> Case:
    """Return the number of a session's age among AGES."""
    whens = [When(created_on__gte=midnight, then=Value(number)) for number, midnight in enumerate(_midnights())]
    return Case(*whens, default=Value(len(whens)), output_field=IntegerField())


def _panels(
    params: QueryDict, applications: Counter[int], countries: Counter[str], kinds: Counter[str], ages: Counter[int]
) -> dict[str, list[Bar]]:
    links, names = Links(params), Application.objects.in_bulk()
    of_application = [
        Bar(str(names[pk]), number, _url(links, "application", names[pk].slug))
        for pk, number in applications.most_common()
        if pk in names
    ]
    of_country = [
        Bar(country_name(code) or "Unknown", number, _url(links, "country", code))
        for code, number in countries.most_common()
    ]
    of_kind = [
        Bar(DEVICE_KINDS.get(kind, "Unknown"), number, _url(links, "device", kind))
        for kind, number in kinds.most_common()
    ]
    of_age = [Bar(AGES[age], ages[age], _url_of_age(links, age)) for age in range(len(AGES)) if ages[age]]
    panels = {"Application": of_application, "Country": of_country, "Device": of_kind, "Signed in": of_age}
    return {title: bars if len(bars) <= BARS + 1 else _shortened(bars) for title, bars in panels.items()}


def _shortened(bars: list[Bar]) -> list[Bar]:
    others = bars[BARS:]
    return [*bars[:BARS], Bar(f"{len(others)} others", sum(bar.number for bar in others))]


def _url(links: Links, parameter: str, value: str) -> str:
    return f"{links.list_path}{links.only(parameter, value)}" if value else ""


def _url_of_age(links: Links, age: int) -> str:
    params, midnights = links.shown.copy(), _midnights()
    for name, number in {"after": age, "before": age - 1}.items():
        params.pop(name, None)
        if 0 <= number < len(midnights):
            params[name] = timezone.localdate(midnights[number]).isoformat()
    return f"{links.list_path}?{params.urlencode()}"


def _spots(countries: Counter[str]) -> tuple[list[Spot], int]:
    """Return the circles of the countries, the largest first, so that the small lie on top; and who is on none."""
    found = [(code, number, world.country(code)) for code, number in countries.most_common()]
    placed = [(code, number, at) for code, number, at in found if at][:MOST_SPOTS]
    if not placed:
        return [], countries.total()
    most = placed[0][1]
    spots = [
        Spot(*at, max(SMALLEST_SPOT, LARGEST_SPOT * (number / most) ** 0.5), country_name(code), number)
        for code, number, at in placed
    ]
    return spots, countries.total() - sum(spot.number for spot in spots)


def _line(wanted: SessionFilter) -> Line | None:
    """Return the past 30 days of the accounts within reach, of one application or account where that is filtered."""
    counts, days = _counts(wanted), day_counts.shown_days()
    sign_ins, ends = Counter[date](), Counter[date]()
    counted = list(counts.filter(day__gte=days[0]).order_by().values_list("day", "kind").annotate(Sum("number")))
    for day, kind, number in counted:
        (sign_ins if kind == SessionEvent.Kind.SIGNED_IN else ends)[day] += number
    last = counts.order_by("-day").values_list("counted_on", flat=True).first()
    if not last:
        return None
    most = max(*sign_ins.values(), *ends.values(), 1)
    return Line(
        _points((sign_ins[day] for day in days), most),
        _points((ends[day] for day in days), most),
        _in_words(days, sign_ins, ends),
        sign_ins.total() // len(days),
        last,
    )


def _counts(wanted: SessionFilter) -> DayCountQuerySet:
    conditions, counts = wanted.conditions, DayCount.objects.within(wanted.reach)
    if "account" in conditions:
        # What he reaches in an account that he does not administer are his own sessions alone.
        reached = DayCount.objects.all() if wanted.reach == ALL else counts
        counts = reached.filter(account_id=conditions["account"] or NO_ACCOUNT)
    return counts.filter(application_id=conditions["application"]) if "application" in conditions else counts


def _points(numbers: Iterable[int], most: int) -> str:
    """Return the numbers as points from left to right, the largest near the upper edge."""
    step = 240 / (day_counts.DAYS - 1)
    return " ".join(f"{n * step:.1f},{70 - 66 * number / most:.1f}" for n, number in enumerate(numbers))


def _in_words(days: list[date], sign_ins: Counter[date], ends: Counter[date]) -> str:
    """Return what the line shows, for who does not see it."""
    numbers = [sign_ins[day] for day in days]
    worst = max(days, key=lambda day: ends[day])
    said = f"Sign-ins and ends by day, past {len(days)} days: {min(numbers):,} to {max(numbers):,} sign-ins a day"
    return f"{said}, and {ends[worst]:,} ends at most, on {worst:%-d %B}."
