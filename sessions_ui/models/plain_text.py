"""Characters that are not seen, or turn the text around them: rows that differ would look alike (CVE-2018-1000193)."""

import re

from django.core.exceptions import ValidationError

UNSEEN = re.compile(
    r"[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


def plainly(text: str) -> str:
    r"""Return the text with such characters written out, such as \u202e."""
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def refuse_unseen(text: str) -> None:
    """Refuse a text with such characters, but for line breaks; raises ValidationError."""
    if UNSEEN.search(text.replace("\r", "").replace("\n", "")):
        raise ValidationError("This holds characters that cannot be seen. Type it anew instead of pasting it.")
