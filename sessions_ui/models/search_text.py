"""The words by which a session is found: every part that the list shows, normalised, behind a mark of its own."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Concat, StrIndex, Substr

PARTS = [
    *("name", "username", "email", "account", "account_slug", "application", "application_slug", "ip"),
    *("location", "country", "country_code", "device_kind", "device", "browser", "os"),
]
END = "end"
# Control characters: normalise() takes them out of every value and every query, so that none is mistaken for a mark.
MARKS = dict(zip([*PARTS, END], "\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15", strict=True))
FOLLOWING = dict(zip(PARTS, [*PARTS[1:], END], strict=True))
CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")


def normalise(text: str) -> str:
    """Return the text as it is stored and sought: NFKD, marks stripped, casefolded, single spaces."""
    text = text.translate(CONTROLS)
    if text.isascii():
        return " ".join(text.casefold().split())
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).translate(CONTROLS).split())


def beginning(part: str, text: str) -> str:
    """Return what the search text holds of a session whose part of this name begins with the text."""
    return MARKS[part] + normalise(text)


def whole(part: str, text: str) -> str:
    """Return what the search text holds of a session whose part of this name is the text."""
    return beginning(part, text) + MARKS[FOLLOWING[part]]


def search_text(values: Mapping[str, str | None]) -> str:
    """Return the normalised values of all parts, each behind its mark; those that are not given are empty."""
    return "".join(beginning(part, values.get(part) or "") for part in PARTS) + MARKS[END]


def give_parts(sessions: QuerySet[Any], parts: Mapping[str, str | None], **columns: Any) -> int:
    """Put these parts, which follow each other, in the place of those that the search texts hold, and fill columns.

    Returns how many sessions had others.
    """
    first, last = next(iter(parts)), list(parts)[-1]
    before = Substr("search_text", 1, StrIndex("search_text", Value(MARKS[first])) - 1)
    after = Substr("search_text", StrIndex("search_text", Value(MARKS[FOLLOWING[last]])))
    new = "".join(beginning(part, value or "") for part, value in parts.items())
    stale = sessions.filter(search_text__contains=MARKS[first]).exclude(**columns, search_text__contains=new)
    return stale.update(**columns, search_text=Concat(before, Value(new), after, output_field=TextField()))
