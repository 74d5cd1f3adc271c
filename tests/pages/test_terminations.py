"""The record: what was ended, by whom and why."""

from itertools import chain
from typing import ClassVar

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from sessions_ui import receipt, services, sweep
from sessions_ui.models import Account, Beat, Fence, Session, SessionEvent, Termination
from sessions_ui.models.beats import SEEN_WITHIN
from sessions_ui.models.events import retention
from sessions_ui.models.reaches import ALL

from .cast import (
    LIST,
    application,
    current,
    decide,
    ids_of,
    links,
    make_session,
    make_sessions,
    signed_in,
    terminate,
    text_of,
    told,
)

TERMINATIONS = "/security/terminations/"
EVERYTHING = {"conditions": {"everything": True}, "reach": {"all": True}, "cut_off": 0}


def make_acts(number: int, actor: User | None) -> list[Termination]:
    acts = [Termination(actor=actor, in_words=f"Act {n}", **EVERYTHING) for n in range(number)]
    Termination.objects.bulk_create(acts)
    Termination.objects.update(finished_on="2026-03-12T10:04:00Z")
    return list(Termination.objects.order_by("-id"))


class TerminationsTests:
    def test_say_what_was_ended_by_whom_and_why(self, console: Client, anna: User) -> None:
        make_sessions(2, anna)
        terminate(console, "user=anna", reason="Left the company")
        said = "Every session of anna 2 Ruth Root (root) Left the company just now"
        assert said in text_of(console.get(TERMINATIONS))

    def test_are_empty_before_the_first(self, console: Client) -> None:
        assert "Nothing has been terminated" in text_of(console.get(TERMINATIONS))

    def test_are_one_s_own_for_who_does_not_see_all(self, console: Client, ada: User, anna: User) -> None:
        make_session(anna)
        terminate(console, "user=anna")
        assert "You have terminated nothing" in text_of(signed_in(ada).get(TERMINATIONS))

    def test_say_that_there_are_none_further(self, console: Client, anna: User) -> None:
        make_session(anna)
        terminate(console, "user=anna")
        page = console.get(f"{TERMINATIONS}?below=1")
        assert "Nothing further this way" in text_of(page)
        assert links(page, "To the first page") == ["?"]

    def test_come_in_pages_newest_first(self, console: Client, root: User) -> None:
        acts = make_acts(60, root)
        first = console.get(TERMINATIONS)
        (older,) = links(first, "Older")[:1]
        second = console.get(f"{TERMINATIONS}{older}")
        shown = [links(page, "Act ") for page in (first, second)]
        assert [len(urls) for urls in shown] == [50, 10]
        assert [*chain(*shown)] == [f"{TERMINATIONS}{act.public_id}/" for act in acts]

    @pytest.mark.parametrize("query", ["sort=ended", "below=x", "sort=oldest&sort=oldest"])
    def test_refuse_a_place_that_is_none(self, console: Client, query: str) -> None:
        assert console.get(f"{TERMINATIONS}?{query}").status_code == 400

    def test_keep_the_label_of_an_actor_who_is_gone(self, console: Client, vera: User) -> None:
        act = make_acts(1, vera)[0]
        Termination.objects.filter(pk=act.pk).update(actor_label="vera")
        vera.delete()
        assert "Act 0 0 vera" in text_of(console.get(TERMINATIONS))

    def test_of_nobody_are_the_systems(self, console: Client) -> None:
        make_acts(1, None)
        assert "The system" in text_of(console.get(TERMINATIONS))

    def test_cannot_be_changed(self, console: Client, root: User) -> None:
        act = make_acts(1, root)[0]
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert console.generic(method, f"{TERMINATIONS}{act.public_id}/").status_code == 405
            assert console.generic(method, TERMINATIONS).status_code == 405


class ReceiptTests:
    def test_is_linked_from_the_answer(self, console: Client, anna: User) -> None:
        make_session(anna)
        answer = terminate(console, "user=anna")
        act = Termination.objects.get()
        assert links(answer, "Receipt") == [f"{TERMINATIONS}{act.public_id}/"]

    def test_gives_the_numbers(self, console: Client, anna: User, ben: User, acme: Account) -> None:
        make_session(anna, acme, application=application("wiki"))
        make_session(anna, acme)
        make_session(ben)
        terminate(console, "everything=1", reason="Stolen laptop", note="Sign in again.")
        page = text_of(console.get(f"{TERMINATIONS}{Termination.objects.get().public_id}/"))
        assert "3 sessions terminated" in page
        assert "Ended 3 sessions of 2 people" in page
        assert "Accounts Acme 2, No account 1" in page
        assert "Applications Reports 2, Wiki 1" in page
        assert "Reason Stolen laptop Note Sign in again." in page
        assert "Spared The session from which it was done, if it matched" in page

    def test_counts_what_had_gone_before(self, console: Client, anna: User) -> None:
        """R042."""
        gone, *_ = make_sessions(3, anna)
        confirmation = console.get(f"{LIST}terminate/?user=anna")
        gone.delete()
        decide(console, confirmation)
        page = text_of(console.get(f"{TERMINATIONS}{Termination.objects.get().public_id}/"))
        assert "Matched 3 sessions Ended 2 sessions of 1 person Gone before 1" in page

    def test_tells_of_an_act_under_way(self, console: Client, root: User) -> None:
        act = make_acts(1, root)[0]
        Termination.objects.filter(pk=act.pk).update(finished_on=None, matched=10, ended=4, conditions={"user": 0})
        page = console.get(f"{TERMINATIONS}{act.public_id}/")
        assert "Every one of these sessions is refused from then on." in text_of(page)
        assert '<progress max="10" value="4"' in page.content.decode()

    def test_tells_ended_by_others_from_gone_by_themselves(self, console: Client, anna: User, ben: User) -> None:
        """R042: what was matched is what ended, what others ended, and what had gone."""
        chosen = make_sessions(5, anna)
        confirmation = console.get(f"{LIST}terminate/?everything=1")
        terminate(console, f"session={chosen[0].public_id}&session={chosen[1].public_id}")
        chosen[2].delete()
        decide(console, confirmation)
        act = Termination.objects.get(in_words="Every session")
        page = text_of(console.get(f"{TERMINATIONS}{act.public_id}/"))
        assert "Matched 5 sessions Ended 2 sessions of 1 person Ended by others 2, by a termination" in page
        assert "Gone before 1: signed out or expired" in page

    def test_of_many_is_counted_once(self, console: Client, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(receipt, "COUNTED_WHEN_SHOWN", 2)
        monkeypatch.setattr(services, "SMALL", 2)
        make_sessions(3, anna)
        terminate(console, "user=anna")
        sweep.tidy("default")
        act = Termination.objects.get()
        with retention("default"):
            SessionEvent.objects.filter(termination_id=act.pk).delete()
        page = text_of(console.get(f"{TERMINATIONS}{act.public_id}/"))
        assert "Ended 3 sessions of 1 person Accounts No account 3 Applications Reports 3" in page

    def test_shows_words_as_text(self, console: Client, anna: User) -> None:
        make_session(anna)
        terminate(console, "user=anna", reason="<script>alert(1)</script>", note="<b>x</b>")
        page = console.get(f"{TERMINATIONS}{Termination.objects.get().public_id}/").content.decode()
        assert "<script>alert" not in page
        assert "<b>x" not in page

    def test_outlives_the_people_and_accounts_it_tells_of(self, console: Client, anna: User, acme: Account) -> None:
        make_session(anna, acme)
        terminate(console, "account=acme")
        act = Termination.objects.get(actor_label="Ruth Root (root)")
        acme.delete()
        anna.delete()
        assert "Ended 1 session of 1 person" in text_of(console.get(f"{TERMINATIONS}{act.public_id}/"))

    def test_of_ones_own_act_is_ones_own(self, anna: User, acme: Account) -> None:
        client, other = signed_in(anna), make_session(anna)
        assert told(terminate(client, f"session={other.public_id}")) == "1 session terminated. Receipt"
        act = Termination.objects.get()
        assert client.get(f"{TERMINATIONS}{act.public_id}/").status_code == 200

    def test_sums_up_to_the_events(self, console: Client, anna: User, ben: User) -> None:
        make_sessions(3, anna)
        make_sessions(2, ben)
        terminate(console, "everything=1")
        act = Termination.objects.get()
        assert act.ended == SessionEvent.objects.filter(termination_id=act.pk, kind="terminated").count() == 5


class ProgressTests:
    FRAGMENT: ClassVar = {"HX-Request": "true", "HX-Target": "progress"}

    @pytest.fixture
    def made(self, anna: User, monkeypatch: pytest.MonkeyPatch) -> list[Session]:
        monkeypatch.setattr(services, "SMALL", 2)
        return make_sessions(8, anna)

    @pytest.fixture
    def address(self, console: Client, made: list[Session]) -> str:
        terminate(console, "user=anna")
        return f"{TERMINATIONS}{Termination.objects.get().public_id}/"

    def sweep_some(self, number: int) -> None:
        sweep.sweep_batch(Termination.objects.get(), "default", 0, number)

    def test_says_how_far_it_is(self, console: Client, address: str) -> None:
        self.sweep_some(2)
        page = console.get(address)
        assert "8 sessions terminated" in text_of(page)
        assert "Removing rows 25 %" in text_of(page)
        assert "Removed 2 To go 6 Rows a second" in text_of(page)
        assert '<progress max="8" value="2"' in page.content.decode()

    def test_comes_again_as_a_fragment_until_it_is_done(self, console: Client, address: str) -> None:
        assert 'data-hx-trigger="every 2s"' in console.get(address).content.decode()
        fragment = console.get(address, headers=self.FRAGMENT)
        assert fragment.content.decode().lstrip().startswith('<section class="panel" id="progress"')
        sweep.tidy("default")
        assert console.get(address, headers=self.FRAGMENT)["HX-Refresh"] == "true"
        assert "every 2s" not in console.get(address).content.decode()

    def test_without_a_script_is_a_link(self, console: Client, address: str) -> None:
        assert links(console.get(address), "Reload") == [address]

    def test_tells_that_no_worker_is_there(self, console: Client, address: str) -> None:
        missing = "Tidying waits: no worker seen for five minutes."
        assert missing in text_of(console.get(address))
        Beat.objects.give()
        assert missing not in text_of(console.get(address))
        Beat.objects.update(seen_on=F("seen_on") - SEEN_WITHIN)
        assert missing in text_of(console.get(address))

    def test_of_more_than_could_be_counted_has_no_bar(self, console: Client, address: str) -> None:
        Termination.objects.update(matched=None)
        page = console.get(address)
        assert "Sessions terminated" in text_of(page)
        assert "<progress" not in page.content.decode()
        assert "Not counted" in text_of(console.get(TERMINATIONS))

    def test_of_nothing_left_is_whole(self, console: Client, address: str) -> None:
        self.sweep_some(9)
        assert "Removing rows 100 %" in text_of(console.get(address))


class FloorTests:
    """The list does not walk past what "everything" covers; it begins above, and finds the spared one."""

    def test_shows_the_spared_one_and_what_began_since(
        self, console: Client, root: User, anna: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(services, "SMALL", 2)
        make_sessions(8, anna)
        terminate(console, "everything=1")
        own, later = current(console), make_session(anna)
        assert ids_of(console.get(LIST)) == [later.pk, own.pk]

    def test_is_that_of_everything_only(self, console: Client, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "SMALL", 0)
        newest = make_sessions(3, anna)[-1]
        terminate(console, "user=anna")
        assert Fence.read().floor == 0
        make_session(anna)
        terminate(console, "everything=1")
        fence = Fence.read()
        assert fence.floor > newest.pk
        assert fence.spared == {current(console).pk}
        assert len(fence.branches(ALL)) == 2
