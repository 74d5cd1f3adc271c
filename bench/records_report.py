"""What `bench.search --records` prints and keeps."""

from collections.abc import Iterator
from typing import Any

from bench.search_report import machine, spread

Found = dict[str, Any]
OLD = "word: only in old rows"
COUNTING = 250  # in milliseconds: the count stops then


def missed(cases: dict[str, Found]) -> bool:
    return any(is_late(where, name, case[name]) for where, case in cases.items() for name in case)


def is_late(where: str, name: str, found: Found) -> bool:
    """Return whether page and count together took longer than the two of them may."""
    page = 50 if not where.endswith("5000000") else 300 if name == OLD else 100
    return bool(found["stopped"] or found["both"]["median"] > page + COUNTING)


def written(cases: dict[str, Found], postgres: str, seconds: float) -> str:
    """Return the whole report in Markdown."""
    parts = [METHOD, "\n".join(rows(cases)), "## The machine", machine(postgres, seconds)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def rows(cases: dict[str, Found]) -> Iterator[str]:
    yield f"| asked | {' | '.join(f'{where} | records' for where in cases)} |"
    yield "| --- |" + " ---: |" * (2 * len(cases))
    for name in next(iter(cases.values())):
        cells = [cell for where, case in cases.items() for cell in _cells(where, name, case[name])]
        yield f"| {name} | {' | '.join(cells)} |"


def _cells(where: str, name: str, found: Found) -> list[str]:
    late = ", **MISSED**" if is_late(where, name, found) else ""
    number = "stopped" if found["stopped"] else f"{found['number']:,}{'+' if found['capped'] else ''}"
    return [f"{spread(found['both'])}{late}", number]


METHOD = f"""
# Login records

Milliseconds of the page and the count after it together, median / 95th percentile, warm. Two in a thousand sign-ins
failed; of the others 40 % signed out, 1 % were replaced, two in a thousand were terminated, all of them long ago, the
newest 2 % are active and the rest expired. Goals: a page within 50 ms at a million, 100 ms at five (300 ms for a word
of old rows only), and {COUNTING} ms for a count, which stops then.
"""
