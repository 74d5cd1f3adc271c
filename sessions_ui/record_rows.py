"""What a row of the login records says, put together before its template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict

from django.http import HttpRequest
from django.utils.safestring import SafeString

from .geoip import country_name
from .login_records import LoginRecord
from .models import Account, Application, SessionEvent
from .models.events import users_of
from .models.plain_text import plainly
from .models.search_text import normalise
from .naming import login_name, person_name
from .rows import Links, device_icon


class RecordRow(TypedDict):
    """What one row says; `only` holds, by parameter, where the link of a cell leads: nowhere where it is not in there.

    A dictionary, because of anything else a template first asks whether it is one, by way of an exception.
    """

    record: LoginRecord
    user: str
    narrows_to_user: str
    person: str
    account: str
    application: str
    ip: str
    country: str
    country_name: str
    location: str
    icon: str
    device: str
    browser: str
    happened_on: datetime
    only: dict[str, SafeString]


def record_rows(
    request: HttpRequest, records: Sequence[LoginRecord], applications: Iterable[Application]
) -> list[RecordRow]:
    """Return the rows of these records: names as they were, and links to what bears the names now."""
    events, links = [record.event for record in records], Links(request.GET)
    users = users_of({event.user_key for event in events} - {""})
    accounts = Account.objects.in_bulk({event.account_id for event in events} - {None})
    slugs = {application.pk: application.slug for application in applications}
    return [_row(record, users.get(record.event.user_key), accounts, slugs, links) for record in records]


def _row(
    record: LoginRecord, user: Any, accounts: dict[int, Account], slugs: dict[int, str], links: Links
) -> RecordRow:
    event = record.event
    account = accounts.get(event.account_id or 0)
    values = _of_origin(event) | {
        "account": account.slug if account else "",
        "application": slugs.get(event.application_id or 0, ""),
    }
    return {
        "record": record,
        "user": plainly(event.user_label) or "No name",
        "narrows_to_user": _narrows_to_user(user, event, links),
        "person": _person(user, event),
        "account": event.account_label,
        "application": event.application_label,
        "ip": event.ip or "",
        "country": event.country,
        "country_name": country_name(event.country),
        "location": event.location,
        "icon": device_icon(event),
        "device": event.device,
        "browser": event.browser,
        "happened_on": event.happened_on,
        "only": {parameter: links.only(parameter, value) for parameter, value in values.items() if value},
    }


def _of_origin(event: SessionEvent) -> dict[str, str]:
    return {
        "address": event.ip or "",
        "country": event.country,
        "city": event.location,
        "device": event.device,
        "browser": event.browser,
    }


def _narrows_to_user(user: Any, event: SessionEvent, links: Links) -> str:
    """Return the query string of this user's records or, where nobody has the name now, of those that hold it."""
    if user is not None:
        return links.only("user", str(user.get_username()))
    return links.only("q", f'"{event.user_label}"') if normalise(event.user_label).strip('"') else ""


def _person(user: Any, event: SessionEvent) -> str:
    """Return what the user of this name is called now, or that there is none."""
    if user is None:
        return "No such user now" if event.user_key else "No such user"
    renamed = f", now {login_name(user)}" if user.get_username() != event.user_label else ""
    return person_name(user) + renamed
