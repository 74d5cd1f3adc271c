"""What a row says, as it is put together before its template."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sessions_ui.models import Account, Session
from sessions_ui.moments import ago
from sessions_ui.rows import Links

from .cast import LIST, make_session


class LinksTests:
    @pytest.fixture
    def session(self, anna: User, acme: Account) -> Session:
        return make_session(anna, acme)

    def test_lead_to_the_page_of_the_session(self, session: Session) -> None:
        there = Links(QueryDict()).session(str(session.public_id))
        assert there == reverse("session", args=[session.public_id])

    def test_keep_what_is_shown_but_for_the_place_in_the_list(self) -> None:
        links = Links(QueryDict("q=chrome&below=70&account=acme"))
        assert links.only("account", "globex") == "?q=chrome&amp;account=globex"
        assert links.only("city", "Berlin & more") == "?q=chrome&amp;account=acme&amp;city=Berlin%20%26%20more"

    def test_hold_nothing_that_html_knows(self) -> None:
        links = Links(QueryDict("q=<script>&x='>\""))
        assert not set("<>'\"") & set(links.only("device", "'\"><img src=x>"))

    def test_are_those_of_the_page(self, console: Client, session: Session) -> None:
        page = console.get(f"{LIST}?q=anna").content.decode()
        assert f'href="{LIST}{session.public_id}/"' in page
        assert 'href="?q=anna&amp;account=acme"' in page


class AgoTests:
    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (-5, "just now"),
            (59, "just now"),
            (61, "1\xa0min ago"),
            (59 * 60, "59\xa0min ago"),
            (3_601, "1\xa0hour ago"),
            (7_201, "2\xa0hours ago"),
            (86_399, "23\xa0hours ago"),
        ],
    )
    def test_is_relative_within_a_day(self, seconds: int, said: str) -> None:
        assert f">{said}<" in ago(timezone.now() - timedelta(seconds=seconds))

    def test_escapes_what_it_is_put_behind(self) -> None:
        assert ">&lt;b&gt;just now<" in ago(timezone.now(), "<b>")
