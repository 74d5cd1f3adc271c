from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from sessions_ui.origin import Origin

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=700)


def request(**meta: Any) -> HttpRequest:
    made = HttpRequest()
    made.META = meta
    return made


class OriginTests:
    def test_tells_address_place_and_client(self) -> None:
        assert Origin.of(request(REMOTE_ADDR="203.0.113.24", HTTP_USER_AGENT=FIREFOX)) == Origin(
            ip="203.0.113.24",
            country="DE",
            location="Berlin",
            user_agent=FIREFOX,
            device="Linux PC",
            device_kind="computer",
            browser="Firefox 145",
            os="Linux",
        )

    @pytest.mark.parametrize("nothing", [None, request(), request(REMOTE_ADDR=None, HTTP_USER_AGENT=None)])
    def test_is_empty_without_a_request_or_anything_in_it(self, nothing: HttpRequest | None) -> None:
        assert Origin.of(nothing) == Origin()

    def test_test_client_is_this_machine(self) -> None:
        assert Origin.of(RequestFactory().get("/")).location == "This machine"

    def test_agent_is_cut(self) -> None:
        assert Origin.of(request(HTTP_USER_AGENT="x" * 9_000)).user_agent == "x" * 512

    @pytest.mark.parametrize("bad", ["\x00", "\ud800"])
    def test_what_no_database_stores_is_replaced(self, bad: str) -> None:
        """R165, F33"""
        assert Origin.of(request(HTTP_USER_AGENT=f"curl{bad}/8")).user_agent == "curl\ufffd/8"

    @given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
    def test_never_raises_and_can_be_stored(self, peer: str, forwarded: str, agent: str) -> None:
        """F33"""
        origin = Origin.of(request(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded, HTTP_USER_AGENT=agent))
        origin.user_agent.encode()
        assert "\x00" not in origin.user_agent
        assert origin.ip != ""
