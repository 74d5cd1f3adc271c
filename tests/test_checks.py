from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import post_delete, pre_delete
from pytest_django import Settings

from sessions_ui import checks, triggers
from sessions_ui.models import Session

DJANGOS_SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
DJANGOS_AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
OURS = [
    "sessions_ui.middleware.SessionMiddleware",
    "sessions_ui.middleware.AuthenticationMiddleware",
    "sessions_ui.middleware.ActivityMiddleware",
]


def ids(messages: list[CheckMessage]) -> list[str]:
    return [str(message.id).removeprefix("sessions_ui.") for message in messages]


class WholeTests:
    def test_development_is_clean(self) -> None:
        assert run_checks() == []

    @pytest.mark.django_db
    def test_migrated_database_is_clean(self) -> None:
        assert run_checks(databases=["default"]) == []

    def test_every_message_says_what_to_do(self, settings: Settings) -> None:
        settings.SESSION_APPLICATION = None
        settings.MIDDLEWARE = []
        assert all(message.hint for message in run_checks() if str(message.id).startswith("sessions_ui"))


class ApplicationTests:
    @pytest.mark.parametrize("slug", [None, "", "two words", "é", "a/b", "a" * 101])
    def test_unusable_name_is_an_error(self, slug: str | None, settings: Settings) -> None:
        settings.SESSION_APPLICATION = slug
        assert ids(checks.check_application()) == ["E001"]

    def test_missing_name_is_an_error(self, settings: Settings) -> None:
        del settings.SESSION_APPLICATION
        assert ids(checks.check_application()) == ["E001"]

    @pytest.mark.parametrize("slug", ["console", "Time_sheets-2"])
    def test_slug_is_fine(self, slug: str, settings: Settings) -> None:
        settings.SESSION_APPLICATION = slug
        assert checks.check_application() == []


class MiddlewareTests:
    def test_all_in_order_is_fine(self, settings: Settings) -> None:
        settings.MIDDLEWARE = OURS
        assert checks.check_middleware() == []

    @pytest.mark.parametrize("missing", OURS)
    def test_each_is_missed(self, missing: str, settings: Settings) -> None:
        settings.MIDDLEWARE = [path for path in OURS if path != missing]
        assert ids(checks.check_middleware()) == ["E002"]
        assert missing in checks.check_middleware()[0].msg

    @pytest.mark.parametrize(("place", "theirs"), [(0, DJANGOS_SESSIONS), (1, DJANGOS_AUTHENTICATION)])
    def test_djangos_own_in_its_place_is_an_error(self, place: int, theirs: str, settings: Settings) -> None:
        settings.MIDDLEWARE = [theirs if n == place else path for n, path in enumerate(OURS)]
        assert ids(checks.check_middleware()) == ["E003"]

    def test_djangos_own_beside_ours_is_an_error(self, settings: Settings) -> None:
        settings.MIDDLEWARE = [DJANGOS_SESSIONS, *OURS]
        assert ids(checks.check_middleware()) == ["E003"]

    @pytest.mark.parametrize("order", [[1, 0, 2], [0, 2, 1], [2, 1, 0]])
    def test_wrong_order_is_an_error(self, order: list[int], settings: Settings) -> None:
        settings.MIDDLEWARE = [OURS[n] for n in order]
        assert ids(checks.check_middleware()) == ["E004"]

    def test_another_engine_under_our_middleware_is_an_error(self, settings: Settings) -> None:
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.file"
        assert ids(checks.check_middleware()) == ["E005"]

    def test_another_engine_under_its_own_is_fine(self, settings: Settings) -> None:
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.file"
        settings.MIDDLEWARE = [DJANGOS_SESSIONS, "csp.middleware.CSPMiddleware"]
        assert checks.check_middleware() == []


class SettingTests:
    @pytest.mark.parametrize("path", ["", "nowhere", "sessions_ui.accounts.nothing", "sessions_ui.apps.__name__"])
    def test_account_without_function_is_an_error(self, path: str, settings: Settings) -> None:
        settings.SESSION_ACCOUNT = path
        assert ids(checks.check_account()) == ["E006"]

    def test_account_with_a_function_or_none_given_is_fine(self, settings: Settings) -> None:
        assert checks.check_account() == []
        del settings.SESSION_ACCOUNT
        assert checks.check_account() == []

    @pytest.mark.parametrize(
        ("networks", "count", "found"),
        [
            ([], 0, []),
            (["10.0.0.0/8", "::1"], 0, []),
            ([], 2, []),
            (["10.0.0.0/99"], 0, ["E007"]),
            (["proxy.example"], 1, ["E007"]),
            ([], -1, ["E008"]),
            (["10.0.0.0/8"], 1, ["W001"]),
        ],
    )
    def test_proxies(self, networks: list[str], count: int, found: list[str], settings: Settings) -> None:
        settings.TRUSTED_PROXIES, settings.TRUSTED_PROXY_COUNT = networks, count
        assert ids(checks.check_proxies()) == found

    def test_missing_location_file_is_a_warning(self, settings: Settings, tmp_path: Path) -> None:
        settings.GEOIP_PATH = str(tmp_path / "missing.mmdb")
        assert ids(checks.check_locations()) == ["W002"]

    def test_no_location_file_is_fine(self, settings: Settings) -> None:
        settings.GEOIP_PATH = ""
        assert checks.check_locations() == []

    @pytest.mark.parametrize("zone", ["", "Europe/Atlantis", "../../etc/passwd"])
    def test_unknown_zone_is_an_error(self, zone: str, settings: Settings) -> None:
        settings.DISPLAY_TIME_ZONE = zone
        assert ids(checks.check_display_time_zone()) == ["E012"]

    def test_known_zone_is_fine(self, settings: Settings) -> None:
        settings.DISPLAY_TIME_ZONE = "Europe/Berlin"
        assert checks.check_display_time_zone() == []


def receive(**kwargs: Any) -> None:
    pass


class DeleteSignalTests:
    @pytest.fixture(autouse=True)
    def _disconnect(self) -> Iterator[None]:
        yield
        for signal in (pre_delete, post_delete):
            for sender in (None, Session, User):
                signal.disconnect(receive, sender=sender)

    @pytest.mark.parametrize("signal", [pre_delete, post_delete])
    @pytest.mark.parametrize("sender", [None, Session])
    def test_receiver_of_sessions_is_a_warning(self, signal: Any, sender: Any) -> None:
        signal.connect(receive, sender=sender)
        assert ids(checks.check_delete_signals()) == ["W003"]

    def test_receiver_of_something_else_is_fine(self) -> None:
        pre_delete.connect(receive, sender=User)
        assert checks.check_delete_signals() == []


class Router:
    """Reads from a database that lags."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


class RouterTests:
    def test_reads_from_a_replica_are_an_error(self, settings: Settings) -> None:
        """F40"""
        settings.DATABASE_ROUTERS = [Router()]
        assert ids(checks.check_router()) == ["E009"]

    def test_one_database_is_fine(self) -> None:
        assert checks.check_router() == []


SECURE = {"SECURE": True, "DOMAIN": None, "PATH": "/"}


class CookieTests:
    """R130, R131, R170, M14"""

    @pytest.fixture(autouse=True)
    def _secure(self, settings: Settings) -> None:
        for kind in ("SESSION", "CSRF"):
            setattr(settings, f"{kind}_COOKIE_NAME", f"__Host-{kind.lower()}")
            for what, value in SECURE.items():
                setattr(settings, f"{kind}_COOKIE_{what}", value)

    def test_secure_cookies_are_fine(self) -> None:
        assert checks.check_cookies() == checks.check_cookie_prefixes() == []

    @pytest.mark.parametrize(
        ("what", "value", "found"),
        [
            ("SECURE", False, "W010"),
            ("HTTPONLY", False, "W011"),
            ("SAMESITE", "None", "W012"),
            ("SAMESITE", None, "W012"),
            ("NAME", "console", "W013"),
        ],
    )
    def test_each_weakness_is_one_warning(self, what: str, value: Any, found: str, settings: Settings) -> None:
        setattr(settings, f"SESSION_COOKIE_{what}", value)
        assert ids(checks.check_cookies()) == [found]

    @pytest.mark.parametrize("kind", ["SESSION", "CSRF"])
    @pytest.mark.parametrize(("what", "value"), [("SECURE", False), ("DOMAIN", "example.com"), ("PATH", "/app/")])
    def test_what_browsers_refuse_is_an_error(self, kind: str, what: str, value: Any, settings: Settings) -> None:
        setattr(settings, f"{kind}_COOKIE_{what}", value)
        assert ids(checks.check_cookie_prefixes()) == ["E011"]

    def test_without_tls_a_plain_name_is_fine(self, settings: Settings) -> None:
        settings.SESSION_COOKIE_SECURE, settings.SESSION_COOKIE_NAME = False, "console"
        assert checks.check_cookie_prefixes() == []

    def test_weaknesses_are_told_with_deploy_only(self, settings: Settings) -> None:
        settings.SESSION_COOKIE_HTTPONLY = False
        assert "W011" not in ids(run_checks())
        assert "W011" in ids(run_checks(include_deployment_checks=True))


class ProductionTests:
    """R171"""

    @pytest.fixture(autouse=True)
    def _production(self, settings: Settings, tmp_path: Path) -> None:
        settings.PRODUCTION, settings.DEMO_PASSWORD_FILE = True, str(tmp_path / "demo_password")

    def test_is_fine(self) -> None:
        assert checks.check_production() == []

    def test_debug_is_an_error(self, settings: Settings) -> None:
        settings.DEBUG = True
        assert ids(checks.check_production()) == ["E013"]

    def test_demo_password_is_an_error(self, settings: Settings) -> None:
        Path(settings.DEMO_PASSWORD_FILE).touch()
        assert ids(checks.check_production()) == ["E015"]

    def test_elsewhere_both_are_fine(self, settings: Settings) -> None:
        settings.PRODUCTION, settings.DEBUG = False, True
        Path(settings.DEMO_PASSWORD_FILE).touch()
        assert checks.check_production() == []


@pytest.mark.django_db
class DemoPeopleTests:
    @pytest.fixture(autouse=True)
    def _demo(self, settings: Settings) -> None:
        settings.PRODUCTION = True
        User.objects.create(username="anna").groups.add(Group.objects.create(name="Demo people"))

    def test_demo_person_is_an_error_in_production(self, settings: Settings) -> None:
        assert ids(checks.check_demo_people(databases=["default"])) == ["E014"]
        settings.PRODUCTION = False
        assert checks.check_demo_people(databases=["default"]) == []

    def test_empty_group_is_fine(self) -> None:
        User.objects.get(username="anna").delete()
        assert checks.check_demo_people(databases=["default"]) == []

    def test_database_is_asked_only_where_checks_may(self) -> None:
        assert checks.check_demo_people() == checks.check_trigger() == checks.check_isolation() == []


@pytest.mark.django_db(transaction=True)
class TriggerTests:
    @pytest.fixture(autouse=True)
    def _restore(self) -> Iterator[None]:
        yield
        triggers.install()

    def test_lost_trigger_is_a_warning(self) -> None:
        on = " ON auth_user" if connection.vendor == "postgresql" else ""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {triggers.NAME}{on}")
        assert ids(checks.check_trigger(databases=["default"])) == ["W004"]

    def test_hint_helps(self) -> None:
        self.test_lost_trigger_is_a_warning()
        call_command("migrate", verbosity=0)
        assert checks.check_trigger(databases=["default"]) == []

    def test_before_the_first_migrate_nothing_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Session._meta, "db_table", "not_yet")
        assert checks.check_trigger(databases=["default"]) == []


@pytest.mark.django_db(transaction=True)
class IsolationTests:
    def test_read_committed_is_fine(self) -> None:
        assert checks.check_isolation(databases=["default"]) == []

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one level")
    @pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
    def test_more_is_an_error(self, level: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
            assert ids(checks.check_isolation(databases=["default"])) == ["E010"]
