"""What hints are judged on: `python -m bench.hints [--seeds 101-103]` prints what each generated year holds."""

import argparse
from collections import Counter

from bench.hints_people import SignIn
from bench.hints_year import PEOPLE, year

# Kept apart from the start: a detector is tuned on some years and judged on others.
TUNED_ON = range(1, 6)
JUDGED_ON = range(101, 121)


def seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def summary(seed: int, years: list[list[SignIn]]) -> str:
    """Return the number of sign-ins of a year, and how they came about."""
    ways = Counter(sign_in.how for one in years for sign_in in one)
    lines = [f"  {number:>7,}  {how}" for how, number in ways.most_common()]
    return "\n".join([f"Seed {seed}: {sum(ways.values()):,} sign-ins of {PEOPLE:,} people", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=seeds, default=JUDGED_ON, metavar="FIRST-LAST")
    for seed in parser.parse_args().seeds:
        print(summary(seed, year(seed)))


if __name__ == "__main__":
    main()
