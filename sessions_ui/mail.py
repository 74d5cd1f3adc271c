"""What letters say, in text and in HTML.

They name no key and no reason, and their links lead to pages: nothing ends by opening one.
"""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from .hints import SPAN
from .models import Letter, SessionEvent, Termination
from .models.plain_text import plainly
from .moments import exact, exact_with_zone
from .naming import client_name, place_name
from .novelty import novelties

PAGES = ("my-sessions", "password-change", "password-reset")
MOST_LISTED = 10
LIKENED = ("ip", "country", "location", "device", "browser", "os")
Kind = SessionEvent.Kind


class LetterMail(EmailMultiAlternatives):
    """The mail of a letter. It holds no secret, so it may be written to the log."""


def compose(letter: Letter) -> LetterMail | None:
    """Return the mail, None if there is nothing to tell.

    The same letter gives the same Message-ID, so that mail programs know one that was sent twice.
    """
    if not letter.user.is_active:
        return None
    with timezone.override(ZoneInfo(getattr(settings, "DISPLAY_TIME_ZONE", "UTC"))):
        told = _sign_in(letter) if letter.termination is None else _ended_sessions(letter, letter.termination)
        if told is None:
            return None
        template, context = told
        context |= {name.replace("-", "_"): _link(name) for name in PAGES} | {"person": letter.user}
        subject = render_to_string(f"mail/{template}_subject.txt", context).strip()
        text = render_to_string(f"mail/{template}.txt", context)
        html = render_to_string(f"mail/{template}.html", context | {"subject": subject})
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    written = f"{letter.created_on:%Y%m%d%H%M%S%f}"
    headers = {"Message-ID": f"<{letter.pk}.{written}@{domain}>", "Auto-Submitted": "auto-generated"}
    mail = LetterMail(subject, text, to=[letter.address], headers=headers)
    mail.attach_alternative(html, "text/html")
    return mail


def _sign_in(letter: Letter) -> tuple[str, dict[str, Any]] | None:
    """Return template and context of a sign-in that is news; neither the first one ever nor any like earlier ones."""
    events = SessionEvent.objects.using(letter._state.db)
    event = events.sign_ins().filter(session_public_id=letter.session_public_id).first()
    if event is None or not getattr(settings, "MAIL_NEW_SIGN_INS", False):
        return None
    before = events.filter(user_key=event.user_key, kind=Kind.SIGNED_IN, id__lt=event.pk).order_by("-id")
    last = before.first()
    lately = before.filter(happened_on__gte=event.happened_on - SPAN).order_by()
    seen = lately.values_list(*LIKENED).distinct()
    new = novelties(event, [SessionEvent(**dict(zip(LIKENED, row, strict=True))) for row in seen])
    if last is None or not new:
        return None
    facts = [
        ("When", exact_with_zone(event.happened_on)),
        ("Where", place_name(event)),
        ("With", client_name(event)),
        *([("For", plainly(event.account_label))] if event.account_label else []),
        ("New", f"{' and '.join(new)}, beside your sign-ins of the last {SPAN.days} days"),
        ("Before", f"{exact(last.happened_on)}, {place_name(last)}, with {client_name(last)}"),
    ]
    application, username = plainly(event.application_label), plainly(event.user_label)
    return "new_sign_in", {"facts": facts, "application": application, "username": username}


def _ended_sessions(letter: Letter, termination: Termination) -> tuple[str, dict[str, Any]] | None:
    """Return template and context of what the termination ended for this person."""
    events = SessionEvent.objects.using(letter._state.db).filter(termination_id=termination.pk, kind=Kind.TERMINATED)
    ended = events.filter(user_key=str(letter.user_id)).order_by("-id")
    number = ended.count()
    if not number or not getattr(settings, "MAIL_ENDED_SESSIONS", False):
        return None
    return "ended_sessions", {
        "termination": termination,
        # Whoever is at the command line has a name of the machine's, which says nothing to them.
        "by": termination.actor_label if termination.actor_id else "An administrator",
        "note": [plainly(line) for line in termination.note.splitlines()],
        "ended": ended[:MOST_LISTED],
        "number": number,
        "more": max(0, number - MOST_LISTED),
    }


def _link(name: str) -> str:
    """Return the page's whole address, "" where PUBLIC_URL is not set."""
    root = getattr(settings, "PUBLIC_URL", "")
    return urljoin(f"{root.rstrip('/')}/", reverse(name).removeprefix("/")) if root else ""
