"""The confirmation: what will end, in words and numbers, before anything does."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.db import connection
from django.test import Client
from django.utils import timezone

from sessions_ui import preview, services, time_limit
from sessions_ui.models import Account, Session, SessionEvent, Termination

from .cast import (
    LIST,
    TERMINATE,
    Page,
    application,
    current,
    decide,
    hidden,
    live,
    make_account,
    make_person,
    make_session,
    make_sessions,
    plain,
    signed_in,
    terminate,
    text_of,
    told,
)


def numbers(confirmation: Page) -> dict[str, str]:
    """Return the figures of the confirmation by their names."""
    found = re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", confirmation.content.decode())
    return dict(found)


def bars(confirmation: Page, slug: str) -> str:
    section = confirmation.content.decode().partition(f'aria-labelledby="by-{slug}"')[2]
    return plain(section.partition(">")[2].partition("</section>")[0])


class ConfirmationTests:
    @pytest.fixture
    def chosen(self, anna: User, ben: User, acme: Account, bolt: Account) -> list[Session]:
        reports, wiki = application("reports"), application("wiki")
        return [
            make_session(anna, acme, application=reports, country="DE"),
            make_session(anna, acme, application=wiki, country="FR"),
            make_session(ben, bolt, application=wiki, country="DE"),
            make_session(ben, application=wiki),
        ]

    def test_counts_what_will_end(self, console: Client, chosen: list[Session]) -> None:
        page = console.get(f"{TERMINATE}?everything=1")
        assert numbers(page) == {"Sessions": "4", "People": "2", "Accounts": "2", "Applications": "2"}
        assert "Terminate 4 sessions?" in text_of(page)

    def test_counts_by_account_application_and_country(self, console: Client, chosen: list[Session]) -> None:
        page = console.get(f"{TERMINATE}?everything=1")
        assert bars(page, "account") == "By account Acme 2 Bolt 1 No account 1"
        assert bars(page, "application") == "By application Wiki 3 Reports 1"
        assert bars(page, "country") == "By country Germany 2 Unknown 1 France 1"

    def test_counts_accounts_of_the_same_name_apart(self, console: Client, anna: User) -> None:
        for slug in ("one", "two"):
            make_session(anna, Account.objects.create(slug=slug, name="Twin"))
        page = console.get(f"{TERMINATE}?user=anna")
        assert numbers(page)["Accounts"] == "2"
        assert bars(page, "account") == "By account Twin 1 Twin 1"

    def test_adds_up_the_smallest_of_many(self, console: Client, anna: User) -> None:
        for number in range(6):
            make_sessions(6 - number, anna, make_account(f"a{number}"))
        page = console.get(f"{TERMINATE}?user=anna")
        assert bars(page, "account") == "By account A0 6 A1 5 A2 4 A3 3 2 others 3"

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("everything=1", "Every session"),
            ("user=anna", "Every session of anna"),
            ("account=acme&country=DE", "Every session in account Acme from Germany"),
            ("q=wiki", "Every session matching “wiki”"),
        ],
    )
    def test_says_in_words_what_is_meant(self, console: Client, chosen: list[Session], query: str, words: str) -> None:
        if query == "q=wiki":
            make_session(chosen[0].user, search_text="wiki")
        assert f"{words} , as seen on" in text_of(console.get(f"{TERMINATE}?{query}"))

    def test_names_a_single_session(self, console: Client, anna: User) -> None:
        session = make_session(anna, device="iPhone", browser="Safari 26")
        page = text_of(console.get(f"{TERMINATE}?session={session.public_id}"))
        assert "Anna Brandt’s session in Reports, Safari 26 on iPhone , as seen on" in page

    def test_shows_a_sample_of_five(self, console: Client, anna: User) -> None:
        for number in range(7):
            make_session(anna, device=f"Device {number}")
        page = text_of(console.get(f"{TERMINATE}?user=anna"))
        assert "Five of them" in page
        assert [number for number in range(7) if f"Device {number}" in page] == [2, 3, 4, 5, 6]

    def test_says_what_stays_and_why(self, console: Client, chosen: list[Session]) -> None:
        page = text_of(console.get(f"{TERMINATE}?everything=1"))
        assert "Your own session Ruth Root’s session in Console" in page
        assert "keeps the new session" in page
        assert "Also end my own session" in page

    def test_says_of_ones_own_what_becomes_of_the_device(self, anna: User) -> None:
        phone = make_session(anna, device="iPhone")
        page = text_of(signed_in(anna).get(f"{TERMINATE}?session={phone.public_id}"))
        assert "You are signed out there at once" in page
        assert "Note for whoever has that device" in page

    def test_says_nothing_of_ones_own_session_that_is_not_meant(self, console: Client, chosen: list[Session]) -> None:
        page = text_of(console.get(f"{TERMINATE}?user=anna"))
        assert "Your own session" not in page
        assert "Also end my own session" not in page

    def test_warns_that_a_dormant_one_may_wake(self, console: Client, anna: User) -> None:
        make_session(anna, last_active_day=timezone.now().date() - timedelta(days=9))
        assert "Whoever is active again before his turn comes stays" in text_of(console.get(f"{TERMINATE}?dormant=7d"))

    def test_ends_nothing(self, console: Client, chosen: list[Session]) -> None:
        before = live()
        console.get(f"{TERMINATE}?everything=1")
        assert live() == before
        assert not Termination.objects.exists()

    def test_turns_relative_times_into_days(self, console: Client, anna: User) -> None:
        make_session(anna, last_active_day=timezone.now().date() - timedelta(days=9))
        token = hidden(console.get(f"{TERMINATE}?dormant=7d"), "preview")
        day = (timezone.now().date() - timedelta(days=7)).isoformat()
        assert signing.loads(token, salt=preview.SALT)[0] == {"dormant_since": day}

    def test_carries_nothing_secret(self, console: Client, chosen: list[Session]) -> None:
        token = hidden(console.get(f"{TERMINATE}?everything=1"), "preview")
        shown = str(signing.loads(token, salt=preview.SALT))
        assert current(console).key_digest.hex() not in shown
        assert console.cookies["console"].value not in shown


class TypedNumberTests:
    """R047: above a hundred sessions the exact number is typed."""

    @pytest.fixture
    def chosen(self, anna: User) -> list[Session]:
        return make_sessions(120, anna)

    def test_is_asked_for_above_a_hundred(self, console: Client, chosen: list[Session]) -> None:
        assert "Type 120 to confirm" in text_of(console.get(f"{TERMINATE}?user=anna"))

    def test_is_not_asked_for_at_a_hundred(self, console: Client, chosen: list[Session]) -> None:
        Session.objects.filter(pk__in=[one.pk for one in chosen[:20]]).delete()
        page = console.get(f"{TERMINATE}?user=anna")
        assert "to confirm" not in text_of(page)
        decide(console, page)
        assert live(*chosen) == set()

    @pytest.mark.parametrize("typed", ["", "12", "119", "1200", "everything", "one hundred and twenty", "１２０"])
    def test_that_is_wrong_ends_nothing(self, console: Client, chosen: list[Session], typed: str) -> None:
        answer = terminate(console, "user=anna", typed=typed, reason="Left", note="Sign in again.")
        assert answer.status_code == 400
        assert f"You typed {f'“{typed}”' if typed else 'nothing'}; type 120. Nothing was terminated." in text_of(
            answer
        )
        assert len(live(*chosen)) == 120
        assert not Termination.objects.exists()

    def test_that_is_wrong_keeps_what_was_entered(self, console: Client, chosen: list[Session]) -> None:
        answer = terminate(console, "everything=1", typed="1", reason="Left <b>", note="Again.", own="on")
        page = answer.content.decode()
        assert 'value="Left &lt;b&gt;"' in page
        assert ">Again.</textarea>" in page
        assert 'name="own" checked' in page

    @pytest.mark.parametrize("typed", ["120", " 120 "])
    def test_that_is_right_ends_them(self, console: Client, chosen: list[Session], typed: str) -> None:
        answer = terminate(console, "user=anna", typed=typed)
        assert told(answer) == "120 sessions terminated. Receipt"
        assert live(*chosen) == set()

    def test_may_be_typed_again_after_a_wrong_one(self, console: Client, chosen: list[Session]) -> None:
        again = terminate(console, "user=anna", typed="12")
        decide(console, again, typed="120")
        assert live(*chosen) == set()

    def test_is_the_new_one_when_the_set_shrank_meanwhile(self, console: Client, chosen: list[Session]) -> None:
        confirmation = console.get(f"{TERMINATE}?user=anna")
        chosen[0].delete()
        again = decide(console, confirmation, typed="12")
        assert "Type 119 to confirm" in text_of(again)
        decide(console, again, typed="119")
        assert live(*chosen) == set()

    def test_is_written_with_thousands_apart(self, console: Client, anna: User) -> None:
        made = make_sessions(1_100, anna)
        answer = terminate(console, "user=anna", typed="1,100")
        assert "1,100 sessions terminated" in text_of(answer)
        assert live(*made) == set()


class TooManyToCountTests:
    """Where counting takes more than two seconds a word is typed instead of the number."""

    @pytest.fixture(autouse=True)
    def _no_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preview, "COUNTING_SECONDS", 0)
        monkeypatch.setattr(time_limit, "SQLITE_STEPS", 1)

    def test_asks_for_the_word_everything(self, console: Client, anna: User) -> None:
        session = make_session(anna)
        page = console.get(f"{TERMINATE}?everything=1")
        assert "Type everything to confirm" in text_of(page)
        assert "Terminate all of them" in text_of(page)
        answer = decide(console, page, typed="Everything")
        assert told(answer) == "1 session terminated. Receipt"
        assert live(session) == set()

    def test_goes_on_where_the_account_was_deleted_meanwhile(self, console: Client, anna: User, acme: Account) -> None:
        make_session(anna, acme)
        page = console.get(f"{TERMINATE}?account=acme")
        acme.delete()
        assert decide(console, page, typed="acme").status_code == 400
        assert told(decide(console, page, typed="everything")) == "0 sessions terminated. Receipt"

    def test_asks_for_the_slug_of_an_account(self, console: Client, anna: User, acme: Account) -> None:
        session = make_session(anna, acme)
        page = console.get(f"{TERMINATE}?account=acme")
        assert "Type acme to confirm" in text_of(page)
        assert decide(console, page, typed="everything").status_code == 400
        assert live(session) == {session.pk}
        decide(console, page, typed="acme")
        assert live(session) == set()

    def test_still_shows_a_sample(self, console: Client, anna: User) -> None:
        make_session(anna, device="iPhone")
        assert "iPhone" in text_of(console.get(f"{TERMINATE}?everything=1"))

    def test_leaves_the_number_to_the_receipt(self, console: Client, anna: User) -> None:
        make_session(anna)
        terminate(console, "everything=1", typed="everything")
        termination = Termination.objects.get()
        assert (termination.matched, termination.ended) == (None, 1)

    def test_locks_nothing_of_what_is_left_to_the_worker(self, console: Client, anna: User) -> None:
        """A thousand row locks, each a row written, held up the answer of every termination of a million."""
        made = make_sessions(services.SMALL + 1, anna)
        page = console.get(f"{TERMINATE}?everything=1")
        asked: list[str] = []

        def note(execute: Any, sql: str, *rest: Any) -> Any:
            asked.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            decide(console, page, typed="everything")
        assert not [sql for sql in asked if f"LIMIT {services.SMALL + 1}" in sql]
        assert live(*made) == set()
        assert Termination.objects.get().ended == 0


class BackTests:
    """The list comes back where it was, and nowhere else."""

    @pytest.mark.parametrize("place", ["?user=anna&sort=oldest", "?q=a%26b%3Dc&below=900", ""])
    def test_is_where_the_link_stood(self, console: Client, anna: User, place: str) -> None:
        session = make_session(anna, search_text="a&b=c")
        Session.objects.filter(pk=session.pk).update(search_text="a&b=c anna")
        page = console.get(f"{LIST}{place}").content.decode()
        url = re.findall(rf'href="({TERMINATE}\?session=[^"]*)"', page)
        confirmation = console.get(html.unescape(url[0])) if url else None
        if confirmation is not None:
            assert hidden(confirmation, "back") == f"{LIST}{place}"
            assert decide(console, confirmation).redirect_chain == [(f"{LIST}{place}", 302)]

    @pytest.mark.parametrize(
        "back",
        [
            "//evil.example/",
            "///evil.example/",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "http:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            " //evil.example",
            "/\t/evil.example",
            "\x00//evil.example",
            "evil",
            "/" + "a" * 20_000,
        ],
    )
    def test_is_the_list_when_it_is_hostile(self, console: Client, anna: User, back: str) -> None:
        """R133: no open redirect, neither in the link of the page nor after the act."""
        session = make_session(anna)
        confirmation = console.get(TERMINATE, {"session": str(session.public_id), "back": back})
        assert hidden(confirmation, "back") == LIST
        token = hidden(confirmation, "preview")
        answer = console.post(TERMINATE, {"preview": token, "back": back})
        assert (answer.status_code, answer["Location"]) == (302, LIST)
        assert live(session) == set()

    def test_is_the_list_when_there_was_nothing_to_end(self, console: Client) -> None:
        answer = console.get(TERMINATE, {"user": "root", "back": f"{LIST}?q=root"})
        assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?q=root")


class SelectionTests:
    """What was chosen must be clear, or nothing is."""

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("", "session"),
            ("everything=0", "everything"),
            ("everything=1&everything=1", "everything"),
            ("everything=1&user=anna", "everything"),
            ("everything=", "everything"),
            ("session=1", "session"),
            ("session=", "session"),
            ("session=%00", "session"),
            ("session=1&everything=1", "session"),
            ("user=anna&session=00000000-0000-0000-0000-000000000000", "session"),
            ("user=anna&preview=x", "preview"),
            ("user=", "session"),
        ],
    )
    def test_is_refused_when_it_is_not(self, console: Client, anna: User, query: str, parameter: str) -> None:
        made = make_session(anna)
        answer = console.get(f"{TERMINATE}?{query}")
        assert answer.status_code == 400
        assert f"<code>{parameter}</code>" in answer.content.decode()
        assert live(made) == {made.pk}

    def test_holds_two_hundred_ticks_at_most(self, console: Client, anna: User) -> None:
        ticked = "&".join(f"session={one.public_id}" for one in make_sessions(201, anna))
        assert console.get(f"{TERMINATE}?{ticked}").status_code == 400
        assert console.get(f"{TERMINATE}?{ticked.rpartition('&')[0]}").status_code == 200

    def test_counts_a_row_ticked_twice_once(self, console: Client, anna: User) -> None:
        session = make_session(anna)
        page = console.get(f"{TERMINATE}?session={session.public_id}&session={session.public_id}")
        assert "Terminate 1 session?" in text_of(page)

    def test_of_an_ended_session_says_so(self, console: Client, anna: User) -> None:
        session = make_session(anna)
        session.delete()
        answer = console.get(f"{TERMINATE}?session={session.public_id}", follow=True)
        assert answer.redirect_chain == [(LIST, 302)]
        assert told(answer) == "What you chose has already ended. Nothing was terminated."

    def test_of_ones_own_session_alone_points_to_signing_out(self, console: Client) -> None:
        answer = console.get(f"{TERMINATE}?session={current(console).public_id}", follow=True)
        assert told(answer) == (
            "Only the session that you are in matches. Sign out to end it. Nothing was terminated."
        )


class ScopeOfAReachTests:
    def test_is_named_within_ones_reach(self, ada: User, acme: Account, anna: User) -> None:
        make_session(anna, acme)
        page = text_of(signed_in(ada).get(f"{TERMINATE}?everything=1"))
        assert "Every session within your reach , as seen on" in page

    def test_shows_nobody_from_elsewhere(self, ada: User, acme: Account, anna: User) -> None:
        make_session(anna, acme)
        make_session(make_person("stranger"), make_account("cargo"), device="Elsewhere")
        page = signed_in(ada).get(f"{TERMINATE}?everything=1")
        assert "Terminate 1 session?" in text_of(page)
        assert "Elsewhere" not in text_of(page)
        assert "stranger" not in text_of(page)

    def test_leaves_no_event(self, console: Client, anna: User) -> None:
        make_session(anna)
        before = SessionEvent.objects.count()
        console.get(f"{TERMINATE}?user=anna")
        assert SessionEvent.objects.count() == before
