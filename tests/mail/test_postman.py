"""The postman: every letter is sent, none twice by two of him; without a mail server it waits (F11)."""

import logging
import sys
from contextlib import suppress
from datetime import timedelta
from threading import Event, Thread
from time import monotonic

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from pytest_django import DjangoAssertNumQueries, Settings

from sessions_ui import mail
from sessions_ui import postman as postmen
from sessions_ui.models import Letter
from sessions_ui.models.letters import FIRST_PAUSE, GIVEN_UP_AFTER
from sessions_ui.postman import Postman

from .conftest import CHICAGO, end, make_person, outbox, sign_in
from .server import MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter(anna: User) -> Letter:
    """A letter about a sign-in that is news."""
    sign_in(anna)
    Letter.objects.all().delete()
    sign_in(anna, CHICAGO)
    return Letter.objects.get()


def let_pass(**columns: timedelta) -> None:
    """Let so much time pass for the letters."""
    Letter.objects.update(**{name: F(name) - span for name, span in columns.items()})


class RoundTests:
    def test_sends_what_is_due_and_removes_it(
        self, letter: Letter, postman: Postman, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            postman.round()
        (message,) = outbox()
        assert message.to == [letter.address]
        assert not Letter.objects.exists()
        assert [record.getMessage() for record in caplog.records] == ["1 letters were sent."]

    def test_sends_the_oldest_first(self, marta: User, postman: Postman) -> None:
        people = [make_person(name) for name in ("ben", "anna", "cleo")]
        for person in people:
            sign_in(person)
            end(marta, user=person.pk)
        postman.round()
        assert [message.to for message in outbox()] == [[person.email] for person in people]

    def test_drops_without_a_word_what_is_no_news(self, anna: User, postman: Postman) -> None:
        """The first sign-in of a person, and one like those before."""
        for _ in range(3):
            sign_in(anna)
        postman.round()
        assert not outbox()
        assert not Letter.objects.exists()

    def test_drops_what_has_been_switched_off_since(
        self, letter: Letter, postman: Postman, settings: Settings
    ) -> None:
        settings.MAIL_NEW_SIGN_INS = False
        postman.round()
        assert not outbox()
        assert not Letter.objects.exists()

    def test_writes_to_nobody_who_cannot_sign_in_any_more(self, letter: Letter, postman: Postman, anna: User) -> None:
        User.objects.filter(pk=anna.pk).update(is_active=False)
        postman.round()
        assert not outbox()

    def test_writes_to_the_address_of_then(self, letter: Letter, postman: Postman, anna: User) -> None:
        """Whoever took her place may have changed it."""
        User.objects.filter(pk=anna.pk).update(email="thief@elsewhere.example")
        postman.round()
        assert outbox()[0].to == [anna.email]

    def test_asks_the_database_once_while_nothing_is_due(
        self, postman: Postman, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(1):
            postman.round()

    def test_stops_between_two_letters(self, letter: Letter, postman: Postman) -> None:
        postman.told_to_stop.set()
        postman.round()
        assert Letter.objects.get().tries == 0

    def test_hangs_up_now_and_then(self, marta: User, anna: User, server: MailServer, postman: Postman) -> None:
        for _ in range(3):
            sign_in(anna)
            end(marta)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(postmen, "MOST", 2)
            assert postman.round()
            assert not postman.round()
        assert (len(server.taken), server.connections) == (3, 2)

    def test_is_part_of_what_cron_runs(self, letter: Letter) -> None:
        call_command("clearsessions")
        assert len(outbox()) == 1


class AddressTests:
    @pytest.mark.parametrize(
        "address",
        [
            "anna@kestrel.example\nBcc: everybody@kestrel.example",
            "anna@kestrel.example, everybody@kestrel.example",
            "Anna <anna@kestrel.example>",
            "anna",
            "@",
        ],
    )
    def test_that_is_none_is_written_to_by_nobody(
        self, letter: Letter, postman: Postman, server: MailServer, address: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        Letter.objects.update(address=address)
        postman.round()
        assert not server.taken
        assert not Letter.objects.exists()
        assert caplog.messages == ["A letter has no usable address and was dropped."]


class TroubleTests:
    def test_a_server_that_is_away_is_asked_less_and_less_often(
        self, letter: Letter, postman: Postman, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1"
        settings.EMAIL_PORT = 1
        pauses = []
        for _ in range(7):
            postman.retry_on = 0.0
            let_pass(due_on=GIVEN_UP_AFTER)
            postman.round()
            pauses.append(postman.pause)
        assert pauses == [10, 20, 40, 80, 160, 300, 300]
        assert Letter.objects.get().tries == 7
        assert "next try in 10 s: ConnectionRefusedError" in caplog.text
        assert letter.address not in caplog.text

    def test_nothing_is_sent_in_the_pause(self, letter: Letter, postman: Postman, server: MailServer) -> None:
        postman.wait()
        postman.round()
        assert not server.taken
        postman.retry_on = 0.0
        postman.round()
        assert len(server.taken) == 1
        assert postman.pause == 0

    def test_a_server_that_says_nothing_is_left(
        self, letter: Letter, postman: Postman, server: MailServer, settings: Settings
    ) -> None:
        settings.EMAIL_TIMEOUT = 0.2
        silence = Event()
        server.before_answering = lambda: silence.wait(30)
        begun = monotonic()
        postman.round()
        silence.set()
        assert monotonic() - begun < 20
        assert Letter.objects.get().tries == 1

    def test_what_it_does_not_take_now_is_tried_again(
        self, letter: Letter, postman: Postman, server: MailServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.to_recipient = f"450 greylisted {letter.address}"
        postman.round()
        assert "the recipient was refused for now, with 450" in caplog.text
        assert letter.address not in caplog.text
        server.to_recipient, server.to_mail = "250 OK", "451 later"
        postman.retry_on = 0.0
        let_pass(due_on=FIRST_PAUSE)
        postman.round()
        assert "SMTPDataError 451" in caplog.text
        assert Letter.objects.get().tries == 2

    def test_a_recipient_who_is_refused_for_good_is_dropped_and_the_next_is_not(
        self, anna: User, marta: User, postman: Postman, server: MailServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        sign_in(anna)
        end(marta)
        server.to_recipient = f"550 no {anna.email}"
        postman.round()
        assert caplog.messages == ["The mail server refused a recipient with 550; the letter was dropped."]
        server.to_recipient = "250 OK"
        sign_in(anna)
        end(marta)
        postman.round()
        assert len(server.taken) == 1

    def test_after_a_day_it_is_given_up(
        self, letter: Letter, postman: Postman, server: MailServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.to_mail = "451 later"
        let_pass(created_on=GIVEN_UP_AFTER)
        postman.round()
        assert not Letter.objects.exists()
        assert "1 letters could not be sent within a day and were dropped." in caplog.text

    def test_after_two_days_without_a_worker_all_are_sent(
        self, letter: Letter, postman: Postman, server: MailServer
    ) -> None:
        let_pass(created_on=2 * GIVEN_UP_AFTER, due_on=2 * GIVEN_UP_AFTER)
        postman.round()
        assert len(server.taken) == 1

    def test_one_that_cannot_be_written_does_not_hold_up_the_others(
        self,
        letter: Letter,
        marta: User,
        postman: Postman,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        compose = mail.compose

        def sometimes(one: Letter) -> object:
            if one == letter:
                raise ZeroDivisionError
            return compose(one)

        monkeypatch.setattr(mail, "compose", sometimes)
        end(marta)
        postman.round()
        postman.retry_on = 0.0
        postman.round()
        assert "A letter could not be written." in caplog.text
        assert len(outbox()) == 1
        assert Letter.objects.get() == letter


class KilledTests:
    """F11: killed between sending and removing, a letter may come twice, but is never lost."""

    def test_between_the_two_it_comes_once_more_and_can_be_known(
        self, letter: Letter, postman: Postman, server: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch, suppress(SystemExit):
            patch.setattr(Letter, "delete", lambda self: sys.exit("killed"))
            postman.round()
        assert len(server.taken) == 1
        Postman("default", Event()).round()
        assert len(server.taken) == 1
        let_pass(due_on=FIRST_PAUSE)
        Postman("default", Event()).round()
        first, second = server.taken
        assert first["Message-ID"] == second["Message-ID"]
        assert not Letter.objects.exists()


@pytest.mark.django_db(transaction=True)
class TwoTests:
    def test_at_once_send_nothing_twice(self, marta: User, server: MailServer) -> None:
        people = [make_person(f"person{number}") for number in range(12)]
        for person in people:
            sign_in(person)
        end(marta)

        def work() -> None:
            Postman("default", Event()).round()
            connection.close()

        threads = [Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        work()
        assert sorted(message["To"] for message in server.taken) == sorted(person.email for person in people)
