"""SessionFilter: the parameters of the list, cleaned once and for every door."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from ipaddress import ip_network
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import dateparse, timezone
from django.utils.formats import date_format

from .client import parse_address
from .geoip import COUNTRIES
from .models import Application, SessionQuerySet
from .models.reaches import accounts_within, users_within
from .models.scopes import Conditions, Reach, conditions_q
from .models.search_text import normalise
from .useragent import DEVICE_KINDS

NO_ACCOUNT = "-"
MAX_WORDS = 8
DAYS = re.compile(r"([1-9][0-9]{0,3})d")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter as it was understood: a condition, and how a chip and a sentence say it."""

    condition: str
    value: Any
    chip: str
    phrase: str


class SessionFilter(forms.Form):
    """A GET form that turns the parameters of the list into conditions.

    Unknown, repeated, foreign and unreadable values are errors and never
    ignored: the next click may terminate.
    """

    q = forms.CharField(required=False, max_length=200, label="Search")
    account = forms.CharField(required=False, max_length=200)
    user = forms.CharField(required=False, max_length=254)
    application = forms.CharField(required=False, max_length=100)
    country = forms.CharField(required=False, max_length=2)
    device = forms.CharField(required=False, max_length=20)
    address = forms.CharField(required=False, max_length=60)
    before = forms.CharField(required=False, max_length=40)
    dormant = forms.CharField(required=False, max_length=10)

    def __init__(self, params: QueryDict, reach: Reach) -> None:
        super().__init__(params)
        self.reach = reach
        self.params = params

    def clean(self) -> dict[str, Any]:
        for name, values in self.params.lists():
            if name not in self.fields:
                self.add_error(None, ValidationError(f"There is no filter “{name[:60]}”.", params={"parameter": name}))
            elif len(values) > 1:
                self.add_error(name, f"The filter “{name}” is given more than once.")
        return self.cleaned_data

    @property
    def criteria(self) -> dict[str, Criterion]:
        """The parameters that are set, by name."""
        return {name: found for name, found in self.cleaned_data.items() if isinstance(found, Criterion)}

    @property
    def problems(self) -> dict[str, str]:
        """A sentence for each parameter that could not be read."""
        return {
            (error.params or {}).get("parameter", name): " ".join(error.messages)
            for name, errors in self.errors.as_data().items()
            for error in errors
        }

    @property
    def conditions(self) -> Conditions:
        """The conditions of a scope; empty when nothing is set."""
        return {criterion.condition: criterion.value for criterion in self.criteria.values()}

    @property
    def in_words(self) -> str:
        """What is kept, as the end of the sentence "Every session …"."""
        return " ".join(criterion.phrase for criterion in self.criteria.values())

    def filter(self, sessions: SessionQuerySet) -> SessionQuerySet:
        """Keep the sessions that meet every parameter."""
        return sessions.filter(conditions_q(self.conditions)) if self.conditions else sessions

    # One method for each parameter: text in, Criterion or None out.

    def clean_q(self) -> Criterion | None:
        text = self.cleaned_data["q"]
        words = normalise(text).split()
        if text and not words:
            raise ValidationError(f"“{text}” holds nothing to search for; use letters, digits or signs.")
        if len(words) > MAX_WORDS:
            raise ValidationError(f"Search for {MAX_WORDS} words at most.")
        return Criterion("words", words, f"Search: {text}", f"matching “{text}”") if words else None

    def clean_account(self) -> Criterion | None:
        text = self.cleaned_data["account"]
        if text == NO_ACCOUNT:
            return Criterion("account", None, "No account", "without an account")
        account = text and _the_one(accounts_within(self.reach), text, ["slug", "name__iexact"], "account")
        return (account and Criterion("account", account.pk, f"Account: {account}", f"in account {account}")) or None

    def clean_user(self) -> Criterion | None:
        User = get_user_model()
        text = self.cleaned_data["user"]
        names = [User.USERNAME_FIELD, f"{User.get_email_field_name()}__iexact"]
        user = text and _the_one(users_within(self.reach), text, names, "user")
        return (user and Criterion("user", str(user.pk), f"User: {user}", f"of {user}")) or None

    def clean_application(self) -> Criterion | None:
        text = self.cleaned_data["application"]
        application = text and _the_one(Application.objects.all(), text, ["slug"], "application")
        if not application:
            return None
        return Criterion("application", application.pk, f"Application: {application}", f"in {application}")

    def clean_country(self) -> Criterion | None:
        code = self.cleaned_data["country"].upper()
        if not code:
            return None
        if code not in COUNTRIES:
            raise ValidationError(f"There is no country “{code}”; use two letters, such as DE.")
        name = COUNTRIES[code]
        return Criterion("country", code, f"Country: {name}", f"from {name}")

    def clean_device(self) -> Criterion | None:
        kind = self.cleaned_data["device"]
        if kind and kind not in DEVICE_KINDS:
            raise ValidationError(f"There is no kind of device “{kind}”; use one of {', '.join(DEVICE_KINDS)}.")
        label = DEVICE_KINDS.get(kind, "")
        return Criterion("device_kind", kind, f"Device: {label}", f"on a device of the kind {label}") if kind else None

    def clean_address(self) -> Criterion | None:
        text = self.cleaned_data["address"]
        if not text:
            return None
        try:
            # Origins are stored without a zone, which only one machine understands, and mapped addresses as IPv4.
            network = ip_network("" if "%" in text else parse_address(text) or text, strict=False)
        except ValueError as error:
            raise ValidationError(
                f"“{text}” is neither an address nor a network; write 203.0.113.7 or 203.0.113.0/24."
            ) from error
        shown = str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
        return Criterion("network", str(network), f"Address: {shown}", f"from address {shown}")

    def clean_before(self) -> Criterion | None:
        text = self.cleaned_data["before"]
        instant = text and _instant(text)
        if not instant:
            return None
        shown = date_format(timezone.localtime(instant), "j F Y, H:i")
        return Criterion("created_before", instant.isoformat(), f"Before: {shown}", f"signed in before {shown}")

    def clean_dormant(self) -> Criterion | None:
        text = self.cleaned_data["dormant"]
        if not text:
            return None
        days = DAYS.fullmatch(text)
        today = timezone.now().date()
        since = today - timedelta(days=int(days[1])) if days else _parsed(dateparse.parse_date, text)
        if since is None or since > today:
            raise ValidationError(f"“{text}” is neither days nor a day in the past; write 30d or 2026-01-31.")
        shown = date_format(since, "j F Y")
        return Criterion("dormant_since", since.isoformat(), f"Not active since: {shown}", f"not active since {shown}")


def _the_one(candidates: QuerySet[Any], text: str, names: list[str], what: str) -> Any:
    for name in names:
        found = list(candidates.filter(**{name: text})[:2])
        if len(found) == 1:
            return found[0]
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


def suggestions(what: str, text: str, reach: Reach, most: int = 10) -> list[tuple[str, str]]:
    """Return the accounts or users whose names begin with the text, as (value of the parameter, label)."""
    User = get_user_model()
    if what == "account":
        accounts = accounts_within(reach).filter(Q(name__istartswith=text) | Q(slug__istartswith=text))
        return [(account.slug, account.name) for account in accounts[:most]]
    names = {User.USERNAME_FIELD, User.get_email_field_name(), "first_name", "last_name"}
    names &= {field.name for field in User._meta.concrete_fields}
    begins = Q(*((f"{name}__istartswith", text) for name in sorted(names)), _connector=Q.OR)
    users = users_within(reach).filter(begins).order_by(User.USERNAME_FIELD)[:most]
    return [(user.get_username(), user.get_full_name() or str(getattr(user, "email", ""))) for user in users]
