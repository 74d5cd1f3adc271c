"""What the checks say of mail before the first one is sent."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from sessions_ui import mail_checks


@pytest.fixture(autouse=True)
def _production(settings: Settings) -> None:
    settings.PRODUCTION, settings.PUBLIC_URL = True, "https://console.example"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


def found() -> list[str]:
    messages = [*mail_checks.check_public_url(), *mail_checks.check_mail()]
    assert all(message.hint for message in messages)
    return [str(message.id).removeprefix("sessions_ui.") for message in messages]


class ChecksTests:
    def test_are_silent_where_all_is_set(self) -> None:
        assert found() == []
        assert [message for message in run_checks() if "mail" in message.msg.casefold()] == []

    @pytest.mark.parametrize(
        ("backend", "url", "said"),
        [
            ("smtp.EmailBackend", "", ["W007"]),
            ("dummy.EmailBackend", "https://console.example", ["W008"]),
            ("dummy.EmailBackend", "", ["W007", "W008"]),
        ],
    )
    def test_warn_in_production_while_people_are_to_be_told(
        self, settings: Settings, backend: str, url: str, said: list[str]
    ) -> None:
        settings.EMAIL_BACKEND, settings.PUBLIC_URL = f"django.core.mail.backends.{backend}", url
        assert found() == said
        settings.MAIL_NEW_SIGN_INS = False
        assert found() == said
        settings.MAIL_ENDED_SESSIONS = False
        assert found() == []

    def test_are_silent_elsewhere(self, settings: Settings) -> None:
        settings.PUBLIC_URL, settings.EMAIL_BACKEND = "", "sessionadmin.mail.LogBackend"
        assert found() == ["W007", "W008"]
        settings.PRODUCTION = False
        assert found() == []
        del settings.PRODUCTION, settings.PUBLIC_URL, settings.MAIL_NEW_SIGN_INS, settings.MAIL_ENDED_SESSIONS
        assert found() == []

    @pytest.mark.parametrize(
        "url",
        [
            "console.example",
            "javascript:alert(1)",
            "https://",
            "https://[::1",
            "https://a b",
            "https://a\n.example",
            "https://a.example/?q=1",
            "//a.example",
        ],
    )
    def test_refuse_what_no_link_can_begin_with(self, settings: Settings, url: str) -> None:
        settings.PUBLIC_URL = url
        assert found() == ["E016"]
        settings.PRODUCTION = False
        assert found() == ["E016"]

    @pytest.mark.parametrize(
        "url", ["https://console.example", "http://127.0.0.1:8000", "https://a.example/sessions/"]
    )
    def test_take_any_other(self, settings: Settings, url: str) -> None:
        settings.PUBLIC_URL = url
        assert found() == []
