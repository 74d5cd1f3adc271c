"""The command line, for when the web server is down: it says first, and acts on --yes."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from sessions_ui import services, sweep
from sessions_ui.filters import SessionFilter
from sessions_ui.models import Account, Session, Termination

from .cast import live, make_session, make_sessions


def run(*arguments: str) -> str:
    said = StringIO()
    call_command("terminate_sessions", *arguments, stdout=said)
    return said.getvalue()


def refused(*arguments: str) -> tuple[int, str]:
    """Return the exit code and the words of the refusal."""
    with pytest.raises(CommandError) as error:
        run(*arguments)
    return error.value.returncode, str(error.value)


class DryRunTests:
    def test_says_what_would_end_and_ends_nothing(self, anna: User, ben: User) -> None:
        sessions = [*make_sessions(2, anna), make_session(ben)]
        said = run("--user", "anna")
        assert said == (
            "Would terminate 2 sessions: Every session of anna.\nNothing has happened. Add --yes to do it.\n"
        )
        assert len(live(*sessions)) == 3
        assert not Termination.objects.exists()


class YesTests:
    def test_ends_what_the_filter_keeps(self, anna: User, ben: User) -> None:
        chosen, kept = make_sessions(2, anna), make_session(ben)
        assert run("--user", "anna", "--yes") == "Terminated 2 sessions: Every session of anna.\n"
        assert live(*chosen, kept) == {kept.pk}

    def test_ends_everything(self, anna: User, ben: User) -> None:
        make_session(anna), make_session(ben)
        assert run("--all", "--yes") == "Terminated 2 sessions: Every session.\n"
        assert live() == set()

    def test_is_written_down(self, anna: User) -> None:
        make_session(anna)
        run("--all", "--yes", "--reason", "INC-7", "--note", "Sign in again.")
        termination = Termination.objects.get()
        assert (termination.reason, termination.note) == ("INC-7", "Sign in again.")
        assert termination.actor_label.endswith(" on the command line")
        assert (termination.matched, termination.ended, termination.spared) == (1, 1, None)

    def test_leaves_the_rows_of_many_to_the_worker(self, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "SMALL", 1)
        make_sessions(2, anna)
        assert run("--all", "--yes").startswith("In effect for 2 sessions: Every session.\n")
        assert live() == set()
        sweep.tidy("default")
        assert not Session.objects.exists()

    def test_takes_every_field_of_the_filter(self, anna: User, acme: Account) -> None:
        client = {"device_kind": "phone", "browser": "Safari 26", "os": "iOS"}
        chosen = make_session(anna, acme, ip="192.0.2.7", country="PT", location="Lisbon", needs_look=True, **client)
        kept = make_session(anna)
        values = {
            "q": "anna",
            "account": "acme",
            "user": "anna",
            "application": "reports",
            "country": "PT",
            "device": "phone",
            "address": "192.0.2.0/24",
            "city": "lisbon",
            "browser": "safari",
            "os": "ios",
            "before": "2100-01-01T00:00",
            "after": "2020-01-01T00:00",
            "look": "yes",
        }
        assert values.keys() | {"dormant"} == SessionFilter.base_fields.keys()
        run(*(part for name, value in values.items() for part in (f"--{name}", value)), "--yes")
        assert live(chosen, kept) == {kept.pk}


class RefusalTests:
    """Exit codes: 2 for what cannot be read, 3 for no match, 1 for an outage; nothing ends."""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "Say which sessions: give a filter, or --all for every one."),
            (["--all", "--user", "anna"], "Choose a filter or --all, only one of them."),
            (["--restored"], "--restored goes with --all"),
            (["--user", "anna", "--restored"], "--restored goes with --all"),
            (["--address", "300.1.1.1"], "address: "),
            (["--before", "yesterday"], "before: "),
            (["--all", "--reason", "x" * 201], "--reason must be one line of 200 characters at most."),
            (["--all", "--note", "two\nlines"], "--note must be one line of 280 characters at most."),
        ],
    )
    def test_of_what_cannot_be_read(self, arguments: list[str], said: str, anna: User) -> None:
        session = make_session(anna)
        code, words = refused(*arguments, "--yes")
        assert code == 2
        assert said in words
        assert words.endswith("Nothing was terminated.")
        assert live(session)

    def test_of_no_match(self, ben: User) -> None:
        assert refused("--user", "ben", "--yes") == (3, "No session matches: Every session of ben.")

    @pytest.mark.django_db(transaction=True)
    def test_of_an_outage(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection.close()
        with monkeypatch.context() as patch:
            patch.setitem(connection.settings_dict, "NAME", "/nowhere/at/all")
            code, words = refused("--all", "--yes")
            connection.close()
        assert code == 1
        assert words.startswith("The database does not answer; nothing was terminated.")
