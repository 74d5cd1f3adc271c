"""Session keys: the browser has the key, the database only its digest."""

import hashlib
import re

from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.utils.crypto import get_random_string

KEY = re.compile(r"[a-z0-9]{32}")


def halves(key: str | None) -> tuple[bytes, bytes]:
    """Return the two halves of the key's SHA-256."""
    digest = hashlib.sha256((key or "").encode()).digest()
    return digest[:16], digest[16:]


def new_key() -> str:
    """Return 32 random characters, 165 bits (ASVS 7.2.3)."""
    return get_random_string(32, VALID_KEY_CHARS)
