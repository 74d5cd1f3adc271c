"""Lines of CSV: read back exactly by programs, and never as a formula by a spreadsheet (R143)."""

import csv
import re
import sys
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_ui.sheet import SIGNS, TRIMMED, cell, lines, unquoted

# Texts in which what matters here is frequent.
HOSTILE = st.text(st.one_of(st.sampled_from("=+-@'\";,|\t\r\n\0 \u200b\uff1d\uff20a1"), st.characters(codec="utf-8")))
FORMULA = re.compile(f"[{TRIMMED}]*[{SIGNS}]|[\t\r\n\0]")


def read_back(text: str) -> list[list[str]]:
    return list(csv.reader(StringIO(text, newline=""), strict=True))


class CellTests:
    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "\n", "  =1"])
    def test_gets_a_quote_where_a_formula_would_begin(self, text: str) -> None:
        assert cell(text).startswith("'")

    @pytest.mark.parametrize(
        "text", ["\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\u3000\uff1d1", "\u200b=1", "\ufeff=1"]
    )
    def test_gets_one_in_full_width_and_behind_what_is_not_seen(self, text: str) -> None:
        assert cell(text).startswith("'")

    @pytest.mark.parametrize("text", ["a;=1", "a;\t@1", "a|-1", 'a";=1', "a\n=1"])
    def test_gets_one_where_another_separator_would_begin_a_cell(self, text: str) -> None:
        """Excel in German separates by semicolons, whatever the file does."""
        assert not re.search(f"[;|\t\r\n][{TRIMMED}]*[{SIGNS}]", cell(text))

    @pytest.mark.parametrize("text", ["Anna Brandt", "'s-Hertogenbosch", "a=b", "anna@example.com", "2001:db8::1", ""])
    def test_stays_as_it_is_otherwise(self, text: str) -> None:
        assert cell(text) == text

    def test_says_times_in_utc(self) -> None:
        lisbon_in_summer = timezone(timedelta(hours=1))
        assert cell(datetime(2026, 7, 1, 0, 30, tzinfo=lisbon_in_summer)) == "2026-06-30 23:30:00"
        assert cell(datetime(2026, 7, 1, tzinfo=UTC)) == "2026-07-01 00:00:00"

    def test_knows_every_character_that_becomes_a_sign(self) -> None:
        signs = [
            chr(n) for n in range(sys.maxunicode + 1) if unicodedata.normalize("NFKC", chr(n)) in ("=", "+", "-", "@")
        ]
        assert [f"{sign!a}" for sign in signs if not cell(f"{sign}1").startswith("'")] == []


class LinesTests:
    @given(st.lists(st.lists(HOSTILE, min_size=2, max_size=4), max_size=4))
    def test_are_read_back_as_they_were(self, rows: list[list[str]]) -> None:
        assert [[unquoted(text) for text in row] for row in read_back(lines(rows))] == rows

    @given(st.lists(st.lists(HOSTILE, min_size=2, max_size=4), max_size=4))
    def test_hold_no_cell_that_is_a_formula(self, rows: list[list[str]]) -> None:
        cells = [text for row in read_back(lines(rows)) for text in row]
        assert [text for text in cells if FORMULA.match(text)] == []

    @given(HOSTILE)
    def test_hold_none_for_who_separates_otherwise(self, text: str) -> None:
        assert not re.search(f"[;|\t\r\n][{TRIMMED}]*[{SIGNS}]", cell(text))

    def test_end_as_rfc_4180_says(self) -> None:
        assert lines([["a", 'say "b"'], ["c,d", None]]) == 'a,"say ""b"""\r\n"c,d",\r\n'
