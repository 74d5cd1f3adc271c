"""What letters say: what happened, when, where, by whom; no key, and links to pages only (R007, R085, R137)."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from sessions_ui.models import Account, Application, Letter, Membership, SessionEvent, Termination
from sessions_ui.postman import Postman

from .conftest import BERGEN, CHICAGO, IPHONE, end, html_of, make_person, outbox, sign_in

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\u202e\r\nBcc: all@kestrel.example"
ADDRESS = re.compile(r"https?://[^\s\"<>]+")


@pytest.fixture
def acme(anna: User) -> Account:
    account = Account.objects.create(name="Kestrel Logistics", slug="kestrel")
    Membership.objects.create(user=anna, account=account)
    return account


@pytest.fixture
def news(acme: Account, anna: User, postman: Postman) -> Any:
    """The mail about a sign-in from a new place with a new device."""
    sign_in(anna)
    sign_in(anna, CHICAGO, IPHONE)
    postman.round()
    (message,) = outbox()
    return message


@pytest.fixture
def ended(anna: User, marta: User, postman: Postman) -> Any:
    """The mail about a session that an administrator ended."""
    sign_in(anna)
    end(marta, "Your laptop was found.\nAsk at the desk.")
    postman.round()
    (message,) = outbox()
    return message


def texts(message: Any) -> tuple[str, str]:
    """Return what is read in the text and in the HTML, with single spaces."""
    readable = unescape(re.sub(r"<[^>]*>", " ", html_of(message)))
    return " ".join(message.body.split()), " ".join(readable.split())


class NewSignInTests:
    def test_says_what_happened_when_where_and_with_what(self, news: Any) -> None:
        event = SessionEvent.objects.latest("id")
        assert news.subject == "New sign-in to Console"
        for text in texts(news):
            assert "Hello Anna Brandt, Somebody signed in to Console with your user name, anna." in text
            assert f"{event.happened_on:%-d %B %Y, %H:%M} (UTC)" in text
            assert f"Chicago, United States, guessed from {CHICAGO}" in text
            assert "Safari 26 on iPhone" in text
            assert "For Kestrel Logistics" in text

    def test_says_what_is_new_and_how_it_was_before(self, news: Any) -> None:
        """An alert without the previous place is useless."""
        for text in texts(news):
            assert "New the place and the device, beside your sign-ins of the last 90 days" in text
            assert "Munich, Germany, guessed from 203.0.113.7, with Firefox 143 on Windows PC" in text

    def test_is_in_the_zone_of_the_house(self, anna: User, postman: Postman, settings: Settings) -> None:
        settings.DISPLAY_TIME_ZONE = "Asia/Tokyo"
        sign_in(anna)
        sign_in(anna, CHICAGO)
        postman.round()
        assert "(Asia/Tokyo)" in outbox()[0].body

    def test_comes_once_for_each_new_place(self, anna: User, postman: Postman) -> None:
        for ip in (BERGEN, CHICAGO, CHICAGO, BERGEN):
            sign_in(anna, ip)
        postman.round()
        assert len(outbox()) == 1

    def test_knows_nothing_of_other_people(self, anna: User, postman: Postman) -> None:
        sign_in(make_person("ben"), CHICAGO)
        sign_in(anna)
        sign_in(anna, CHICAGO)
        postman.round()
        assert [message.to for message in outbox()] == [[anna.email]]

    def test_comes_after_a_pause_of_months(self, anna: User, postman: Postman) -> None:
        """Nothing is known of the last 90 days, but it is not the first sign-in."""
        SessionEvent.objects.create(
            kind="signed_in", user_key=str(anna.pk), user_label="anna", happened_on="2026-01-02T10:00Z"
        )
        sign_in(anna)
        postman.round()
        assert len(outbox()) == 1


class EndedSessionsTests:
    def test_says_who_ended_what_and_the_note(self, ended: Any) -> None:
        assert ended.subject == "Your session in Console was ended"
        termination = Termination.objects.get()
        for text in texts(ended):
            assert "Hello Anna Brandt, Marta Lindqvist (marta) ended your session on" in text
            assert f"{termination.created_on:%-d %B %Y, %H:%M} (UTC)" in text
            assert "Firefox 143 on Windows PC Munich, Germany, guessed from 203.0.113.7" in text
            assert "Your laptop was found. Ask at the desk." in text

    def test_never_tells_the_reason(self, ended: Any) -> None:
        assert Termination.objects.get().reason.startswith("INC-2214")
        assert all("INC-2214" not in text for text in texts(ended))

    def test_is_one_however_many_there_were(self, anna: User, marta: User, postman: Postman) -> None:
        for _ in range(13):
            sign_in(anna)
        end(marta)
        Letter.objects.filter(termination=None).delete()
        postman.round()
        (message,) = outbox()
        assert message.subject == "13 of your sessions were ended"
        for text in texts(message):
            assert text.count("Firefox 143 on Windows PC") == 10
            assert "and 3 more" in text

    def test_calls_who_was_at_the_command_line_an_administrator(self, anna: User, postman: Postman) -> None:
        sign_in(anna)
        end("root on the command line")
        postman.round()
        for text in texts(outbox()[0]):
            assert "An administrator ended your session" in text
            assert "root" not in text


class SecretTests:
    def test_no_key_is_in_any_mail(self, anna: User, marta: User, postman: Postman) -> None:
        """R007."""
        sign_in(anna)
        browser = Client()
        browser.force_login(anna)
        end(marta)
        postman.round()
        assert len(outbox()) == 2
        for message in outbox():
            assert browser.cookies["console"].value not in message.message().as_string()

    def test_links_lead_to_pages_and_nothing_ends_by_opening_them(self, news: Any, anna: User) -> None:
        """R085."""
        links = {*ADDRESS.findall(news.body), *ADDRESS.findall(html_of(news))}
        assert {link.removeprefix("https://console.example") for link in links} == {
            "/my-sessions/",
            "/password/",
            "/password/reset/",
        }
        browser = Client()
        browser.force_login(anna)
        for link in links:
            assert browser.get(link.removeprefix("https://console.example")).status_code == 200
        assert not SessionEvent.objects.filter(kind__in=SessionEvent.ENDS).exists()

    def test_nothing_is_fetched_from_anywhere(self, news: Any, marta: User, postman: Postman) -> None:
        end(marta)
        postman.round()
        assert len(outbox()) == 2
        for message in outbox():
            assert not re.search(r"<(img|link|script|style)|url\(|src=", html_of(message))

    def test_without_a_public_url_the_way_is_said_in_words(
        self, anna: User, marta: User, postman: Postman, settings: Settings
    ) -> None:
        settings.PUBLIC_URL = ""
        sign_in(anna)
        sign_in(anna, CHICAGO)
        end(marta)
        postman.round()
        assert len(outbox()) == 2
        for message in outbox():
            assert not ADDRESS.search(message.body + html_of(message))
        assert all("under “My sessions” in Session Admin" in text for text in texts(outbox()[0]))

    def test_a_path_of_the_console_comes_along(self, anna: User, postman: Postman, settings: Settings) -> None:
        settings.PUBLIC_URL = "https://intranet.example/sessions/"
        sign_in(anna)
        sign_in(anna, CHICAGO)
        postman.round()
        assert "https://intranet.example/sessions/my-sessions/" in outbox()[0].body


class HostileTests:
    """R137, and headers: what people and programs call themselves is text."""

    @pytest.fixture
    def hostile(self, marta: User, postman: Postman, settings: Settings) -> list[Any]:
        settings.SESSION_APPLICATION = "odd"
        Application.objects.create(slug="odd", name=HOSTILE)
        account = Account.objects.create(slug="odd", name=HOSTILE)
        person = make_person("odd", first_name=HOSTILE, last_name="\x1b")
        Membership.objects.create(user=person, account=account)
        User.objects.filter(pk=marta.pk).update(first_name=HOSTILE)
        marta.refresh_from_db()
        sign_in(person)
        sign_in(person, CHICAGO, "<img src=x onerror=alert(1)>/1.0")
        end(marta, HOSTILE)
        postman.round()
        return outbox()

    def test_names_are_text_in_both_parts(self, hostile: list[Any]) -> None:
        assert len(hostile) == 2
        for message in hostile:
            assert not re.search("<(script|img)", html_of(message))
            assert not re.search("[\u202e\x1b]", message.body + html_of(message))

    def test_names_make_no_headers_and_no_recipients(self, hostile: list[Any]) -> None:
        for message in hostile:
            assert "\n" not in message.subject
            assert message.recipients() == ["odd@kestrel.example"]
            assert message.message()["Bcc"] is None

    def test_headers_say_that_nobody_wrote_it(self, hostile: list[Any]) -> None:
        headers = hostile[0].message()
        assert headers["Auto-Submitted"] == "auto-generated"
        assert headers["Message-ID"].endswith("@localhost>")
        assert len({message.message()["Message-ID"] for message in hostile}) == 2
