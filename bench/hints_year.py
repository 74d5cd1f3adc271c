"""A generated year of sign-ins: a thousand people with habits, and fifty takeovers among them.

The habits: an office whose address is shared, a home whose address changes with the lease, a carrier whose
addresses lie anywhere in the country, a VPN of the company or of one's own, cafés, business trips and holidays with
flights that take their time, roaming by the carrier at home, new phones and laptops, browsers that update themselves,
a second browser, a move to another flat or provider. All by dice, so that one seed gives one year.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

from bench.hints_people import BEGIN, DAYS, Client, Company, Person, SignIn, Trip, computer, phone
from bench.hints_world import CITIES, HOMES, World, kilometres

PEOPLE, COMPANIES = 1_000, 40
HARD = "the victim’s country and browser"
TAKEOVERS = {
    "abroad": 16,
    "abroad, in a copy of the victim’s browser": 10,
    "the victim’s country, another browser": 14,
    HARD: 10,
}
# Not before there is something to compare with: a first month is nobody's habit.
FIRST_TAKEOVER = 45
AIR_SPEED_KMH, AIRPORTS = 750, timedelta(hours=2.5)


def year(seed: int) -> list[list[SignIn]]:
    """Return the sign-ins of each person, in their order, with the takeovers among them."""
    dice = random.Random(seed)  # noqa: S311
    world = World(dice)
    people = _people(dice, world)
    years = [sorted(person.year(), key=lambda sign_in: sign_in.when) for person in people]
    for kind, victim in zip(_kinds(), dice.sample(people, sum(TAKEOVERS.values())), strict=True):
        years[victim.number].append(_takeover(kind, victim, years[victim.number], dice))
        years[victim.number].sort(key=lambda sign_in: sign_in.when)
    return years


def _kinds() -> Iterator[str]:
    for kind, number in TAKEOVERS.items():
        yield from [kind] * number


def _people(dice: random.Random, world: World) -> list[Person]:
    companies = [_company(dice, world) for _ in range(COMPANIES)]
    return [_person(number, companies[number % COMPANIES], dice, world) for number in range(PEOPLE)]


def _company(dice: random.Random, world: World) -> Company:
    country = dice.choice(HOMES)
    cities = dice.sample(CITIES[country], min(len(CITIES[country]), dice.choice([1, 1, 2, 3])))
    if dice.random() < 0.2:
        cities.append(dice.choice(CITIES[dice.choice(HOMES)]))
    offices = {city: dice.choice(world.lines[city]).address(dice) for city in cities}
    exits = world.rented[country if dice.random() < 0.7 else dice.choice(HOMES)]
    return Company(offices, dice.choice(exits).address(dice) if dice.random() < 0.4 else "")


def _person(number: int, company: Company, dice: random.Random, world: World) -> Person:
    city = dice.choice([*company.offices])
    exits = [dice.choice(world.rented[dice.choice([*CITIES])]).address(dice) for _ in range(3)]
    person = Person(
        number,
        random.Random(dice.random()),  # noqa: S311
        world,
        company,
        city,
        dice.choice(world.lines[city]),
        dice.choice(world.carriers[city.country]),
        computer(dice),
        phone(dice) if dice.random() < 0.8 else None,
        computer(dice) if dice.random() < 0.5 else None,
        dice.uniform(0.1, 0.9),
        exits if dice.random() < 0.04 else [],
        dice.random() < 0.35,
        dice.choice([2, 14, 60, 365]),
    )
    person.trips = [*_trips(person)]
    return person


def _trips(person: Person) -> Iterator[Trip]:
    """Yield trips that do not overlap: a few on business, one to three for pleasure."""
    dice, taken = person.dice, [False] * (DAYS + 40)
    on_business = dice.choices([0, 1, 2, 4, 8], [30, 25, 20, 15, 10])[0]
    for for_pleasure in [True] * dice.randint(1, 3) + [False] * on_business:
        days = dice.randint(4, 14) if for_pleasure else dice.randint(1, 4)
        first = dice.randrange(DAYS)
        if any(taken[first - 1 if first else 0 : first + days + 2]):
            continue
        taken[first : first + days + 1] = [True] * (days + 1)
        yield _trip(person, first, days, for_pleasure)


def _trip(person: Person, first: int, days: int, for_pleasure: bool) -> Trip:
    dice, roll = person.dice, person.dice.random()
    everywhere = [city for cities in CITIES.values() for city in cities if city != person.city]
    if roll < 0.4:
        candidates = [city for city in CITIES[person.city.country] if city != person.city]
    elif roll < 0.8:
        candidates = sorted(everywhere, key=lambda city: kilometres(city, person.city))[:12]
    else:
        candidates = everywhere
    to = (
        dice.choice([*person.company.offices]) if not for_pleasure and dice.random() < 0.4 else dice.choice(candidates)
    )
    to = to if to != person.city else dice.choice(candidates)
    flight = AIRPORTS + timedelta(hours=kilometres(person.city, to) / AIR_SPEED_KMH)
    leaves = BEGIN + timedelta(days=first, hours=dice.uniform(5, 18))
    back = leaves + timedelta(days=days, hours=dice.uniform(-3, 3))
    hotel = dice.choice(person.world.lines[to]).address(dice)
    local = dice.choice(person.world.carriers[to.country])
    roams_home = to.country != person.city.country and dice.random() < 0.5
    return Trip(to, leaves, leaves + flight, back, back + flight, for_pleasure, hotel, local, roams_home)


def _takeover(kind: str, victim: Person, honest: list[SignIn], dice: random.Random) -> SignIn:
    when = BEGIN + timedelta(days=dice.uniform(FIRST_TAKEOVER, DAYS))
    elsewhere = [country for country in CITIES if country != victim.city.country]
    country = dice.choice(elsewhere) if kind.startswith("abroad") else victim.city.country
    lines = [line for city in CITIES[country] for line in victim.world.lines[city] if line != victim.line]
    ip = dice.choice(lines + victim.world.rented[country] * 2).address(dice)
    day = (when - BEGIN).days
    before = [sign_in.client for sign_in in honest if sign_in.when < when]
    client = before[-1] if before and ("copy" in kind or kind == HARD) else _attackers(before, day, dice)
    return SignIn(victim.number, when, ip, victim.world.place(ip), client, kind, kind)


def _attackers(before: list[Client], day: int, dice: random.Random) -> Client:
    """Return a client that is not one of the victim's, whatever its version."""
    known = {(client.os, client.browser.rpartition(" ")[0]) for client in before}
    while True:
        device = computer(dice) if dice.random() < 0.8 else phone(dice)
        if (device.os, device.family) not in known:
            return device.client(day, dice)
