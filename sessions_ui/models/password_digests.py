"""Digests of a user's password column that every application can compute, whatever its SECRET_KEY.

The column holds a salted, slow hash already, so a digest of it tells nobody more than the row of the user does.
"""

import hashlib


def begun_with(password: str) -> bytes:
    """Return what the row of a session says that began under this password hash."""
    return _digest("begun with", password)


def kept_for(password: str) -> bytes:
    """Return what the row of a session says that goes on under this password hash, though it began under another."""
    return _digest("kept for", password)


def _digest(said: str, password: str) -> bytes:
    return hashlib.sha256(f"{said}\0{password}".encode()).digest()[:16]
