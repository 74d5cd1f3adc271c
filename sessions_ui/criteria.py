"""What each filter of the list understands: text in, a criterion out, or a sentence that says what to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from ipaddress import ip_network
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import dateparse, timezone
from django.utils.formats import date_format

from .client import parse_address
from .geoip import COUNTRIES
from .login_records import Outcome, people_within
from .models import Account, Application
from .models.reaches import accounts_within, users_within
from .models.scopes import Conditions, Reach
from .models.search_text import normalise, whole
from .renames import being_renamed
from .search import box
from .useragent import DEVICE_KINDS

NO_ACCOUNT = "-"
LOOK = {"1": True, "yes": True, "0": False, "no": False}
DAYS = re.compile(r"([1-9][0-9]{0,3})d")
# The search index knows three characters in a row; shorter words are compared with whole values.
SHORTEST_WORD = 3
# Conditions that are lists, all of whose members must be met.
SEVERAL = frozenset({"words", "all_of", "none_of"})
# So many of the same name are told apart in a sentence.
MOST_NAMESAKES = 5
VALUES = ["country_code", "browser", "os", "account_slug", "application_slug"]
# "10.55." and "2001:db8:" mean all addresses that begin so.
IPV4_BEGINNING = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}\.?")
IPV6_BEGINNING = re.compile(r"(?:[0-9a-f]{1,4}:){1,7}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter as it was understood: its conditions, and how a chip and a sentence say it."""

    conditions: Conditions
    chip: str
    phrase: str


Reader = Callable[[str, Reach], Criterion]


def read_search_of_sessions(text: str, reach: Reach) -> Criterion:
    """Read the search of live sessions, which have the new name at once when their account or application gets one."""
    return _search(text, reach, READERS, being_renamed())


def read_search_of_records(text: str, reach: Reach) -> Criterion:
    return _search(text, reach, RECORD_READERS, [])


def _search(
    text: str, reach: Reach, readers: Mapping[str, Reader], renamed: list[tuple[str, Conditions]]
) -> Criterion:
    try:
        terms = box.terms(text)
    except box.UnreadableSearch as error:
        raise ValidationError(str(error)) from error
    parts: list[Conditions] = []
    for term in terms:
        read = readers[term.filter] if term.filter else None
        conditions = read(term.text, reach).conditions if read else _holding(term.text, renamed)
        parts.append({"none_of": [conditions]} if term.left_out else conditions)
    return Criterion(together(parts), f"Search: {text}", f"matching “{text}”")


def _holding(word: str, renamed: list[tuple[str, Conditions]]) -> Conditions:
    any_word = [whole(part, word) for part in VALUES] if len(word) < SHORTEST_WORD else [word]
    sought: Conditions = {"any_word": any_word} if len(word) < SHORTEST_WORD else {"words": [word]}
    by_new_name = [its for new_text, its in renamed if any(one in new_text for one in any_word)]
    return {"any_of": [sought, *by_new_name]} if by_new_name else sought


def together(parts: Iterable[Conditions]) -> Conditions:
    """Return the conditions that are met where all of these are."""
    met: dict[str, Any] = {}
    for name, value in (item for part in parts for item in part.items()):
        if name in SEVERAL:
            met[name] = [*met.get(name, []), *(one for one in value if one not in met.get(name, []))]
        elif met.setdefault(name, value) != value:
            met["all_of"] = [*met.get("all_of", []), {name: value}]
    return met


def read_account(text: str, reach: Reach) -> Criterion:
    if text == NO_ACCOUNT:
        return Criterion({"account": None}, "No account", "without an account")
    account = read_account_within(accounts_within(reach), text)
    return Criterion({"account": account.pk}, f"Account: {account}", f"in account {account}")


def read_account_within(accounts: QuerySet[Account], text: str) -> Account:
    """Return the one of these accounts that has this slug or name; raises ValidationError with a sentence."""
    account: Account = _the_one(accounts, text, ["slug", "name__same_letters", "slug__same_letters"], "account")
    return account


def read_user(text: str, reach: Reach) -> Criterion:
    return _read_user(users_within(reach), text)


def read_user_on_record(text: str, reach: Reach) -> Criterion:
    return _read_user(people_within(reach), text)


def _read_user(users: QuerySet[Any], text: str) -> Criterion:
    User = get_user_model()
    names = [User.USERNAME_FIELD, f"{User.get_email_field_name()}__iexact", f"{User.USERNAME_FIELD}__iexact"]
    user = _the_one(users, text, names, "user")
    return Criterion({"user": str(user.pk)}, f"User: {user}", f"of {user}")


def read_application(text: str, reach: Reach) -> Criterion:
    application = _the_one(Application.objects.all(), text, ["slug", "name__same_letters"], "application")
    return Criterion({"application": application.pk}, f"Application: {application}", f"in {application}")


def read_country(text: str, reach: Reach) -> Criterion:
    code = country_code(text)
    if not code:
        raise ValidationError(f"There is no country “{text}”; use two letters, such as DE, or its English name.")
    name = COUNTRIES[code]
    return Criterion({"country": code}, f"Country: {name}", f"from {name}")


def country_code(text: str) -> str:
    """Return the code of the country of this code or English name, or nothing."""
    return text.upper() if text.upper() in COUNTRIES else _codes().get(normalise(text), "")


@cache
def _codes() -> dict[str, str]:
    return {normalise(name): code for code, name in COUNTRIES.items()}


def read_device(text: str, reach: Reach) -> Criterion:
    kind = text.lower()
    if kind not in DEVICE_KINDS:
        return _beginning("device", text, "Device", "on a device that begins with")
    label = DEVICE_KINDS[kind]
    return Criterion({"device_kind": kind}, f"Device: {label}", f"on a device of the kind {label}")


def read_city(text: str, reach: Reach) -> Criterion:
    return _beginning("location", text, "City", "from a place that begins with")


def read_browser(text: str, reach: Reach) -> Criterion:
    return _beginning("browser", text, "Browser", "in a browser that begins with")


def read_os(text: str, reach: Reach) -> Criterion:
    return _beginning("os", text, "System", "on a system that begins with")


def _beginning(part: str, text: str, label: str, phrase: str) -> Criterion:
    sought = normalise(text)
    if len(sought) < SHORTEST_WORD - 1:
        raise ValidationError(f"“{text}” is too short; write two letters or more.")
    return Criterion({part: sought}, f"{label}: {text}", f"{phrase} “{text}”")


def read_address(text: str, reach: Reach) -> Criterion:
    try:
        # Origins are stored without a zone, which only one machine understands, and mapped addresses as IPv4.
        network = ip_network("" if "%" in text else parse_address(text) or _network(text), strict=False)
    except ValueError as error:
        raise ValidationError(
            f"“{text}” is neither an address nor a network; write 203.0.113.7, 203.0.113.0/24 or 203.0.113."
        ) from error
    shown = str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
    return Criterion({"network": str(network)}, f"Address: {shown}", f"from address {shown}")


def _network(text: str) -> str:
    """Return the network of all addresses that begin so; anything else as it is."""
    if IPV4_BEGINNING.fullmatch(text):
        octets = text.rstrip(".").split(".")
        return f"{'.'.join(octets + ['0'] * (4 - len(octets)))}/{8 * len(octets)}"
    if IPV6_BEGINNING.fullmatch(text):
        return f"{text}:/{16 * text.count(':')}" if text.count(":") < 7 else f"{text}0/112"
    return text


def read_before(text: str, reach: Reach) -> Criterion:
    instant = _instant(text)
    return Criterion(
        {"created_before": instant.isoformat()}, f"Before: {_said(instant)}", f"signed in before {_said(instant)}"
    )


def read_after(text: str, reach: Reach) -> Criterion:
    instant = _instant(text)
    return Criterion(
        {"created_after": instant.isoformat()}, f"After: {_said(instant)}", f"signed in after {_said(instant)}"
    )


def _said(instant: datetime) -> str:
    return date_format(timezone.localtime(instant), "j F Y, H:i")


def read_dormant(text: str, reach: Reach) -> Criterion:
    days = DAYS.fullmatch(text)
    today = timezone.now().date()
    since = today - timedelta(days=int(days[1])) if days else _parsed(dateparse.parse_date, text)
    if since is None or since > today:
        raise ValidationError(f"“{text}” is neither days nor a day in the past; write 30d or 2026-01-31.")
    shown = date_format(since, "j F Y")
    return Criterion({"dormant_since": since.isoformat()}, f"Not active since: {shown}", f"not active since {shown}")


def read_look(text: str, reach: Reach) -> Criterion:
    if text.lower() not in LOOK:
        raise ValidationError(f"“{text}” is neither yes nor no: write yes for what needs a look, no for the others.")
    needs = LOOK[text.lower()]
    chip, phrase = ("Needs a look", "in need of a look") if needs else ("Needs no look", "in no need of a look")
    return Criterion({"needs_look": needs}, chip, phrase)


def read_outcome(text: str, reach: Reach) -> Criterion:
    if text not in Outcome.values:
        raise ValidationError(f"There is no outcome “{text}”; write one of {', '.join(Outcome.values)}.")
    label = Outcome(text).label
    return Criterion({}, f"Outcome: {label}", f"with the outcome “{label}”")


READERS: dict[str, Reader] = {
    "q": read_search_of_sessions,
    "account": read_account,
    "user": read_user,
    "application": read_application,
    "country": read_country,
    "city": read_city,
    "device": read_device,
    "browser": read_browser,
    "os": read_os,
    "address": read_address,
    "before": read_before,
    "after": read_after,
    "dormant": read_dormant,
    "look": read_look,
}


# Of login records: the names of then, also of people who have left since.
RECORD_READERS: dict[str, Reader] = READERS | {
    "q": read_search_of_records,
    "user": read_user_on_record,
    "outcome": read_outcome,
}


def _the_one(candidates: QuerySet[Any], text: str, names: list[str], what: str) -> Any:
    for name in names:
        found = list(candidates.filter(**{name: text})[:MOST_NAMESAKES])
        if len(found) == 1:
            return found[0]
        if found:
            own = " or ".join(str(getattr(one, names[0])) for one in found)
            raise ValidationError(f"More than one {what} here is called “{text}”; write {own}.", code="ambiguous")
    raise ValidationError(f"There is no {what} “{text}” here.", code="unknown")


def _instant(text: str) -> datetime:
    found = _parsed(dateparse.parse_datetime, text)
    if found is None and (day := _parsed(dateparse.parse_date, text)):
        found = datetime.combine(day, time.min)
    if found is None or not 2000 <= found.year <= 2100:
        raise ValidationError(f"“{text}” is not a time; write 2026-01-31 or 2026-01-31T14:00.")
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        # Well formed, but no such day.
        return None
