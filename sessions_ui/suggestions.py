"""What the pickers suggest, and which filter a word of the search may have meant."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connections, router
from django.db.models import Q, QuerySet

from .criteria import SHORTEST_WORD, country_code
from .filters import SessionFilter
from .geoip import COUNTRIES
from .models import Account, Application, Fence, Session
from .models.reaches import accounts_within, users_within
from .models.scopes import Reach
from .models.search_text import beginning, normalise
from .search.plan import Search
from .time_limit import in_time

MOST = 10
# So many sessions are looked at for ten people: some have several.
SESSIONS = 50
SECONDS = 0.2
MOST_WORDS = 3
LAST_CHARACTER = chr(sys.maxunicode)


class Suggestion(NamedTuple):
    """The value of a parameter, and what a person calls it."""

    value: str
    label: str


def candidates(wanted: SessionFilter, fence: Fence) -> dict[str, list[Suggestion]]:
    """Return what may have been meant by a name that the filter does not know."""
    unknown = [name for name in ("account", "user") if wanted.has_error(name, "unknown")]
    return {name: suggested(name, str(wanted.params[name]), wanted.reach, fence) for name in unknown}


def suggested(what: str, text: str, reach: Reach, fence: Fence) -> list[Suggestion]:
    """Return accounts or users within reach that have a name which begins with the text."""
    if what == "account":
        return suggested_accounts(text, accounts_within(reach))
    return suggested_users(text, reach, fence) if text else []


def suggested_accounts(text: str, accounts: QuerySet[Account]) -> list[Suggestion]:
    """Return those of these accounts whose name or slug begins with the text; nothing begins with none."""
    begin = Q(name__first_letters=text) | Q(slug__first_letters=text)
    return [Suggestion(account.slug, account.name) for account in accounts.filter(begin)[:MOST]] if text else []


def suggested_users(text: str, reach: Reach, fence: Fence) -> list[Suggestion]:
    """Return users within reach who are signed in and have a name that begins with the text, or whose user name does.

    No index of the table of users, which is not ours, knows names; that of the sessions does.
    """
    User = get_user_model()
    begins = _beginning(User.USERNAME_FIELD, text)
    found = {user.pk: user for user in users_within(reach).filter(**begins).order_by(User.USERNAME_FIELD)[:MOST]}
    found |= {user.pk: user for user in _signed_in(text, reach, fence)}
    users = sorted(found.values(), key=lambda user: str(user.get_username()))[:MOST]
    return [Suggestion(user.get_username(), user.get_full_name() or str(getattr(user, "email", ""))) for user in users]


def _beginning(field: str, text: str) -> dict[str, str]:
    """Return the filters of the values that begin so: SQLite's LIKE would walk all of its index."""
    begins = {f"{field}__startswith": text}
    if connections[router.db_for_read(get_user_model())].vendor == "sqlite":
        begins |= {f"{field}__gte": text, f"{field}__lt": text + LAST_CHARACTER}
    return begins


def _signed_in(text: str, reach: Reach, fence: Fence) -> Iterable[Any]:
    sought = normalise(text)
    begins = [*(beginning(part, text) for part in ("name", "username", "email")), f" {sought}"]
    live = Session.objects.live(fence).signed_in().select_related("user").only("user")
    # Each of them holds what is sought: of most rows one comparison says that none of them is there.
    search = Search(live, {"words": [sought], "any_word": begins}, fence.branches(reach))
    by_index = len(sought) >= SHORTEST_WORD
    found = in_time(SECONDS, live.db, lambda: search.first(Q(), "-id", SESSIONS, by_index=by_index))
    return [session.user for session in found or [] if _begins(session.user, sought)]


def _begins(user: Any, sought: str) -> bool:
    """Return whether a name of the user begins so, or a word of his full name: " " may lie anywhere in the text."""
    full_name = normalise(user.get_full_name())
    names = [full_name, normalise(user.get_username()), normalise(getattr(user, "email", "") or "")]
    return any(name.startswith(sought) for name in names) or f" {sought}" in full_name


class Meaning(NamedTuple):
    """A filter that a word of the search may have meant, and how a link to it is called."""

    parameter: str
    value: str
    label: str


def meanings(wanted: SessionFilter, applications: Iterable[Application]) -> list[Meaning]:
    """Return the filters whose value is a word of the search; the search itself stays what it is.

    Taking “anna” for the user of this name would hide every other Anna.
    """
    words = wanted.conditions.get("words", [])[:MOST_WORDS]
    return [meaning for word in words for meaning in _meanings(word, wanted.reach, applications)]


def _meanings(word: str, reach: Reach, applications: Iterable[Application]) -> Iterable[Meaning]:
    for application in applications:
        if word in (normalise(application.name), normalise(application.slug)):
            yield Meaning("application", application.slug, f"Application {application}")
    if code := country_code(word):
        yield Meaning("country", code, f"Country {COUNTRIES[code]}")
    for account in accounts_within(reach).filter(Q(slug=word) | Q(name__same_letters=word))[:1]:
        yield Meaning("account", account.slug, f"Account {account}")
    User = get_user_model()
    for user in users_within(reach).filter(**{User.USERNAME_FIELD: word})[:1]:
        yield Meaning("user", user.get_username(), f"User {user.get_username()}")
