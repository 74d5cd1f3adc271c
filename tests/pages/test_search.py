"""The search: every word is a plain substring of what the list shows, on both databases."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sessions_ui.models import Account, Session
from sessions_ui.models.search_text import PARTS, search_text

from .cast import LIST, TERMINATE, Page, current, ids_of, make_person, make_session, signed_in, text_of

TEXTS = {
    "anna": ["Anna Brandt", "anna@example.com", "Acme", "203.0.113.7", "Berlin, Germany", "iPhone", "Safari 26"],
    "renée": ["Renée Müller", "renee@example.com", "Straße 7", "Firefox 143"],
    "percent": ["100% wool", "under_score", r"back\slash", "it's", 'say "yes"', "semi;colon --"],
    "plain": ["100 wool", "underscore", "backslash", "its", "say yes", "semicolon"],
    "turkish": ["İstanbul", "ΣΊΣΥΦΟΣ", "ｆｕｌｌｗｉｄｔｈ", "ﬁnance"],
}
FOUND = {
    "anna": {"anna"},
    "ANNA": {"anna"},
    "brandt anna": {"anna"},
    "anna   brandt": {"anna"},
    "ann bra": {"anna"},
    "anna firefox": set(),
    "203.0.113": {"anna"},
    "berlin safari iphone": {"anna"},
    "muller": {"renée"},
    "MÜLLER": {"renée"},
    "mu\u0308ller": {"renée"},
    "renee": {"renée"},
    "strasse": {"renée"},
    "example.com": {"anna", "renée"},
    "%": set(),
    "100%": {"percent"},
    "100%wool": set(),
    "_": set(),
    "r_s": {"percent"},
    "n_a": set(),
    "\\": set(),
    "back\\slash": {"percent"},
    "\\%": set(),
    "it's": {"percent"},
    '"yes"': {"percent", "plain"},
    '"say yes"': {"plain"},
    'say "yes"': {"percent", "plain"},
    '"user:"': set(),
    "'": set(),
    ";colon --": set(),
    ";colon": {"percent"},
    "' OR 1=1": set(),
    "anna*": set(),
    "anna AND renée": set(),
    "istanbul": {"turkish"},
    "σισυφος": {"turkish"},
    "fullwidth": {"turkish"},
    "finance": {"turkish"},
    "[a-z]": set(),
    "wool 100": {"percent", "plain"},
}


class SearchTests:
    @pytest.fixture
    def sessions(self, anna: User) -> dict[int, str]:
        texts = {name: search_text(dict(zip(PARTS, text, strict=False))) for name, text in TEXTS.items()}
        return {make_session(anna, search_text=text).pk: name for name, text in texts.items()}

    def test_finds_every_word_as_it_stands(self, console: Client, sessions: dict[int, str]) -> None:
        found = {words: ids_of(console.get(f"{LIST}?{urlencode({'q': words})}")) for words in FOUND}
        assert {words: {sessions[pk] for pk in ids if pk in sessions} for words, ids in found.items()} == FOUND

    def test_covers_the_same_for_a_termination(self, console: Client, sessions: dict[int, str]) -> None:
        finding = {words: len(names) for words, names in FOUND.items() if names}
        pages = {words: console.get(f"{TERMINATE}?{urlencode({'q': words})}") for words in finding}
        assert {words: page.context["figures"].sessions for words, page in pages.items()} == finding

    def test_says_in_the_list_what_was_sought(self, console: Client) -> None:
        page = text_of(console.get(f"{LIST}?q=Nowhere+Land"))
        assert "There is no session matching “Nowhere Land”" in page


class SearchedTextTests:
    """What a sign-in leaves to be searched is what the list shows of it."""

    @pytest.fixture
    def session(self, anna: User, acme: Account) -> Session:
        return current(signed_in(anna))

    def search(self, console: Client, words: str) -> Page:
        answer: Page = console.get(f"{LIST}?{urlencode({'q': words})}")
        return answer

    @pytest.mark.parametrize("shown", ["Anna Brandt", "anna@example.com", "Acme", "Console"])
    def test_is_found_by(self, console: Client, session: Session, shown: str) -> None:
        assert session.pk in ids_of(self.search(console, shown))

    def test_does_not_hold_the_session_key(self, console: Client) -> None:
        """No oracle: a key, or the beginning of one, finds nothing."""
        assert ids_of(self.search(console, console.cookies["console"].value)) == []

    def test_of_a_stranger_says_nothing_to_an_account_administrator(self, ada: User, acme: Account) -> None:
        """R062: a search is no oracle for what one may not see."""
        make_session(make_person("secret-person"))
        known, unknown = (self.search(signed_in(ada), words) for words in ("secret-person", "unknown-person"))
        assert ids_of(known) == ids_of(unknown) == []
