"""What is written into the search box, taken apart: words, phrases, filters, and what is to be left out."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import NamedTuple

from sessions_ui.models.search_text import normalise

# What is written before the colon, and the filter that it means.
FIELDS = {
    "user": "user",
    "account": "account",
    "app": "application",
    "ip": "address",
    "country": "country",
    "city": "city",
    "browser": "browser",
    "os": "os",
    "device": "device",
    "before": "before",
    "after": "after",
    "dormant": "dormant",
    "look": "look",
}
MOST_TERMS = 8
TERM = re.compile(
    r'(?P<minus>-(?=[\w"]))?(?:(?P<field>[A-Za-z]+):(?=\S))?(?:"(?P<phrase>[^"]*)"(?=\s|$)|(?P<word>\S+))'
)
ADDRESS = re.compile(r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:.]*")


class UnreadableSearch(Exception):
    """The box holds something that cannot be understood; its text is a sentence that says what to write."""


class Term(NamedTuple):
    """One term: plain text that is sought anywhere, or the text of a filter; to be found or to be left out."""

    text: str
    filter: str = ""
    left_out: bool = False


def terms(text: str) -> list[Term]:
    """Return the terms of the text; raises UnreadableSearch."""
    found = [_term(match) for match in TERM.finditer(text)]
    if text.strip() and not any(term.text for term in found):
        raise UnreadableSearch(f"“{text}” holds nothing to search for; use letters, digits or signs.")
    found = [term for term in found if term.text]
    if len(found) > MOST_TERMS:
        raise UnreadableSearch(f"Search for {MOST_TERMS} words at most.")
    return found


def _term(match: re.Match[str]) -> Term:
    field, left_out = (match["field"] or ""), bool(match["minus"])
    value = match["word"] if match["phrase"] is None else match["phrase"]
    if ADDRESS.fullmatch(whole := f"{field}:{value}" if field else value) and match["phrase"] is None:
        return Term(normalise(whole), "", left_out)
    if not field:
        if match["phrase"] is None and value.endswith(":") and value[:-1].lower() in FIELDS:
            raise UnreadableSearch(f"Write what you seek right behind “{value}”, without a space.")
        return Term(normalise(value), "", left_out)
    if field.lower() not in FIELDS:
        raise UnreadableSearch(f"There is no filter “{field}:”. {_meant(field, whole)}")
    if not value.strip():
        raise UnreadableSearch(f"Write what you seek right behind “{field}:”, without a space.")
    return Term(value, FIELDS[field.lower()], left_out)


def _meant(field: str, whole: str) -> str:
    close = get_close_matches(field.lower(), FIELDS, 1)
    meant = f"Did you mean “{close[0]}:”? " if close else ""
    return f'{meant}To find it as it stands, put it in quotes: "{whole}".'
