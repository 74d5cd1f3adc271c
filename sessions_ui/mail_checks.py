"""System checks of the mail that tells people: where its links lead, and whether it gets there."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

SWITCHES = ("MAIL_NEW_SIGN_INS", "MAIL_ENDED_SESSIONS")
GOES_NOWHERE = ("sessionadmin.mail.LogBackend", "django.core.mail.backends.dummy.EmailBackend")
TURN_OFF = "or turn both MAIL_NEW_SIGN_INS and MAIL_ENDED_SESSIONS off."


@register()
def check_public_url(**kwargs: Any) -> list[CheckMessage]:
    url = getattr(settings, "PUBLIC_URL", "")
    if url and not is_root(url):
        hint = "Give the address at which browsers find the console, such as https://console.example."
        return [
            Error(f"PUBLIC_URL is {url!r}, which is no address to begin links with.", hint=hint, id="sessions_ui.E016")
        ]
    if url or not tells_in_production():
        return []
    hint = f"Set PUBLIC_URL to the console’s address, such as https://console.example, {TURN_OFF}"
    return [Warning("Mail has no links to the console: PUBLIC_URL is not set.", hint=hint, id="sessions_ui.W007")]


@register()
def check_mail(**kwargs: Any) -> list[CheckMessage]:
    if settings.EMAIL_BACKEND not in GOES_NOWHERE or not tells_in_production():
        return []
    hint = f"Set EMAIL_URL, such as smtp+tls://user:password@mail.example:587, {TURN_OFF}"
    return [Warning("Mail to people is sent to nobody: there is no mail server.", hint=hint, id="sessions_ui.W008")]


def tells_in_production() -> bool:
    return getattr(settings, "PRODUCTION", False) and any(getattr(settings, name, False) for name in SWITCHES)


def is_root(url: str) -> bool:
    """Return whether a path can be put behind it; a space or a line break would end the link early."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    whole = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    return whole and url.isprintable() and " " not in url
