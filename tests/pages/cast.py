"""The people, accounts and sessions with which the tests of the pages act."""

import html
import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.core import signing
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from sessions_ui.backends.keys import halves
from sessions_ui.models import Account, Application, Membership, Session
from sessions_ui.models.reaches import ALL
from sessions_ui.models.search_text import search_text
from sessions_ui.preview import SALT, Preview
from sessions_ui.search import plan
from sessions_ui.selection import selection

if TYPE_CHECKING:
    # What the test client gives has more than an Page, and only the stubs have a name for it.
    from django.test.client import _MonkeyPatchedWSGIResponse

Page: TypeAlias = "_MonkeyPatchedWSGIResponse"

LIST = "/security/active-user-sessions/"
TERMINATE = f"{LIST}terminate/"
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def make_person(username: str, **columns: Any) -> User:
    """Make a user who never enters a password."""
    return get_user_model().objects.create(username=username, password="!", **columns)


def make_account(slug: str, **roles: User) -> Account:
    """Make an account; each keyword is a member or, with "admin" in front, an administrator."""
    account = Account.objects.create(slug=slug, name=slug.replace("-", " ").title())
    for role, user in roles.items():
        Membership.objects.create(user=user, account=account, role="admin" if role.startswith("admin") else "member")
    return account


def permit(user: User, *codenames: str) -> None:
    """Give the user these permissions of the model Session."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def application(slug: str = "reports") -> Application:
    return Application.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def session_of(user: User | None, account: Account | None = None, **columns: Any) -> Session:
    """Return a new session, not yet stored; its search text is made of the columns given."""
    digest, now = os.urandom(32), timezone.now()
    texts = {name: str(value) for name, value in columns.items() if value is not None}
    texts |= {"username": getattr(user, "username", ""), "country_code": texts.get("country", "")}
    texts |= {"account": account.name, "account_slug": account.slug} if account else {}
    row: dict[str, Any] = {
        "application": columns.get("application") or application(),
        "expire_date": now + timedelta(hours=12),
        "last_active_day": now.date(),
        "last_active_on": now,
        "search_text": search_text(texts),
        **columns,
    }
    return Session(user=user, account=account, key_digest=digest[:16], key_digest_rest=digest[16:], **row)


def make_session(user: User | None, account: Account | None = None, **columns: Any) -> Session:
    session = session_of(user, account, **columns)
    session.save()
    return session


def make_sessions(number: int, user: User, account: Account | None = None, **columns: Any) -> list[Session]:
    """Store so many sessions alike, and return them, oldest first."""
    columns["application"] = columns.get("application") or application()
    Session.objects.bulk_create([session_of(user, account, **columns) for _ in range(number)], batch_size=1_000)
    return list(Session.objects.order_by("-id")[:number])[::-1]


def signed_in(user: User, **browser: Any) -> Client:
    """Return a browser in which the user has just signed in."""
    client = Client(**browser)
    client.force_login(user)
    return client


def current(client: Client) -> Session:
    """Return the session that the browser is in."""
    cookie = client.cookies["console"].value
    return Session.objects.get(key_digest=halves(cookie)[0])


def live(*sessions: Session) -> set[int]:
    """Return the ids of those of these sessions that are live, of all when none is given."""
    found = Session.objects.live().filter(pk__in=[one.pk for one in sessions]) if sessions else Session.objects.live()
    return set(found.values_list("pk", flat=True))


def narrow_windows(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Let a search walk so many rows only, as if there were far more than it sees."""
    for window in ("WINDOW", "WINDOW_OF_INDEX", "WINDOW_WITHIN"):
        monkeypatch.setattr(plan, window, rows)


def previewed(query: str, actor_pk: Any, matched: int | None = None) -> str:
    """Return a signed preview of everything that the query keeps, whether or not the actor reaches it."""
    shown = Preview.of(*selection(QueryDict(query), ALL))
    return shown.signed(actor_pk, matched)


def aged(token: str, seconds: int) -> str:
    """Return the token as it would be had it been signed so much earlier."""
    value = token.rsplit(":", 2)[0]
    signer = signing.TimestampSigner(salt=SALT)
    made = signing.b62_decode(token.rsplit(":", 2)[1])
    return signing.Signer(salt=SALT).sign(f"{value}{signer.sep}{signing.b62_encode(made - seconds)}")


# What pages say


def listed(response: Page) -> list[str]:
    """Return the public ids of the sessions in the rows of a page, from top to bottom."""
    return re.findall(rf'<a href="{LIST}({UUID})/"', response.content.decode())


def ids_of(response: Page) -> list[int]:
    """Return the ids of the sessions in the rows of a page, from top to bottom."""
    ids = {str(public_id): pk for pk, public_id in Session.objects.values_list("pk", "public_id")}
    return [ids[public_id] for public_id in listed(response)]


def links(response: Page, text: str) -> list[str]:
    """Return the addresses of the links and the text in them that holds these words."""
    found = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', response.content.decode(), re.DOTALL)
    return [html.unescape(url) for url, inside in found if text in plain(inside)]


def plain(markup: str) -> str:
    """Return the text of the markup, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def text_of(response: Page) -> str:
    return plain(response.content.decode())


def told(response: Page) -> str:
    """Return what the notices at the top of the page say."""
    notices = re.findall(r'<div class="notice[^>]*role="status">(.*?)</div>', response.content.decode(), re.DOTALL)
    return " ".join(map(plain, notices))


def hidden(response: Page, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)">', response.content.decode())
    assert found, f"no hidden field {name}"
    return html.unescape(found[1])


def decide(client: Client, confirmation: Page, **decision: str) -> Page:
    """Hand in the form of the confirmation, and follow to where it leads."""
    handed_in = {name: hidden(confirmation, name) for name in ("preview", "back")}
    return client.post(TERMINATE, handed_in | decision, follow=True)


def terminate(client: Client, query: str, **decision: str) -> Page:
    """Choose, look at the confirmation, and confirm."""
    return decide(client, client.get(f"{TERMINATE}?{query}"), **decision)
