"""Lines of CSV that a program reads back exactly and no spreadsheet takes for a formula.

Sources: RFC 4180; OWASP, "CSV Injection"; ASVS 1.2.10 (R143).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from io import StringIO

from django.http import StreamingHttpResponse

# Without it Excel takes UTF-8 for the code page of its country.
BOM = "\ufeff"
CONTENT_TYPE = "text/csv; charset=utf-8"
# = + - @ and all that NFKC makes one of them.
SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a\u207b\u207c\u208a\u208b\u208c\ufb29"
# What some program trims, or does not show.
TRIMMED = "\\s\0\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
# Where a cell begins, or where a program begins one that separates by other signs, or does not know of quotes.
BEGINNING = "(?:^|(?<=[;|\t\r\n]))"
UNSAFE = f"[{TRIMMED}]*[{SIGNS}]|[\t\r\n\0]"
TO_QUOTE = re.compile(f"{BEGINNING}(?='*(?:{UNSAFE}))")
QUOTED = re.compile(f"{BEGINNING}'(?='*(?:{UNSAFE}))")
# Nearly every cell: it begins with a letter or a digit, and nothing in it begins another one.
PLAIN = re.compile(r"[^\W_][^;|\t\r\n]*")

Cell = str | int | datetime | None


def cell(value: Cell) -> str:
    """Return the text of a cell; a quote stands before what may be taken for a formula. Times are in UTC."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int):
        return str(value)
    if not value or PLAIN.fullmatch(value):
        return value or ""
    return TO_QUOTE.sub("'", value)


def unquoted(text: str) -> str:
    """Return the text that the cell was made from."""
    return QUOTED.sub("", text)


def lines(rows: Iterable[Iterable[Cell]]) -> str:
    """Return the rows as lines of CSV."""
    sheet = StringIO(newline="")
    csv.writer(sheet).writerows([cell(value) for value in row] for row in rows)
    return sheet.getvalue()


def download(pieces: Iterable[bytes], name: str, day: datetime | None = None) -> StreamingHttpResponse:
    """Answer with a file; its name is one of ours, with the day, by default today's, in UTC."""
    response = StreamingHttpResponse(pieces, content_type=CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{name}-{day or datetime.now(UTC):%Y-%m-%d}.csv"'
    return response
