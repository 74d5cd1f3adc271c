"""What the README promises a newcomer, walked step by step."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from sessions_ui.models import Account, Membership
from sessions_ui.models.limits import SHIPPED, SHIPPED_FOR_THE_CONSOLE, in_words

README = (Path(__file__).parent.parent / "README.md").read_text()
SETTINGS = (Path(__file__).parent.parent / "sessionadmin" / "settings.py").read_text()
NO_MEMBERS = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


def signed_in(name: str, password: str) -> Client:
    browser = Client()
    browser.post("/sign-in/", {"username": name, "password": password})
    return browser


@pytest.fixture
def administrator(monkeypatch: pytest.MonkeyPatch, db: None) -> Client:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a first administrator")
    call_command("createsuperuser", interactive=False, username="root", email="", stdout=StringIO())
    return signed_in("root", "a first administrator")


class FiveMinutesTests:
    def add(self, browser: Client, model: str, **fields: str) -> None:
        response = browser.post(f"/admin/{model}/add/", fields)
        assert response.status_code == 302, response.content.decode()

    def test_end_with_the_first_user_in_the_list(self, administrator: Client) -> None:
        self.add(administrator, "sessions_ui/account", name="Kestrel Logistics", slug="kestrel", **NO_MEMBERS)
        passwords = {"password1": "five minutes it takes", "password2": "five minutes it takes"}
        self.add(administrator, "auth/user", username="omar", usable_password="true", **passwords, **NO_MEMBERS)
        omar, kestrel = User.objects.get(username="omar"), Account.objects.get()
        self.add(administrator, "sessions_ui/membership", user=str(omar.pk), account=str(kestrel.pk), role="admin")
        assert signed_in("omar", "five minutes it takes").get("/").headers["Location"].endswith("sessions/")
        page = administrator.get("/security/active-user-sessions/").content.decode()
        assert "omar" in page
        assert "Kestrel Logistics" in page
        assert Membership.objects.get().role == "admin"


class LimitsTests:
    def test_the_table_is_what_a_new_database_begins_with(self) -> None:
        """R012."""
        for whose, shipped in (("every application", SHIPPED), ("the console", SHIPPED_FOR_THE_CONSOLE)):
            idle, lifetime = in_words(shipped["idle"]), in_words(shipped["lifetime"])
            assert f"| {whose} | {idle} | {lifetime} |" in README

    def test_are_no_looser_than_asked_for(self) -> None:
        """R008, R009."""
        for shipped, idle, lifetime in ((SHIPPED, 60, 1_440), (SHIPPED_FOR_THE_CONSOLE, 15, 720)):
            assert shipped["idle"] <= idle
            assert shipped["lifetime"] <= lifetime


class SettingsTests:
    def test_every_variable_stands_in_the_table(self) -> None:
        read = set(re.findall(r'\b(?:env\.\w+|number|switch)\(\s*"([A-Z_]+)"', SETTINGS))
        described = set(re.findall(r"`([A-Z_]+)`", "".join(re.findall(r"^\|.*", README, re.MULTILINE))))
        assert read
        assert read - described == set()

    def test_every_package_stands_in_the_table(self) -> None:
        required = (Path(__file__).parent.parent / "requirements.txt").read_text()
        for package in re.findall(r"^([\w-]+)", required, re.MULTILINE):
            assert package.casefold() in README.casefold()
