"""Demo people: those of people.csv, and a crowd that is made up from them."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from .checks import DEMO_GROUP
from .demo_addresses import address
from .models import Account, Membership

ACCOUNTS = {
    "brightwater-energy": "Brightwater Energy",
    "nordlicht-verlag": "Nordlicht Verlag",
    "kestrel-logistics": "Kestrel Logistics",
    "harbour-foods": "Harbour Foods",
    "lumen-clinic": "Lumen Clinic",
    "alder-finch": "Alder & Finch",
    "osei-textiles": "Osei Textiles",
    "fern-tide": "Fern <&> Tide",
    "messtechnik": "Internationale Gesellschaft für Messtechnik mbH",
}
PLATFORM_ADMINISTRATOR = "marta"
BATCH = 1_000
PEOPLE_FILE = Path(__file__).parent / "management" / "demo" / "people.csv"


class Person(NamedTuple):
    """A line of people.csv."""

    username: str
    first_name: str
    last_name: str
    email: str
    accounts: str
    role: str
    home: str


class Seat(NamedTuple):
    """A demo person in one of his accounts, or in none, and the address he mostly comes from."""

    user_id: int
    username: str
    account: Account | None
    home: str


def cast() -> list[Person]:
    """Return the people of people.csv: the three whose sign-ins are shown, then ordinary and awkward names."""
    with PEOPLE_FILE.open(encoding="utf-8", newline="") as file:
        return [Person(**line) for line in csv.DictReader(file)]


def crowd() -> Iterator[Person]:
    """Go on for ever with people who have a first name of one of the cast and the last name of another."""
    dice = chance("crowd")
    named = [person for person in cast() if person.first_name and person.last_name]
    for number in range(len(cast()) + 1, 10**9):
        first, last, account = dice.choice(named).first_name, dice.choice(named).last_name, dice.choice([*ACCOUNTS])
        name = f"person.{number}"
        yield Person(name, first, last, f"{name}@{account}.example", account, "member", address(dice))


def make_people(number: int, password: str) -> list[Seat]:
    """Make accounts and people, all with this password, and return where each may sign in."""
    group = Group.objects.create(name=DEMO_GROUP)
    accounts = {slug: Account.objects.create(slug=slug, name=name) for slug, name in ACCOUNTS.items()}
    hashed = make_password(password)
    people = islice(chain(cast(), crowd()), number)
    seats: list[Seat] = []
    while batch := list(islice(people, BATCH)):
        seats += make_batch_of_people(batch, hashed, group, accounts)
    return seats


def make_batch_of_people(people: list[Person], hashed: str, group: Group, accounts: dict[str, Account]) -> list[Seat]:
    User = get_user_model()
    users = User.objects.bulk_create(
        User(
            username=person.username,
            first_name=person.first_name,
            last_name=person.last_name,
            email=person.email,
            password=hashed,
            is_staff=person.username == PLATFORM_ADMINISTRATOR,
            is_superuser=person.username == PLATFORM_ADMINISTRATOR,
        )
        for person in people
    )
    of_group = User.groups.through
    of_group.objects.bulk_create(of_group(user_id=user.pk, group_id=group.pk) for user in users)
    places = [
        (user.pk, accounts.get(slug), person)
        for user, person in zip(users, people, strict=True)
        for slug in person.accounts.split() or [""]
    ]
    Membership.objects.bulk_create(
        Membership(user_id=pk, account=account, role=person.role) for pk, account, person in places if account
    )
    return [Seat(pk, person.username, account, person.home) for pk, account, person in places]


def chance(seed: str) -> random.Random:
    """Return dice that fall alike each time: screenshots should not change with every run. Never for secrets."""
    return random.Random(seed)  # noqa: S311
