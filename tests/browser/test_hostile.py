"""Nothing that a client sends breaks an answer, and what is stored of it is shown as text (F33, R137)."""

import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.test import Client, override_settings
from playwright.sync_api import Page, expect

from sessions_ui.models import Account, Application, Membership, Session, SessionEvent, Termination
from sessions_ui.models.events import retention
from sessions_ui.models.plain_text import plainly
from tests.browser.cast import make_person
from tests.browser.conftest import Visits
from tests.browser.pages import LIST, TERMINATE, TERMINATIONS, follow
from tests.browser.payloads import SCRIPTS, hostile, hostile_addresses, hostile_cookies, storable
from tests.browser.servers import Site
from tests.browser.watch import Watch

AT_ONCE = 4
PASSWORD = "lantern"
# The application in which hostile people sign in.
HOSTILE = "hostile"
STORED = 400
TERMINATED = 50
PARAMETERS = {
    LIST: [
        *(
            "account",
            "user",
            "application",
            "country",
            "city",
            "device",
            "browser",
            "os",
            "address",
            "before",
            "after",
        ),
        *("dormant", "sort", "below"),
    ],
    TERMINATE: ["session", "everything", "back", "address", "user", "before"],
    f"{LIST}suggest/account/": ["account"],
    f"{LIST}suggest/user/": ["user"],
    "/security/limits/suggest/account/": ["account"],
    "/security/networks/suggest/account/": ["account"],
    "/security/saved-views/suggest/account/": ["account"],
    TERMINATIONS: ["sort", "below", "above"],
    "/sign-in/": ["next"],
}
# What no page of ours holds, and every script of the hostile values turns into where it is not taken as text.
INTRUDERS = """(markup) => {
  const page = markup ? new DOMParser().parseFromString(markup, "text/html") : document;
  const selector = `animate, base, details:not(.pop, .overview), iframe, image, img, math, meta[http-equiv], object,
    style, video, script:not([src^="/static/"]), a[href^="javascript:"], form[action*=canary],
    link[href*=canary], [hx-get*=canary]`;
  const stirs = (one) => one.getAttributeNames().some((name) => name.startsWith("on"));
  const found = [...page.querySelectorAll("*")].filter((one) => one.matches(selector) || stirs(one));
  return found.map((one) => one.outerHTML);
}"""
ROWS = """(rows) => rows.map((row) => [
  row.querySelector("a").getAttribute("href"),
  ...[".c-user a", ".c-user small", ".c-acc a"].map((part) => row.querySelector(part).textContent),
])"""
LINKS = "(links) => links.map((link) => link.getAttribute('href'))"
# It does nothing by itself.
MERE_ADDRESS = "javascript:alert({n})"
# Explicit directions turn text around, and controls hide it.
CONFUSING = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]")


def status(address: tuple[str, int], path: bytes, headers: Iterable[bytes]) -> int:
    """Send a request as no library would, and return the status of the answer; 0 if there is none."""
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(b"\r\n".join([b"GET %s HTTP/1.0" % path, b"Host: 127.0.0.1", *headers, b"", b""]))
        line = connection.makefile("rb").readline().split()
    return int(line[1]) if len(line) > 1 else 0


def in_query(path: str, name: str, value: bytes) -> bytes:
    return f"{path}?{name}={quote_from_bytes(value)}".encode()


def requests(key: str) -> list[tuple[bytes, list[bytes]]]:
    """Return 2,000 requests with a hostile value each, most of them of somebody who is signed in."""
    ours = b"Cookie: console=%s" % key.encode()
    agents = [(b"/my-sessions/", [ours, b"User-Agent: " + value]) for value in islice(hostile("agents"), 450)]
    addresses = [(b"/my-sessions/", [ours, b"X-Forwarded-For: " + value]) for value in hostile_addresses(250)]
    words = [(in_query(LIST, "q", value), [ours]) for value in islice(hostile("words"), 500)]
    places = [(path, name) for path, names in PARAMETERS.items() for name in names]
    values = zip(places * 21, islice(hostile("parameters"), 450), strict=False)
    parameters = [(in_query(path, name, value), [ours]) for (path, name), value in values]
    cookies = [(LIST.encode(), [b"Cookie: " + value]) for value in hostile_cookies(350)]
    return agents + addresses + words + parameters + cookies


def printable(log: Path) -> bool:
    lines = log.read_bytes().decode().split("\n")
    return all(line.isprintable() and (not line or line.startswith("20")) for line in lines)


class HostileRequestTests:
    def test_no_answer_is_a_fault(self, visit: Visits, site: Site) -> None:
        key = visit.signed_in(make_person("Ida", is_superuser=True))["value"]
        place = urlsplit(site.console)
        ask = partial(status, (str(place.hostname), place.port or 0))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = Counter(pool.map(lambda request: ask(*request), requests(key)))
        print(f"\n{answers.total()} hostile requests, answers by status: {dict(sorted(answers.items()))}")
        assert answers.total() == 2_000
        assert [code for code in answers if not 200 <= code < 500] == []
        assert printable(site.logs / "console.log")


def member(user: User, account: Account) -> Membership:
    return Membership(user=user, account=account, role=Membership.Role.MEMBER)


def people() -> list[User]:
    """Make people whose names are hostile, all with the same password, each in an account of the same kind."""
    values = hostile("names")
    hashed = make_password(PASSWORD)
    users = User.objects.bulk_create(
        User(
            username=f"hostile-{number}",
            first_name=storable(next(values), 150),
            last_name=storable(next(values), 150),
            email=storable(next(values), 254),
            password=hashed,
        )
        for number in range(STORED + TERMINATED)
    )
    accounts = Account.objects.bulk_create(
        Account(slug=user.username, name=storable(next(values), 200)) for user in users
    )
    Membership.objects.bulk_create(map(member, users, accounts))
    return users


@override_settings(SESSION_APPLICATION=HOSTILE, TRUSTED_PROXY_COUNT=1)
def sign_in_all(users: list[User]) -> None:
    """Sign everybody in, each with a hostile browser and behind a hostile proxy."""
    addresses = hostile_addresses(len(users))
    for user, agent, address in zip(users, hostile("stored agents"), addresses, strict=False):
        # As a server hands them on: each byte a character.
        headers: dict[str, Any] = {
            "HTTP_USER_AGENT": agent.decode("latin-1"),
            "HTTP_X_FORWARDED_FOR": address.decode("latin-1"),
        }
        answer = Client().post("/sign-in/", {"username": user.username, "password": PASSWORD}, **headers)
        assert answer.status_code == 302, (agent, address)


def terminate_all(users: list[User], administrator: User) -> None:
    """Terminate each one's session with a hostile reason and a hostile note."""
    client, values = Client(), hostile("reasons")
    client.force_login(administrator)
    for session in Session.objects.live().filter(user__in=users):
        fields = {"preview": client.get(TERMINATE, {"session": str(session.public_id)}).context["signed"]}
        answer = None
        # Control characters are refused.
        while answer is None or answer.status_code == 400:
            fields |= {"reason": storable(next(values), 200), "note": storable(next(values), 280)}
            answer = client.post(TERMINATE, fields)
        assert answer.status_code == 302


def walk(page: Page, first: str) -> Iterator[None]:
    """Go through all pages of a list, on which nothing but what we wrote must be more than text."""
    page.goto(first)
    while True:
        assert page.evaluate(INTRUDERS) == []
        yield
        older = page.get_by_role("link", name="Older", exact=True)
        if not older.count():
            return
        follow(page, older)


def show(page: Page, path: str) -> None:
    page.goto(path)
    assert page.evaluate(INTRUDERS) == []


def words(*texts: str) -> tuple[str, ...]:
    """Return the texts without the blanks that forms and parsers of HTML change."""
    return tuple(" ".join(text.split()) for text in texts)


def texts_of(session: Session) -> tuple[str, ...]:
    """Return what the page of the session shows of what was stored."""
    assert session.user
    texts = session.user.get_full_name(), session.user.email, session.user_agent
    return words(*map(plainly, texts), str(session.account))


def sessions_shown(page: Page) -> Counter[tuple[str, ...]]:
    """Look at the sessions on the list and one by one; return the texts of each."""
    found: Counter[tuple[str, ...]] = Counter()
    rows = [
        row for _ in walk(page, f"{LIST}?application={HOSTILE}") for row in page.locator("tbody tr").evaluate_all(ROWS)
    ]
    for path, name, email, account in rows:
        show(page, path)
        heading, below, _, agent = page.locator("main h1, main h1 + p, main dd code").all_text_contents()
        assert heading.startswith(f"{name}’s session in ")
        assert below.startswith(f"{email}, in {account}. ")
        found[words(name, email, agent, account)] += 1
    return found


def terminations_shown(page: Page) -> Counter[tuple[str, ...]]:
    """Look at all terminations on the list and one by one; return reason and note of each."""
    paths = [path for _ in walk(page, TERMINATIONS) for path in page.locator("tbody .c-user a").evaluate_all(LINKS)]
    found: Counter[tuple[str, ...]] = Counter()
    for path in paths:
        show(page, path)
        found[words(*page.locator("dt:text-is('Reason') + dd, dt:text-is('Note') + dd").all_text_contents())] += 1
    return found


class StoredTests:
    @pytest.fixture
    def application(self, visit: Visits) -> Iterable[Application]:
        application = Application.objects.create(slug=HOSTILE, name='"><img src=/canary/application.png>')
        known = [*Termination.objects.values_list("pk", flat=True)]
        yield application
        Session.objects.filter(application=application).delete()
        # The HTML checker objects to characters that are shown as they were stored.
        Termination.objects.exclude(pk__in=known).delete()
        with retention("default"):
            SessionEvent.objects.filter(application_id=application.pk).delete()
        Account.objects.filter(slug__startswith="hostile-").delete()

    def test_what_is_stored_is_shown_as_text(self, visit: Visits, application: Application) -> None:
        """R137, T03."""
        users, administrator = people(), make_person("Ida", is_superuser=True)
        sign_in_all(users)
        terminate_all(users[STORED:], administrator)
        page = visit(administrator)
        sessions, terminations = sessions_shown(page), terminations_shown(page)
        stored = Session.objects.filter(application=application).select_related("account", "user")
        ended = Termination.objects.filter(actor_id=administrator.pk)
        assert (sessions.total(), ended.count()) == (STORED, TERMINATED)
        assert sessions == Counter(map(texts_of, stored))
        assert Counter(words(one.reason, one.note) for one in ended) <= terminations
        watch = visit.watches[0]
        print(
            f"\nhostile values stored: {5 * STORED + 2 * TERMINATED}; shown on lists: {4 * STORED}, "
            f"and all of them on {STORED + TERMINATED} pages of one session or one termination; "
            f"dialogs: {len(watch.dialogs)}, canary requests: {len(watch.canaries)}, "
            f"foreign requests: {len(watch.foreign)}"
        )
        assert (watch.dialogs, watch.canaries, watch.foreign, watch.messages) == ([], [], [], [])


class ConfusingNameTests:
    def test_what_turns_a_name_around_or_hides_in_it_is_written_out(self, visit: Visits) -> None:
        """R077, T45."""
        user = make_person("\u202egnp.exe\u200b\x1b[31m\ufeff")
        User.objects.filter(pk=user.pk).update(username="confusing", email="\u2066con@fusing.example")
        visit.signed_in(user)
        page = visit("marta")
        page.goto(f"{LIST}?user=confusing")
        follow(page, page.get_by_role("link", name=re.compile("gnp.exe")).first)
        for title in (page.title(), page.content()):
            assert CONFUSING.findall(title) == []
        page.go_back()
        assert CONFUSING.findall(page.content()) == []


class WatchTests:
    def test_it_would_see_what_a_page_lets_through(self, visit: Visits) -> None:
        """Without this, zero dialogs could mean that nobody looked."""
        page = visit()
        watch: Watch = visit.watches[0]
        unsafe = "".join(SCRIPTS[:3]).format(n=1)
        page.route("**/unsafe", lambda route: route.fulfill(content_type="text/html", body=unsafe))
        page.goto("/unsafe")
        expect(page.locator("img")).to_be_attached()
        assert (len(watch.dialogs), len(watch.canaries)) == (1, 2)
        for seen in (watch.messages, watch.dialogs, watch.canaries):
            seen.clear()

    def test_it_would_find_what_each_script_turns_into(self, visit: Visits) -> None:
        page = visit()
        page.route("**/unsafe", lambda route: route.fulfill(content_type="text/html", body=""))
        page.goto("/unsafe")
        found = {script: page.evaluate(INTRUDERS, f"<p>{script.format(n=1)}</p>") for script in SCRIPTS}
        assert [script for script in found if not found[script]] == [MERE_ADDRESS]
