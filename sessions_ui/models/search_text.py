"""The words by which a session is found."""

import unicodedata
from collections.abc import Iterable


def normalise(text: str) -> str:
    """Return the text as it is stored and sought: NFKD, marks stripped, casefolded, single spaces."""
    if text.isascii():
        return " ".join(text.casefold().split())
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def search_text(parts: Iterable[str | None]) -> str:
    """Return the normalised words of all parts, each part once, in their order."""
    return " ".join(dict.fromkeys(normalised for part in parts if part and (normalised := normalise(part))))
