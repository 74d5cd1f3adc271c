"""The permission matrix: matrix.toml says who may what, and the database and the pages are asked."""

import re
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from sessions_ui.models import (
    Limit,
    Membership,
    Network,
    Prefix,
    Review,
    ReviewedSession,
    SavedView,
    Session,
    Termination,
)

from .cast import TERMINATE, current, live, make_account, make_person, make_session, permit, previewed, signed_in

FILE = tomllib.loads(Path(__file__).with_name("matrix.toml").read_text())
ROLES: dict[str, dict[str, Any]] = FILE.pop("roles")
SESSIONS = ["acme", "bolt", "cargo", "none", "own", "current"]
NOT_ROLES = {"request", "form"}
NETWORKS = {"net-acme": "acme", "net-bolt": "bolt", "net-all": None}
NAMES = [*SESSIONS, "act-own", "act-other", *NETWORKS]
SHOWN = re.compile(r'unit-(\w+)|((?:act|net)-\w+)|<option value="(?:team|person)-(\w+)"')
VIEW: dict[str, Any] = {"name": "Shared", "shared": True, "of": "sessions", "query": "city=berlin"}
# They answer before the resolver is asked.
PROBES = {"/healthz", "/readyz"}


@dataclass(frozen=True)
class Outcome:
    """What a cell says, or what a request came to."""

    status: int
    leads_to: str = ""
    sees: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()

    @classmethod
    def stated(cls, cell: str) -> "Outcome":
        words, ends = (*cell.split(" ends "), "")[:2]
        words, sees = (*words.split(" sees "), "")[:2]
        status, leads_to = (*words.split(), "")[:2]
        return cls(int(status), leads_to, frozenset(sees.split()), frozenset(ends.split()))

    def __str__(self) -> str:
        sees = f" sees {' '.join(sorted(self.sees))}" if self.sees else ""
        ends = f" ends {' '.join(sorted(self.ends))}" if self.ends else ""
        return f"{self.status} {self.leads_to}".strip() + sees + ends

    def flipped(self) -> Iterator["Outcome"]:
        """Give every outcome that differs from this one in a single point."""
        yield replace(self, status=404 if self.status == 200 else 200)
        yield replace(self, leads_to="readyz")
        for name in NAMES:
            yield replace(self, sees=self.sees ^ {name})
            yield replace(self, ends=self.ends ^ {name})


@dataclass
class World:
    """The sessions of the file's first lines, seen by somebody with a role."""

    client: Client
    user: User
    sessions: dict[str, Session]
    ids: dict[str, uuid.UUID] = field(default_factory=dict)

    def request(self, text: str, form: dict[str, str], before: frozenset[str]) -> Outcome:
        """Make the request and see what is shown and what ended of that which was live before."""
        method, url = text.split(" ", 1)
        for name, public_id in self.ids.items():
            url = url.replace(f"{{{name}}}", str(public_id))
        if method == "POST" and url.startswith(TERMINATE):
            url, form = TERMINATE, form | {"preview": previewed(urlsplit(url).query, self.user.pk, 100)}
        response = self.client.generic(method, url, urlencode(form), content_type="application/x-www-form-urlencoded")
        leads_to = resolve(urlsplit(response["Location"]).path).view_name if "Location" in response else ""
        shown = {one or two or three for one, two, three in SHOWN.findall(response.getvalue().decode())}
        return Outcome(response.status_code, leads_to, frozenset(shown), before - self.live())

    def live(self) -> frozenset[str]:
        ids = live()
        return frozenset(name for name, session in self.sessions.items() if session.pk in ids)


def world_of(role: dict[str, Any]) -> World:
    accounts = {name: make_account(f"team-{name}") for name in ("acme", "bolt", "cargo")}
    user = make_person("person-own", is_superuser="superuser" in role, is_staff="superuser" in role)
    owners = {name: make_person(f"person-{name}") for name in ("acme", "bolt", "cargo", "none")} | {"own": user}
    permit(user, *role.get("permissions", []))
    for rank, key in (("member", "member"), ("admin", "administers")):
        for name in role.get(key, []):
            Membership.objects.create(user=user, account=accounts[name], role=rank)
    sessions = {
        name: make_session(
            owner, accounts.get(name.replace("own", "cargo")), device=f"unit-{name}", search_text="found"
        )
        for name, owner in owners.items()
    }
    world = World(Client() if "anonymous" in role else signed_in(user), user, sessions)
    if "anonymous" not in role:
        sessions["current"] = current(world.client)
        mine = Session.objects.filter(pk=sessions["current"].pk)
        mine.update(account=None, device="unit-current", search_text="found")
    for name, actor in {"act-own": user, "act-other": owners["cargo"]}.items():
        world.ids[name] = make_termination(actor, name).public_id
    shared = SavedView.objects.create(owner=owners["cargo"], account=accounts["acme"], **VIEW)
    world.ids["review"] = make_review(owners["cargo"], sessions["acme"]).public_id
    world.ids["view"] = shared.public_id
    for name, account in NETWORKS.items():
        network = Network.objects.create(name=name, account=accounts.get(account or ""))
        Prefix.of(network, "192.0.2.0/24").save()
        world.ids[name] = network.public_id
    world.ids |= {
        "limit-all": Limit.objects.create(lifetime=60_000).public_id,
        "limit-acme": Limit.objects.create(lifetime=60_000, account=accounts["acme"]).public_id,
    }
    world.ids |= {name: session.public_id for name, session in sessions.items()} | {"unknown": uuid.uuid4()}
    if "disabled" in role:
        User.objects.filter(pk=user.pk).update(is_active=False)
    return world


def make_review(reviewer: User, session: Session) -> Review:
    """Make a review of this one session."""
    said: dict[str, Any] = {
        "conditions": {"account": session.account_id},
        "reach": {"all": True},
        "cut_off": session.pk,
    }
    review = Review.objects.create(reviewer=reviewer, reviewer_label="Somebody else", **said)
    ReviewedSession.objects.create(
        review=review,
        session_id=session.pk,
        session_public_id=session.public_id,
        account_id=session.account_id,
        device=session.device,
        created_on=session.last_active_on,
        last_active_on=session.last_active_on,
    )
    return review


def make_termination(actor: User, in_words: str) -> Termination:
    made = Termination.objects.create(actor=actor, conditions={"everything": True}, reach={"all": True}, cut_off=0)
    Termination.objects.filter(pk=made.pk).update(in_words=in_words, finished_on=made.created_on)
    return made


def stated_cells(role: str) -> dict[str, Outcome]:
    """Return what the file states for the role, by action."""
    return {
        action: Outcome.stated(cell)
        for action, line in FILE.items()
        for roles, cell in line.items()
        if role in roles.split() and roles not in NOT_ROLES
    }


def observed_cells(role: str) -> dict[str, Outcome]:
    """Do every action of the file as somebody with the role, each in the same world, and return what came of it."""
    world, found = world_of(ROLES[role]), {}
    cookies, before = world.client.cookies.output(), world.live()
    for action, line in FILE.items():
        with transaction.atomic():
            found[action] = world.request(line["request"], line.get("form", {}), before)
            transaction.set_rollback(True)
        world.client.cookies = SimpleCookie(cookies.replace("Set-Cookie: ", ""))
    assert world.live() == before
    return found


def differences(stated: dict[str, Outcome], found: dict[str, Outcome]) -> dict[str, str]:
    """Return what was found in the cells where something else was stated."""
    return {action: str(found[action]) for action in stated if stated[action] != found[action]}


def url_names(patterns: list[Any], namespace: str = "") -> Iterator[str]:
    """Give the name of every URL; a namespace, such as the admin's, is one name."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from [pattern.namespace] if pattern.namespace else url_names(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield pattern.name or str(pattern.pattern)


def named(request: str) -> str:
    """Return the URL name, or the namespace, of a request in the file."""
    path = re.sub(r"\{[\w-]+\}", str(uuid.uuid4()), urlsplit(request.split(" ", 1)[1]).path)
    if path in PROBES:
        return path
    match = resolve(path)
    return match.namespace or match.view_name


def left_out(actions: dict[str, Any]) -> set[str]:
    stated = {named(line["request"]) for line in actions.values()}
    return ({*url_names(get_resolver().url_patterns)} | PROBES) - stated


class MatrixTests:
    """R060, R062, R064, R083: the file is the rule, the database and the pages are asked."""

    @pytest.mark.parametrize("role", ROLES)
    def test_every_cell_is_as_stated_and_none_could_be_flipped(self, role: str) -> None:
        stated, found = stated_cells(role), observed_cells(role)
        assert differences(stated, found) == {}
        for action in stated:
            for flipped in stated[action].flipped():
                assert differences({action: flipped}, found).keys() == {action}


class MatrixFileTests:
    def test_no_url_is_missing(self) -> None:
        assert left_out(FILE) == set()

    @pytest.mark.parametrize("url", sorted({named(line["request"]) for line in FILE.values()}))
    def test_a_url_without_a_line_is_noticed(self, url: str) -> None:
        rest = {action: line for action, line in FILE.items() if named(line["request"]) != url}
        assert left_out(rest) == {url}

    @pytest.mark.parametrize("action", FILE)
    def test_every_role_has_one_cell(self, action: str) -> None:
        stated = [role for roles in FILE[action].keys() - NOT_ROLES for role in roles.split()]
        assert sorted(stated) == sorted(ROLES)
