"""What a row of the login records says, put together before its template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from .login_records import LoginRecord
from .models import Account, Application, SessionEvent
from .models.events import users_of
from .models.plain_text import plainly
from .models.search_text import normalise
from .naming import login_name, person_name
from .rows import NOT_KNOWN, NOTHING, WITHOUT_ACCOUNT, Links, OriginCells, linked, origin_cells


class RecordRow(OriginCells):
    """What one row says; cells that lead somewhere are their links.

    A dictionary, because of anything else a template first asks whether it is one, by way of an exception.
    """

    record: LoginRecord
    user: SafeString
    person: str
    account: SafeString
    application: SafeString
    happened_on: datetime


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
    account, slug = accounts.get(event.account_id or 0), slugs.get(event.application_id or 0)
    return {
        "record": record,
        "user": _user(user, event, links),
        "person": _person(user, event),
        "account": _as_it_was(event.account_label, links.only("account", account.slug) if account else "")
        or WITHOUT_ACCOUNT,
        "application": _as_it_was(event.application_label, links.only("application", slug) if slug else "")
        or NOT_KNOWN,
        "happened_on": event.happened_on,
        **origin_cells(event, links),
    }


def _as_it_was(label: str, narrows: str) -> SafeString:
    """Return the label, as a link where something still bears the name."""
    if narrows:
        return linked(narrows, label)
    return format_html('<span class="cut" title="{0}">{0}</span>', label) if label else NOTHING


def _user(user: Any, event: SessionEvent, links: Links) -> SafeString:
    """Return what leads to this user's records or, where nobody has the name now, to those that hold it."""
    label = plainly(event.user_label) or "No name"
    if user is not None:
        return linked(links.only("user", str(user.get_username())), label)
    is_sought = normalise(event.user_label).strip('"')
    return linked(links.only("q", f'"{event.user_label}"'), label) if is_sought else conditional_escape(label)


def _person(user: Any, event: SessionEvent) -> str:
    """Return what the user of this name is called now, or that there is none."""
    if user is None:
        return "No such user now" if event.user_key else "No such user"
    renamed = f", now {login_name(user)}" if user.get_username() != event.user_label else ""
    return person_name(user) + renamed
