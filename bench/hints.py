"""What hints find in generated years, and how often they are wrong: `python -m bench.hints [--seeds 1-3]`."""

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from bench.hints_people import BEGIN, SignIn  # noqa: E402
from bench.hints_year import HARD, PEOPLE, TAKEOVERS, year  # noqa: E402
from sessions_ui.geoip import Point  # noqa: E402
from sessions_ui.hints import LABELS, MOST, Hint, Seen, of_sign_in  # noqa: E402

# The detector was tuned on seeds 1 to 3.
JUDGED_ON = range(101, 121)
FIRST_MONTH = timedelta(days=30)


@dataclass
class Verdict:
    """What the detector made of one year, after its first month."""

    honest: int = 0
    hinted: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    habits: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    missed: list[SignIn] = field(default_factory=list)

    @property
    def per_hundred(self) -> float:
        """How many hints there are for a hundred honest sign-ins."""
        return 100 * self.kinds.total() / self.honest

    @property
    def others_found(self) -> int:
        return self.found.total() - self.found[HARD]


def replayed(sign_ins: list[SignIn]) -> Iterator[tuple[SignIn, list[Hint]]]:
    """Give each sign-in of a person with its hints, as it would have had them at that moment."""
    points: dict[str, Point] = {}
    before: list[Seen] = []
    for one in sign_ins:
        if one.place.city:
            points[one.ip] = Point(one.place.latitude, one.place.longitude, one.place.radius)
        device, _, browser, system = one.client
        new = Seen(one.when, one.ip, one.place.country, one.place.city, "", device, browser, system)
        yield one, of_sign_in(new, before[: -MOST - 1 : -1], locate=points.get)
        before.append(new)


def judged(years: list[list[SignIn]]) -> Verdict:
    verdict = Verdict()
    for one, hints in (pair for sign_ins in years for pair in replayed(sign_ins)):
        if one.takeover and hints:
            verdict.found[one.takeover] += 1
        elif one.takeover:
            verdict.missed.append(one)
        elif one.when - BEGIN > FIRST_MONTH:
            verdict.honest += 1
            verdict.hinted += bool(hints)
            verdict.kinds.update(hint.kind for hint in hints)
            verdict.habits.update({one.how: len(hints)})
    return verdict


def row(seed: int, verdict: Verdict) -> str:
    others = sum(TAKEOVERS.values()) - TAKEOVERS[HARD]
    kinds = ", ".join(f"{LABELS[kind].lower()} {number:,}" for kind, number in verdict.kinds.most_common())
    return (
        f"| {seed} | {verdict.honest:,} | {verdict.per_hundred:.2f} | {verdict.others_found} of {others} "
        f"| {verdict.found[HARD]} of {TAKEOVERS[HARD]} | {kinds} |"
    )


def said_of_missed(seed: int, verdict: Verdict) -> Iterator[str]:
    for one in verdict.missed:
        if one.takeover != HARD:
            place = f"{one.place.city or 'no city'}, {one.place.country}"
            yield f"* Seed {seed}: {one.takeover}; {place}, {one.client.browser} on {one.client.device}"


def summary(verdicts: dict[int, Verdict]) -> Iterator[str]:
    """Give the lines below the table: the whole, and where the false hints come from."""
    honest = sum(verdict.honest for verdict in verdicts.values())
    habits = sum((verdict.habits for verdict in verdicts.values()), Counter[str]())
    yield ""
    yield f"False hints for a hundred honest sign-ins by where they come from, over {honest:,} sign-ins:"
    yield ", ".join(f"{how} {100 * number / honest:.2f}" for how, number in habits.most_common()) + "."
    missed = [line for seed, verdict in verdicts.items() for line in said_of_missed(seed, verdict)]
    hard = sum(verdict.found[HARD] for verdict in verdicts.values())
    yield ""
    yield f"Of the {TAKEOVERS[HARD] * len(verdicts)} from {HARD}, {hard} were found. Of the others these were missed:"
    yield ""
    yield from missed or ["* none"]


def holds(seed: int, years: list[list[SignIn]]) -> str:
    """Return how many sign-ins a year holds, and how they came about."""
    ways = Counter(one.how for sign_ins in years for one in sign_ins)
    lines = [f"  {number:>7,}  {how}" for how, number in ways.most_common()]
    return "\n".join([f"Seed {seed}: {sum(ways.values()):,} sign-ins of {PEOPLE:,} people", *lines])


def seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=seeds, default=JUDGED_ON, metavar="FIRST-LAST")
    parser.add_argument("--years", action="store_true", help="say what the years hold, and judge nothing")
    options = parser.parse_args()
    if options.years:
        for seed in options.seeds:
            print(holds(seed, year(seed)), flush=True)
        return
    print("| Seed | Honest sign-ins | Hints for a hundred | Takeovers found | Hard ones found | False hints |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    verdicts: dict[int, Verdict] = {}
    for seed in options.seeds:
        verdicts[seed] = judged(year(seed))
        print(row(seed, verdicts[seed]), flush=True)
    print("\n".join(summary(verdicts)))


if __name__ == "__main__":
    main()
