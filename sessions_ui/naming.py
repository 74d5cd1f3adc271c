"""How people and sessions are called on pages, in messages and in records."""

from typing import Any

from .geoip import country_name
from .models import Account, Application, Session
from .models.origins import FromOrigin
from .models.plain_text import plainly


def person_name(user: Any) -> str:
    """Return the user's full name, else his user name."""
    full_name: str = user.get_full_name() if hasattr(user, "get_full_name") else ""
    return plainly(full_name or str(user.get_username()))


def login_name(user: Any) -> str:
    """Return what the user is known by when he signs in: his e-mail address, else his user name."""
    return plainly(str(getattr(user, user.get_email_field_name(), "") or user.get_username()))


def record_name(user: Any) -> str:
    """Return what a record calls the user, such as "Anna Brandt (anna)": it outlives his account."""
    name, username = person_name(user), plainly(str(user.get_username()))
    return name if name == username else f"{name} ({username})"


def client_name(origin: FromOrigin) -> str:
    """Return browser and device, such as "Firefox 143 on Windows PC"."""
    if origin.browser and origin.device and origin.browser != origin.device:
        return f"{origin.browser} on {origin.device}"
    return origin.browser or origin.device or "unknown device"


def place_name(origin: FromOrigin) -> str:
    """Return the place and what it was guessed from, such as "Berlin, Germany, guessed from 203.0.113.7"."""
    place = ", ".join(part for part in (origin.location, country_name(origin.country)) if part)
    if not origin.ip:
        return place or "unknown place"
    guessed = origin.country and not origin.network
    return f"{place}, guessed from {origin.ip}" if guessed else f"{place or 'unknown place'} ({origin.ip})"


def session_name(session: Session) -> str:
    """Return what tells the session from others, such as "Anna Brandt’s session in Reports, Safari 26 on iPhone"."""
    return f"{person_name(session.user)}’s session in {session.application}, {client_name(session)}"


def searchable_user(user: Any) -> dict[str, str | None]:
    """Return the parts of a session's search text that are of its user."""
    full_name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    email = getattr(user, user.get_email_field_name(), "")
    return {"name": full_name, "username": str(user.get_username()), "email": email}


def searchable_account(account: Account) -> dict[str, str | None]:
    """Return the parts of a session's search text that are of its account."""
    return {"account": account.name, "account_slug": account.slug}


def searchable_application(application: Application) -> dict[str, str | None]:
    """Return the parts of a session's search text that are of its application."""
    return {"application": application.name, "application_slug": application.slug}
