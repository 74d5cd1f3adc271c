"""One function that narrows sessions by conditions, with the help of the search index where that is sure to help."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.models import Q
from django.db.models.expressions import RawSQL

from sessions_ui.models import SessionQuerySet
from sessions_ui.models.scopes import WHOLE, Conditions, conditions_q, substrings
from sessions_ui.models.search_text import whole

from .index import SESSIONS, SearchIndex

# What the index knows: three characters in a row.
INDEXED = 3
# On SQLite a list of more ids than this is slower than looking at every row.
FEW = 5_000
MATCHING = f"SELECT rowid FROM {SESSIONS.name} WHERE {SESSIONS.match}"  # noqa: S608
MOST_TRIGRAMS = 40
NUMBER = re.compile(r"[0-9]{4,}")

Change = Callable[[str, Any], Q]


def narrowed(sessions: SessionQuerySet, conditions: Conditions) -> SessionQuerySet:
    """Keep exactly the sessions that meet the conditions, in any order; raises UnreadableScope.

    What ends sessions asks by this: it takes nothing for granted of how a row was
    written. An application of an earlier version may write it without marks.
    """
    meeting = sessions.filter(_changed(conditions_q(conditions), _for_index))
    if connections[sessions.db].vendor == "postgresql":
        return meeting
    match = match_of(conditions, SESSIONS, sessions.db, with_columns=False)
    if not match or not _matches_few(match, sessions.db):
        return meeting
    return meeting.filter(pk__in=RawSQL(MATCHING, [match]))  # noqa: S611


def _matches_few(match: str, using: str) -> bool:
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({MATCHING} LIMIT {FEW + 1})", [match])  # noqa: S608
        return bool(cursor.fetchone()[0] <= FEW)


def on_index(conditions: Conditions) -> Q:
    """Return the condition as PostgreSQL finds it by the index, also for columns that are parts of the search text."""
    return _changed(conditions_q(conditions), _for_index_of_parts)


def on_walk(condition: Q) -> Q:
    """Return the condition so that PostgreSQL walks in the order that was asked for, and keeps off the index."""
    return _changed(condition, _for_walk)


def _changed(condition: Q, change: Change) -> Q:
    changed = Q(_connector=condition.connector, _negated=condition.negated)
    for child in condition.children:
        name_or_q: Any = child
        if isinstance(child, Q):
            # The index says what a text holds, never what it does not.
            changed.children.append(_changed(child, _for_walk if child.negated else change))
        else:
            changed.children.append(change(*name_or_q))
    return changed


def _for_walk(lookup: str, value: Any) -> Q:
    return Q(search_text__holds=value) if lookup == "search_text__contains" else Q((lookup, value))


def _for_index_of_parts(lookup: str, value: Any) -> Q:
    if lookup in WHOLE:
        return Q((lookup, value), search_text__contains=whole(WHOLE[lookup], value))
    return _for_index(lookup, value)


def _for_index(lookup: str, value: Any) -> Q:
    if lookup == "search_text__contains" and (selective := _selective(value)) != value:
        return Q(search_text__contains=selective, search_text__holds=value)
    return Q((lookup, value))


def _selective(word: str) -> str:
    """Return the part of the word that few texts hold.

    All people of a company share what is behind the @, and "person4711" has the
    trigrams of everybody's "person" beside those of its own number.
    """
    before = word.partition("@")[0]
    number = max(NUMBER.findall(before), key=len, default="")
    return number or (before if len(before) >= INDEXED else word)


def match_of(conditions: Conditions, of: SearchIndex, using: str, *, with_columns: bool = True) -> str:
    """Return what FTS5 is asked to narrow by these conditions; nothing where there is no index for that."""
    if connections[using].vendor != "sqlite" or not of.is_there(using):
        return ""
    needed = substrings(conditions, with_columns=with_columns)
    together = [one for one in needed if all(len(text) >= INDEXED for text in one)]
    return " AND ".join(f"({' OR '.join(map(_trigrams, one))})" for one in together)


def _trigrams(text: str) -> str:
    """Return the trigrams of the text, as far as they narrow; that they follow each other is for the text to say."""
    selective = _selective(text)
    found = dict.fromkeys(selective[n : n + INDEXED] for n in range(len(selective) - INDEXED + 1))
    return "({})".format(" AND ".join('"{}"'.format(one.replace('"', '""')) for one in list(found)[:MOST_TRIGRAMS]))
