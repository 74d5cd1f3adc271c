"""What is foreign looks exactly like what does not exist (R062, R083)."""

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sessions_ui.models import Account, Session, Termination

from .cast import LIST, TERMINATE, live, make_account, make_person, make_session, previewed, signed_in, told

PAGES = {
    "a session": f"{LIST}{{session}}/",
    "a termination": "/security/terminations/{act}/",
    "the list by account": f"{LIST}?account={{account}}",
    "the list by user": f"{LIST}?user={{user}}",
    "the list by e-mail": f"{LIST}?user={{email}}",
    "the search": f"{LIST}?q={{user}}",
    "the picker of accounts": f"{LIST}suggest/account/?account={{account}}",
    "the picker of users": f"{LIST}suggest/user/?user={{user}}",
    "the preview of a row": f"{TERMINATE}?session={{session}}",
    "the preview of an account": f"{TERMINATE}?account={{account}}",
    "the preview of a user": f"{TERMINATE}?user={{user}}",
}
PREVIEWS = [page for page in PAGES if "preview" in page]

Names = dict[str, Any]


def body(page: str, *names: Any) -> str:
    """Return the page without its tokens and times, and with these names made alike."""
    page = re.sub(r'name="(csrfmiddlewaretoken|preview)" value="[^"]*"', "token", page)
    page = re.sub(r"<time.*?</time>", "time", page, flags=re.DOTALL)
    page = re.sub(r"\d\d:\d\d\b", "time", page)
    for name in names:
        page = page.replace(str(name), "this")
    return page


def answer(client: Client, page: str, names: Names) -> tuple[Any, ...]:
    """Return the whole answer, or where it leads to and what is told there: that page is another's answer."""
    found = client.get(PAGES[page].format(**names), follow=True)
    shown = told(found) if found.redirect_chain else body(found.content.decode(), *names.values())
    return found.status_code, found.redirect_chain, shown


class ForeignTests:
    @pytest.fixture
    def session(self) -> Session:
        return make_session(make_person("stranger", email="stranger@example.com"), make_account("cargo"))

    @pytest.fixture
    def foreign(self, root: User, session: Session) -> Names:
        act = Termination.objects.create(actor=root, conditions={"user": 0}, reach={"all": True}, cut_off=0)
        names = {"account": "cargo", "email": "stranger@example.com", "user": "stranger"}
        return {"session": session.public_id, "act": act.public_id} | names

    @pytest.fixture
    def unknown(self) -> Names:
        names = {"account": "yacht", "email": "phantoms@example.com", "user": "phantoms"}
        return {"session": uuid.uuid4(), "act": uuid.uuid4()} | names

    @pytest.mark.parametrize("page", PAGES)
    def test_is_like_unknown_to_an_account_administrator(
        self, ada: User, acme: Account, foreign: Names, unknown: Names, page: str
    ) -> None:
        client = signed_in(ada)
        assert answer(client, page, foreign) == answer(client, page, unknown)

    @pytest.mark.parametrize("page", PAGES)
    def test_is_like_unknown_to_a_member(
        self, anna: User, acme: Account, foreign: Names, unknown: Names, page: str
    ) -> None:
        client = signed_in(anna)
        assert answer(client, page, foreign) == answer(client, page, unknown)

    @pytest.mark.parametrize("page", PREVIEWS)
    def test_is_like_unknown_where_one_may_only_look(
        self, vera: User, foreign: Names, unknown: Names, page: str
    ) -> None:
        client = signed_in(vera)
        assert answer(client, page, foreign) == answer(client, page, unknown)

    def test_among_ticked_rows_is_like_unknown(
        self, ada: User, anna: User, acme: Account, foreign: Names, unknown: Names
    ) -> None:
        client, mine = signed_in(ada), make_session(anna, acme)
        url = f"{TERMINATE}?session={mine.public_id}&session="
        pages = [client.get(f"{url}{names['session']}").content.decode() for names in (foreign, unknown)]
        assert body(pages[0]) == body(pages[1])
        assert "Anna Brandt’s session" in pages[0]

    def test_in_a_preview_of_ones_own_making_is_like_ended(self, ada: User, acme: Account, session: Session) -> None:
        client, gone = signed_in(ada), make_session(None)
        tokens = [previewed("account=cargo", ada.pk, 1), previewed(f"session={session.public_id}", ada.pk, 1)]
        gone.delete()
        pages = [body(client.post(TERMINATE, {"preview": token}, follow=True).content.decode()) for token in tokens]
        assert pages[0] == pages[1]
        assert "has already ended" in pages[0]
        assert live(session) == {session.pk}
