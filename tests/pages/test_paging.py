"""Keyset paging: every session once, in both orders and both directions, whatever ends meanwhile."""

import html
import random
import re
from collections.abc import Iterator
from itertools import chain

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_ui.models import Account, Session

from .cast import (
    LIST,
    Page,
    current,
    ids_of,
    links,
    make_account,
    make_session,
    make_sessions,
    session_of,
    signed_in,
    text_of,
)

ORDERS = {"": ("Older", "Newer"), "sort=oldest": ("Newer", "Older")}


def turned(page: Page, text: str) -> str | None:
    """Return the address behind the pager's button with this text."""
    pager = page.content.decode().partition('<nav class="pager"')[2]
    found = re.search(rf'<a class="btn" href="([^"]*)">(?:<svg.*?</svg>)?{text}', pager)
    return html.unescape(found[1]) if found else None


def pages(client: Client, query: str, text: str) -> Iterator[Page]:
    """Give the page of the query and all that the button with this text leads to."""
    url: str | None = f"?{query}"
    while url is not None:
        page: Page = client.get(f"{LIST}{url}")
        yield page
        url = turned(page, text)


class PagingTests:
    @pytest.fixture
    def newest_first(self, console: Client, anna: User) -> list[int]:
        make_sessions(130, anna)
        return list(Session.objects.order_by("-id").values_list("pk", flat=True))

    @pytest.mark.parametrize("order", ORDERS)
    def test_shows_every_session_once(self, console: Client, newest_first: list[int], order: str) -> None:
        shown = [ids_of(page) for page in pages(console, order, ORDERS[order][0])]
        assert [len(rows) for rows in shown] == [50, 50, 31]
        assert [*chain(*shown)] == (newest_first[::-1] if order else newest_first)

    @pytest.mark.parametrize("order", ORDERS)
    def test_comes_back_by_the_same_pages(self, console: Client, newest_first: list[int], order: str) -> None:
        onward, back = ORDERS[order]
        there = list(pages(console, order, onward))
        last = turned(there[-2], onward)
        assert last is not None
        returned = [ids_of(page) for page in pages(console, last[1:], back)]
        assert returned[::-1] == [ids_of(page) for page in there]

    @pytest.mark.parametrize("order", ORDERS)
    def test_repeats_and_skips_nothing_when_sessions_end(
        self, console: Client, newest_first: list[int], order: str
    ) -> None:
        seen: list[int] = []
        for page in pages(console, order, ORDERS[order][0]):
            seen += ids_of(page)
            Session.objects.filter(pk__in=seen[-50::5], user__username="anna").delete()
        assert seen == (newest_first[::-1] if order else newest_first)

    def test_does_not_show_again_what_began_meanwhile(
        self, console: Client, anna: User, newest_first: list[int]
    ) -> None:
        seen: list[int] = []
        for page in pages(console, "", "Older"):
            seen += ids_of(page)
            make_session(anna)
        assert seen == newest_first

    def test_has_no_dead_buttons(self, console: Client, newest_first: list[int]) -> None:
        first, second, last = pages(console, "", "Older")
        assert (turned(first, "Newer"), turned(last, "Older")) == (None, None)
        assert turned(second, "Newer")
        assert turned(second, "Older")

    def test_keeps_the_filter(self, console: Client, newest_first: list[int]) -> None:
        shown = [ids_of(page) for page in pages(console, "user=anna&sort=oldest", "Newer")]
        assert [len(rows) for rows in shown] == [50, 50, 30]
        assert [*chain(*shown)] == newest_first[:-1][::-1]

    def test_turns_the_order_from_its_first_page(self, console: Client, newest_first: list[int]) -> None:
        second = list(pages(console, "q=", "Older"))[1]
        assert links(second, "oldest first") == ["?q=&sort=oldest"]

    def test_writes_no_empty_parameters(self, console: Client, newest_first: list[int]) -> None:
        assert turned(console.get(LIST), "Older") == f"?below={newest_first[49]}"

    def test_uses_no_offset(self, console: Client, newest_first: list[int]) -> None:
        with CaptureQueriesContext(connection) as queries:
            console.get(f"{LIST}?below={newest_first[99]}")
        assert not [query["sql"] for query in queries if "OFFSET" in query["sql"]]

    def test_of_exactly_one_page_has_no_buttons(self, console: Client, anna: User) -> None:
        make_sessions(49, anna)
        page = console.get(LIST)
        assert len(ids_of(page)) == 50
        assert (turned(page, "Older"), turned(page, "Newer")) == (None, None)


class PagingWithinAReachTests:
    """An administrator's pages are put together from his accounts and himself, and are as whole as anybody's."""

    @pytest.fixture(params=[1, 2, 30])
    def mine(self, request: pytest.FixtureRequest, ada: User, anna: User, ben: User, acme: Account) -> list[int]:
        accounts = [acme, *(make_account(f"team-{n}", admin=ada) for n in range(1, request.param))]
        foreign = make_account("foreign")
        rows = [(anna, accounts[n % len(accounts)]) for n in range(100)]
        rows += [(ada, foreign)] * 20 + [(ada, acme)] * 10 + [(ben, foreign)] * 40
        random.Random(3).shuffle(rows)  # noqa: S311 (the same order each time, and nothing to guess)
        Session.objects.bulk_create([session_of(*row) for row in rows])
        newest_first = Session.objects.order_by("-id").select_related("user", "account")
        return [one.pk for one in newest_first if one.user == ada or one.account in accounts]

    @pytest.mark.parametrize("order", ORDERS)
    def test_shows_every_session_once(self, ada: User, mine: list[int], order: str) -> None:
        client = signed_in(ada)
        mine.insert(0, current(client).pk)
        shown = [ids_of(page) for page in pages(client, order, ORDERS[order][0])]
        assert [*chain(*shown)] == (mine[::-1] if order else mine)
        assert [len(rows) for rows in shown] == [50, 50, 31]

    def test_comes_back_by_the_same_pages(self, ada: User, mine: list[int]) -> None:
        client = signed_in(ada)
        there = list(pages(client, "", "Older"))
        last = turned(there[-2], "Older")
        assert last is not None
        assert [ids_of(page) for page in pages(client, last[1:], "Newer")] == [ids_of(page) for page in there[::-1]]

    def test_counts_every_session_once(self, ada: User, mine: list[int]) -> None:
        assert " 131 sessions " in text_of(signed_in(ada).get(LIST))
