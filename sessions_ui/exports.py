"""Taking a list along as a file: page after page, each its own query, so that its length costs no memory.

A row stands in the file if it was live when its page was read. What began after the export is not in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from typing import Any

from django.db import DatabaseError, InterfaceError, connections, router
from django.db.models import Q
from django.db.models.functions import Now

from .filters import SessionFilter
from .geoip import country_name
from .login_records import with_outcomes
from .models import Export, Fence, Session
from .models.scopes import Reach, UnreadableScope
from .naming import record_name, searchable_user
from .sheet import BOM, Cell, lines
from .time_limit import TookTooLong, time_limit

ROWS = 1_000
PAGE_SECONDS = 20.0
LONGEST = timedelta(minutes=15)
# Each holds one of the server's threads for as long as its browser takes.
MOST_AT_ONCE = 2
MOST, WITHIN = 10, timedelta(minutes=10)

logger = logging.getLogger(__name__)
Rows = Sequence[Any]


class TooManyExports(Exception):
    """Somebody takes along more than the server can give him beside its other work; says when to try again."""

    def __init__(self, sentence: str, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class BrokenOff(Exception):
    """The export cannot go on; its text says why, behind "This file is not complete: "."""


@dataclass(frozen=True)
class Sheet:
    """One list as a file: its columns, what is loaded of its rows and what of each stands in the cells."""

    what: Export.What
    columns: Sequence[str]
    loaded: Callable[[Any], Any]
    cells: Callable[[Rows, Reach, Fence], Iterable[Iterable[Cell]]]


def begin(sheet: Sheet, wanted: SessionFilter, by: Any, own: int | None) -> Iterator[bytes]:
    """Write down who takes what along, and return the file in pieces.

    The file is no longer than the session `own` lives. Raises TooManyExports, and
    what keeps the first page from being read: later there is only the file to say it in.
    """
    phrase = f"Every {'session' if sheet.what == Export.What.SESSIONS else 'sign-in'} {wanted.in_words}".rstrip()
    export = written_down(sheet.what, phrase, by, conditions=dict(wanted.conditions), reach=dict(wanted.reach))
    pages = _pages(sheet, wanted, own)
    try:
        first = next(pages, None)
    except BaseException as error:
        finish(export, 0, _why(error))
        raise
    return _file(export, sheet, chain([first] if first else [], pages))


def written_down(what: Export.What, in_words: str, by: Any, **particulars: Any) -> Export:
    """Store who takes what along, before he has it; raises TooManyExports."""
    refuse_too_many(by)
    label = record_name(by)[:254]
    return Export.objects.create(actor_id=by.pk, actor_label=label, what=what, in_words=in_words, **particulars)


def refuse_too_many(by: Any) -> None:
    """Raise TooManyExports where this person has taken along as much as he may for now."""
    his = Export.objects.filter(actor_id=by.pk)
    if his.begun_within(LONGEST).filter(finished_on=None).count() >= MOST_AT_ONCE:
        raise TooManyExports(f"{MOST_AT_ONCE} of your exports are still under way. Wait until one is there.", 60)
    if his.begun_within(WITHIN).count() >= MOST:
        minutes = int(WITHIN.total_seconds() / 60)
        sentence = f"You have begun {MOST} exports within {minutes} minutes. Try again in {minutes} minutes."
        raise TooManyExports(sentence, minutes * 60)


Piece = tuple[int, str]


def _file(export: Export, sheet: Sheet, pages: Iterator[Piece]) -> Iterator[bytes]:
    """Give the head and the pages. What breaks off says so in its last line, and the connection is cut as well."""
    number, why = 0, "the server was stopped"
    try:
        yield (BOM + lines([sheet.columns])).encode()
        for rows, text in pages:
            yield text.encode()
            number += rows
        why = ""
    except GeneratorExit:
        why = "the download was stopped"
        raise
    except Exception as error:
        why = _why(error)
        logger.warning("Export %s broke off after %s rows: %s", export.pk, number, why)
        yield lines([[f"This file is not complete: {why}."]]).encode()
        raise
    finally:
        finish(export, number, why)


def _pages(sheet: Sheet, wanted: SessionFilter, own: int | None) -> Iterator[Piece]:
    """Give the rows of each page and their number, newest first."""
    bounds, begun, using = Q(), time.monotonic(), router.db_for_read(Session)
    while True:
        if time.monotonic() - begun > LONGEST.total_seconds():
            raise BrokenOff("it took longer than a quarter of an hour")
        known = Fence.read()
        if own is not None and not Session.objects.live(known).filter(pk=own).exists():
            raise BrokenOff("the session that asked for it has ended")
        search: Any = wanted.search(known)
        with time_limit(PAGE_SECONDS, using):
            rows = replace(search, rows=sheet.loaded(search.rows)).first(bounds, "-id", ROWS)
        if rows:
            yield len(rows), lines(sheet.cells(rows, wanted.reach, known))
        if len(rows) < ROWS:
            return
        bounds = Q(id__lt=search.place_of(rows[-1]))


def _why(error: BaseException) -> str:
    if isinstance(error, BrokenOff):
        return str(error)
    if isinstance(error, TookTooLong):
        return "the search took too long; choose an account, a user, an application or a longer word"
    if isinstance(error, DatabaseError | InterfaceError):
        return "the database did not answer"
    return "a termination cannot be read" if isinstance(error, UnreadableScope) else "the server failed"


def finish(export: Export, rows: int, why: str = "") -> None:
    """Write down how many rows somebody got, and why he got no more."""
    connection = connections[router.db_for_write(Export)]
    if connection.errors_occurred and not connection.is_usable():
        # Where the database is back, a new one is made.
        connection.close()
    with suppress(DatabaseError, InterfaceError):
        Export.objects.filter(pk=export.pk).update(rows=rows, finished_on=Now(), broken_off=why)


# What stands in the files: nothing of a key, a digest or what an application keeps in its sessions.

FROM_ORIGIN = ["ip", "country", "location", "device", "browser", "os"]


def _loaded_sessions(rows: Any) -> Any:
    own = ["public_id", "created_on", "last_active_on", "expire_date", *FROM_ORIGIN]
    of_others = ["user", "account", "application"]
    return rows.select_related(*of_others).only(*own, *of_others)


def _cells_of_sessions(rows: Rows, reach: Reach, known: Fence) -> Iterator[list[Cell]]:
    for row in rows:
        account = row.account.name if row.account else ""
        yield [
            *(str(row.public_id), *searchable_user(row.user).values(), account, row.application.name),
            *_origin(row),
            *(row.created_on, row.last_active_on, row.expire_date),
        ]


def _loaded_login_records(rows: Any) -> Any:
    return rows.defer("ended_key", "search_text", "user_agent")


def _cells_of_login_records(rows: Rows, reach: Reach, known: Fence) -> Iterator[list[Cell]]:
    for record in with_outcomes(rows, reach, known):
        event, outcome = record.event, record.outcome.label if record.outcome else "Ended"
        session = str(event.session_public_id or "")
        yield [
            *(event.happened_on, event.user_label, event.account_label, event.application_label),
            *_origin(event),
            *(outcome, record.ended_on, record.by, record.reason, session),
        ]


def _origin(row: Any) -> list[Cell]:
    return [row.ip, row.country, country_name(row.country), row.location, row.device, row.browser, row.os]


ORIGIN = ["IP", "Country", "Country name", "Location", "Device", "Browser", "System"]
SESSIONS = Sheet(
    Export.What.SESSIONS,
    [
        *("Session", "Name", "User", "E-mail", "Account", "Application", *ORIGIN),
        *("Created On (UTC)", "Last active (UTC)", "Expires (UTC)"),
    ],
    _loaded_sessions,
    _cells_of_sessions,
)
LOGIN_RECORDS = Sheet(
    Export.What.LOGIN_RECORDS,
    [
        *("When (UTC)", "User", "Account", "Application", *ORIGIN),
        *("Outcome", "Ended (UTC)", "Ended by", "Reason", "Session"),
    ],
    _loaded_login_records,
    _cells_of_login_records,
)
