import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from sessions_ui.models import Beat, Termination
from sessions_ui.models.beats import SEEN_WITHIN
from sessions_ui.views import health

PROBES = ["/healthz", "/readyz"]
EVERYTHING_IS_FINE = "database: answers\nmigrations: applied\ntidying: up to date\nworker: seen\n"


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    health.migrated.clear()


@pytest.fixture
def _worker(db: None) -> None:
    Beat.objects.give()


class HealthzTests:
    def test_answers_without_database(self, client: Client) -> None:
        """R182: pytest-django fails a test that asks the database without saying so."""
        answer = client.get("/healthz")
        assert (answer.status_code, answer.content) == (200, b"ok\n")

    @pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
    def test_is_for_reading_only(self, method: str, client: Client) -> None:
        assert getattr(client, method)("/healthz").status_code == 405


@pytest.mark.django_db
class ProbeTests:
    @pytest.mark.parametrize("path", PROBES)
    @pytest.mark.parametrize("host", ["10.1.2.3:8000", "[fd00::1]", "evil.example", "%%%"])
    def test_any_host_is_answered(self, path: str, host: str, client: Client) -> None:
        assert client.get(path, headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize("path", PROBES)
    def test_is_not_sent_to_tls(self, path: str, client: Client, settings: Settings) -> None:
        settings.SECURE_SSL_REDIRECT = True
        assert client.get(path).status_code == 200

    @pytest.mark.parametrize("path", PROBES)
    def test_has_no_session_and_is_never_kept(self, path: str, client: Client) -> None:
        client.force_login(User.objects.create(username="anna"))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(path)
        assert not [query for query in queries if "session_data" in query["sql"]]
        assert "no-store" in answer["Cache-Control"]
        assert answer["Content-Type"].startswith("text/plain")
        assert not answer.cookies

    @pytest.mark.parametrize("path", PROBES)
    def test_other_pages_still_look_at_the_host(self, path: str, client: Client) -> None:
        assert client.get(f"{path}/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.django_db
@pytest.mark.usefixtures("_worker")
class ReadyzTests:
    """R182"""

    def test_says_each_item_on_a_line(self, client: Client) -> None:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.content.decode()) == (200, EVERYTHING_IS_FINE)

    def test_migrations_are_looked_for_once(self, client: Client) -> None:
        client.get("/readyz")
        with CaptureQueriesContext(connection) as queries:
            client.get("/readyz")
        assert len(queries) == 2

    def test_waiting_terminations_are_told_and_no_failure(self, client: Client) -> None:
        scope = {"conditions": {"everything": True}, "reach": {"all": True}, "cut_off": 0}
        Termination.objects.create(**scope)
        assert client.get("/readyz").content.decode() == EVERYTHING_IS_FINE
        Termination.objects.update(created_on=F("created_on") - health.TIDYING_TIME)
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert "tidying: waits, unfinished terminations: 1\n" in answer.content.decode()

    def test_a_worker_that_is_missing_is_told_and_no_failure(self, client: Client) -> None:
        Beat.objects.update(seen_on=F("seen_on") - SEEN_WITHIN)
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.content.decode().endswith("worker: none seen for five minutes\n")


@pytest.mark.django_db(transaction=True)
class NotReadyTests:
    """R182"""

    def test_missing_migration_is_503_until_it_is_applied(self, client: Client) -> None:
        call_command("migrate", "sessions_ui", "0001", verbosity=0, fake=True)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.content == b"database: answers\nmigrations: missing, run migrate\n"
        call_command("migrate", "sessions_ui", verbosity=0, fake=True)
        assert client.get("/readyz").status_code == 200

    def test_database_that_is_away_is_503(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        assert client.get("/readyz").status_code == 200
        connection.close()
        with monkeypatch.context() as patch:
            patch.setitem(connection.settings_dict, "NAME", "/nowhere/at/all")
            answer = client.get("/readyz")
            assert (answer.status_code, answer.content) == (503, b"database: does not answer\n")
            assert client.get("/healthz").status_code == 200
            connection.close()
        assert client.get("/readyz").status_code == 200
