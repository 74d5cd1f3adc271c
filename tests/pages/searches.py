"""What a search finds, worked out in plain Python: no database, no index, and of the product only its normalising."""

from datetime import datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from django.utils import timezone

from sessions_ui.geoip import country_name
from sessions_ui.models import Session, search_text

# Thousands of searches ask for the same few values of the same sessions.
normalise = cache(search_text.normalise)

FIELDS = {"city": "location", "browser": "browser", "os": "os", "device": "device"}


def shown(session: Session) -> list[str]:
    """Return what the list shows of the session, part by part, normalised."""
    user, account, application = session.user, session.account, session.application
    assert user is not None
    parts = [user.get_full_name(), user.get_username(), user.email, application.name, application.slug, session.ip]
    parts += [account.name, account.slug] if account else []
    parts += [session.location, country_name(session.country), session.country, session.device_kind]
    return [normalise(str(part or "")) for part in [*parts, session.device, session.browser, session.os]]


def finds(term: str, session: Session) -> bool:
    """Return whether one term of a search, which is one that can be read, finds the session."""
    if term.startswith("-"):
        return not finds(term[1:], session)
    field, colon, value = term.partition(":")
    value = value.strip('"')
    if field not in FIELDS.keys() | BY_FIELD.keys():
        # An address, which holds colons of its own.
        field, colon, value = "", "", term
    if colon and field in FIELDS:
        return normalise(getattr(session, FIELDS[field])).startswith(normalise(value))
    if colon:
        return bool(BY_FIELD[field](session, value))
    word = normalise(term.strip('"'))
    if not word:
        return True
    if len(word) < 3:
        whole = [session.country, session.browser, session.os, session.application.slug]
        return word in map(normalise, [*whole, session.account.slug if session.account else ""])
    return any(word in part for part in shown(session))


def is_in_network(session: Session, text: str) -> bool:
    if text.endswith("."):
        return str(session.ip).startswith(text)
    return session.ip is not None and ip_address(session.ip) in ip_network(text, strict=False)


def _user(session: Session) -> Any:
    return session.user


BY_FIELD: dict[str, Any] = {
    "user": lambda session, text: text in (_user(session).username, _user(session).email),
    "account": lambda session, text: session.account.slug == text if session.account else text == "-",
    "app": lambda session, text: session.application.slug == text,
    "ip": is_in_network,
    "country": lambda session, text: session.country == text.upper(),
    "before": lambda session, text: session.created_on < timezone.make_aware(datetime.fromisoformat(text)),
    "after": lambda session, text: session.created_on >= timezone.make_aware(datetime.fromisoformat(text)),
    "dormant": lambda session, text: (timezone.now().date() - session.last_active_day).days > int(text[:-1]),
}
