"""Terminating: exactly what was previewed ends, or nothing does."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sessions_ui import pacing, preview, services, sweep, time_limit
from sessions_ui.models import Account, Membership, Session, SessionEvent, Termination
from sessions_ui.models.scopes import Scope
from sessions_ui.urls import urlpatterns

from .cast import (
    LIST,
    TERMINATE,
    aged,
    current,
    decide,
    hidden,
    ids_of,
    live,
    make_session,
    make_sessions,
    permit,
    previewed,
    signed_in,
    terminate,
    text_of,
    told,
)

TOO_OLD = "This confirmation is older than an hour, or not yours. Nothing was terminated; choose again."


class TerminateTests:
    """R043: nothing outside of what was seen is ended."""

    def test_ends_the_one_row(self, console: Client, anna: User) -> None:
        kept, chosen = make_session(anna), make_session(anna)
        answer = terminate(console, f"session={chosen.public_id}")
        assert told(answer) == "1 session terminated. Receipt"
        assert live() == {kept.pk, current(console).pk}

    def test_ends_the_ticked_rows(self, console: Client, anna: User) -> None:
        kept, *chosen = make_sessions(4, anna)
        answer = terminate(console, "&".join(f"session={one.public_id}" for one in chosen))
        assert told(answer) == "3 sessions terminated. Receipt"
        assert live() == {kept.pk, current(console).pk}

    def test_ends_all_that_match(self, console: Client, anna: User, ben: User, acme: Account) -> None:
        make_sessions(2, anna, acme)
        kept = [make_session(anna), make_session(ben, acme)]
        terminate(console, "account=acme&user=anna")
        assert live() == {*(one.pk for one in kept), current(console).pk}

    def test_ends_everything_but_ones_own_session(self, console: Client, root: User, anna: User) -> None:
        """R048."""
        make_sessions(2, anna)
        make_session(root)
        assert told(terminate(console, "everything=1")) == "3 sessions terminated. Receipt"
        assert live() == {current(console).pk}

    def test_signs_the_browser_out_at_once(self, console: Client, anna: User) -> None:
        browser = signed_in(anna)
        assert browser.get("/my-sessions/").status_code == 200
        terminate(console, "user=anna")
        answer = browser.get("/my-sessions/")
        assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/my-sessions/")

    def test_writes_down_who_why_and_what(self, console: Client, root: User, anna: User) -> None:
        session = make_session(anna)
        terminate(console, "user=anna", reason="Left the company", note="Ask your manager.")
        termination = Termination.objects.get()
        assert (termination.actor, termination.actor_label) == (root, "Ruth Root (root)")
        assert (termination.reason, termination.note) == ("Left the company", "Ask your manager.")
        assert (termination.in_words, termination.matched, termination.ended) == ("Every session of anna", 1, 1)
        event = SessionEvent.objects.get(kind="terminated")
        assert (event.session_public_id, event.termination_id) == (session.public_id, termination.pk)

    @pytest.mark.parametrize("field", ["reason", "note"])
    def test_refuses_words_that_cannot_be_kept(self, console: Client, anna: User, field: str) -> None:
        session = make_session(anna)
        for words in ("a" * 281, "a\x00b"):
            answer = terminate(console, "user=anna", **{field: words})
            assert answer.status_code == 400
        assert live(session) == {session.pk}

    def test_ignores_what_its_form_does_not_have(self, console: Client, anna: User) -> None:
        """R066: no mass assignment."""
        make_session(anna)
        extra = {"ended": "9", "actor": "9", "cut_off": "0", "reach": "all", "spared": "1", "in_words": "Nothing"}
        terminate(console, "user=anna", **extra)
        termination = Termination.objects.get()
        assert (termination.ended, termination.in_words, termination.actor_label) == (
            1,
            "Every session of anna",
            "Ruth Root (root)",
        )

    def test_acts_on_the_preview_and_not_on_its_own_address(self, console: Client, anna: User, ben: User) -> None:
        """R065: the object authorised is the object acted on."""
        kept, chosen = make_session(ben), make_session(anna)
        token = previewed(f"session={chosen.public_id}", current(console).user_id, 1)
        console.post(f"{TERMINATE}?session={kept.public_id}", {"preview": token, "session": str(kept.public_id)})
        assert live(kept, chosen) == {kept.pk}


class OwnSessionTests:
    """R048: kept unless it is chosen."""

    def test_ends_when_the_box_is_ticked(self, console: Client, anna: User) -> None:
        make_session(anna)
        answer = terminate(console, "everything=1", own="on")
        assert live() == set()
        assert answer.redirect_chain[-1] == (f"/sign-in/?next={LIST}", 302)

    def test_is_counted_when_it_ends(self, console: Client, anna: User) -> None:
        make_session(anna)
        terminate(console, "everything=1", own="on")
        termination = Termination.objects.get()
        assert (termination.matched, termination.ended, termination.spared) == (2, 2, None)

    def test_is_not_ended_by_a_box_that_was_not_there(self, console: Client, anna: User) -> None:
        make_session(anna)
        terminate(console, "user=anna", own="on")
        assert live() == {current(console).pk}

    def test_adds_nothing_to_the_set_by_a_box_that_was_not_there(self, console: Client, anna: User) -> None:
        """The box must not make room for a session that nobody saw."""
        make_sessions(2, anna)
        token = previewed("user=anna", current(console).user_id, 1)
        answer = console.post(TERMINATE, {"preview": token, "own": "on"})
        assert "More sessions match than you were shown" in text_of(answer)
        assert len(live()) == 3

    def test_of_another_browser_is_not_spared(self, console: Client, root: User) -> None:
        other = signed_in(root)
        terminate(console, "user=root")
        assert live() == {current(console).pk}
        assert other.get("/my-sessions/").status_code == 302


class TokenTests:
    """Only the preview that this person saw within the hour ends anything."""

    @pytest.fixture
    def session(self, anna: User) -> Session:
        return make_session(anna)

    def refused(self, console: Client, token: str) -> bool:
        before = live()
        answer = console.post(TERMINATE, {"preview": token, "back": f"{LIST}?q=anna"}, follow=True)
        assert answer.redirect_chain == [(f"{LIST}?q=anna", 302)]
        return told(answer) == TOO_OLD and live() == before and not Termination.objects.exists()

    def test_of_another_person_is_refused(self, console: Client, session: Session, ben: User) -> None:
        assert self.refused(console, previewed("user=anna", ben.pk, 1))

    def test_older_than_an_hour_is_refused(self, console: Client, session: Session, root: User) -> None:
        assert self.refused(console, aged(previewed("user=anna", root.pk, 1), preview.VALID_SECONDS + 5))

    def test_younger_than_an_hour_is_good(self, console: Client, session: Session, root: User) -> None:
        console.post(TERMINATE, {"preview": aged(previewed("user=anna", root.pk, 1), preview.VALID_SECONDS - 60)})
        assert live(session) == set()

    @pytest.mark.parametrize("place", [0, 5, -1])
    def test_that_was_changed_is_refused(self, console: Client, session: Session, root: User, place: int) -> None:
        token = list(previewed("user=anna", root.pk, 1))
        token[place] = "x" if token[place] != "x" else "y"
        assert self.refused(console, "".join(token))

    @pytest.mark.parametrize("token", ["", "x", ":", "::", "a:b:c", "\x00", "é" * 9, "." + "A" * 5_000])
    def test_that_is_none_is_refused(self, console: Client, session: Session, token: str) -> None:
        assert self.refused(console, token)

    def test_of_another_purpose_is_refused(self, console: Client, session: Session, root: User) -> None:
        said = signing.loads(previewed("user=anna", root.pk, 1), salt=preview.SALT)
        assert self.refused(console, signing.dumps(said, salt="sessions_ui.known_browser", compress=True))

    def test_that_is_missing_is_refused(self, console: Client, session: Session) -> None:
        answer = console.post(TERMINATE, {"session": str(session.public_id)}, follow=True)
        assert told(answer) == TOO_OLD
        assert live(session) == {session.pk}

    def test_handed_in_twice_ends_nothing_more(self, console: Client, session: Session) -> None:
        """R045: ending an ended session is no error, and changes neither time nor actor nor reason."""
        confirmation = console.get(f"{TERMINATE}?user=anna")
        decide(console, confirmation, reason="First")
        again = decide(console, confirmation, reason="Second")
        assert told(again) == "What you chose has already ended. Nothing was terminated."
        assert Termination.objects.get().reason == "First"


class MeanwhileTests:
    """What happens between the preview and the decision."""

    def test_a_session_that_began_is_not_touched_and_named(self, console: Client, anna: User) -> None:
        make_session(anna)
        confirmation = console.get(f"{TERMINATE}?user=anna")
        later = make_session(anna)
        answer = decide(console, confirmation)
        assert told(answer) == "1 session terminated. 1 that began after your preview was not touched. Receipt"
        assert live(later) == {later.pk}

    def test_what_has_ended_is_left_out_of_the_number(self, console: Client, anna: User) -> None:
        """R042: ended now, and already ended."""
        gone, *_ = make_sessions(3, anna)
        confirmation = console.get(f"{TERMINATE}?user=anna")
        gone.delete()
        assert told(decide(console, confirmation)) == "2 sessions terminated. 1 had already ended. Receipt"
        termination = Termination.objects.get()
        assert (termination.matched, termination.ended) == (3, 2)

    def test_all_of_it_has_ended(self, console: Client, anna: User) -> None:
        session = make_session(anna)
        confirmation = console.get(f"{TERMINATE}?user=anna")
        session.delete()
        assert told(decide(console, confirmation)) == "What you chose has already ended. Nothing was terminated."
        assert not Termination.objects.exists()

    def test_a_reach_that_grew_is_asked_about_again(
        self, ada: User, anna: User, ben: User, acme: Account, bolt: Account
    ) -> None:
        client, sessions = signed_in(ada), [make_session(anna, acme), make_session(ben, bolt)]
        confirmation = client.get(f"{TERMINATE}?everything=1")
        Membership.objects.create(user=ada, account=bolt, role="admin")
        again = decide(client, confirmation, reason="Moved")
        assert "More sessions match than you were shown, so nothing was terminated." in told(again)
        assert "Terminate 2 sessions?" in text_of(again)
        assert 'value="Moved"' in again.content.decode()
        assert len(live(*sessions)) == 2
        assert told(decide(client, again)) == "2 sessions terminated. Receipt"

    def test_a_reach_that_shrank_covers_less(
        self, ada: User, anna: User, ben: User, acme: Account, bolt: Account
    ) -> None:
        Membership.objects.create(user=ada, account=bolt, role="admin")
        client, mine, lost = signed_in(ada), make_session(anna, acme), make_session(ben, bolt)
        confirmation = client.get(f"{TERMINATE}?everything=1")
        Membership.objects.filter(user=ada, account=bolt).delete()
        decide(client, confirmation)
        assert live(mine, lost) == {lost.pk}

    def test_the_account_was_deleted(self, console: Client, anna: User, acme: Account) -> None:
        make_session(anna, acme)
        confirmation = console.get(f"{TERMINATE}?account=acme")
        acme.delete()
        assert told(decide(console, confirmation)) == "What you chose has already ended. Nothing was terminated."

    def test_a_row_in_the_list_may_have_ended(self, console: Client, anna: User) -> None:
        ended, live_one = make_sessions(2, anna)
        ended.delete()
        terminate(console, f"session={ended.public_id}&session={live_one.public_id}")
        assert live(live_one) == set()


class LargeTerminationTests:
    """It is one insert, and its rows are the worker's."""

    @pytest.fixture
    def made(self, anna: User, monkeypatch: pytest.MonkeyPatch) -> list[Session]:
        monkeypatch.setattr(services, "SMALL", 10)
        monkeypatch.setattr(pacing, "MOST_ROWS", 4)
        return make_sessions(31, anna)

    def test_leads_to_its_progress(self, console: Client, made: list[Session]) -> None:
        answer = terminate(console, "user=anna")
        assert live(*made) == set()
        assert "31 sessions terminated" in text_of(answer)
        assert "Removed 0 To go 31" in text_of(answer)
        assert Session.objects.filter(pk__in=[one.pk for one in made]).count() == 31

    def test_is_ended_by_the_worker(self, console: Client, made: list[Session]) -> None:
        terminate(console, "user=anna")
        sweep.tidy("default")
        assert not Session.objects.filter(pk__in=[one.pk for one in made]).exists()
        termination = Termination.objects.get()
        assert termination.finished_on
        assert SessionEvent.objects.filter(termination_id=termination.pk).count() == 31

    def test_by_a_second_click_is_still_one(self, console: Client, made: list[Session]) -> None:
        """R045."""
        confirmation = console.get(f"{TERMINATE}?user=anna")
        decide(console, confirmation)
        assert told(decide(console, confirmation)) == "What you chose has already ended. Nothing was terminated."
        assert Termination.objects.count() == 1

    @pytest.fixture
    def counted(self, monkeypatch: pytest.MonkeyPatch) -> list[Scope]:
        """The scopes that are counted again before they end."""
        scopes: list[Scope] = []
        count = preview.count

        def noted(scope: Scope) -> int | None:
            scopes.append(scope)
            return count(scope)

        monkeypatch.setattr(preview, "count", noted)
        monkeypatch.setattr(preview, "COUNTED_AGAIN", 10)
        return scopes

    def test_is_not_counted_again(self, console: Client, made: list[Session], counted: list[Scope]) -> None:
        terminate(console, "user=anna")
        assert (counted, live(*made)) == ([], set())

    def test_is_counted_again_when_the_reach_has_changed(
        self, ada: User, anna: User, ben: User, acme: Account, bolt: Account, counted: list[Scope]
    ) -> None:
        make_sessions(11, anna, acme)
        client, foreign = signed_in(ada), make_session(ben, bolt)
        confirmation = client.get(f"{TERMINATE}?everything=1")
        Membership.objects.create(user=ada, account=bolt, role="admin")
        assert "More sessions match than you were shown" in told(decide(client, confirmation))
        assert live(foreign)

    def test_of_dormant_ones_is_counted_again(
        self, console: Client, made: list[Session], counted: list[Scope]
    ) -> None:
        Session.objects.filter(user__username="anna").update(last_active_day="2026-01-01")
        confirmation = console.get(f"{TERMINATE}?user=anna&dormant=7d")
        decide(console, confirmation)
        assert len(counted) == 1


class CameLaterTests:
    """R043: what comes to match between the preview and the click was not shown, and stays."""

    @pytest.fixture
    def chosen(self, anna: User, acme: Account) -> list[Session]:
        return [make_session(anna, acme, search_text="berlin", needs_look=True) for _ in range(2)]

    @pytest.fixture
    def other(self, ben: User, acme: Account) -> Session:
        return make_session(ben, acme, search_text="lisbon")

    def comes_to_match(self, other: Session) -> None:
        Session.objects.filter(pk=other.pk).update(search_text="berlin", needs_look=True)

    @pytest.mark.parametrize("query", ["q=berlin", "look=yes", "q=look:yes+-lisbon"])
    def test_in_the_place_of_one_that_has_ended(
        self, console: Client, chosen: list[Session], other: Session, query: str
    ) -> None:
        confirmation = console.get(f"{TERMINATE}?{query}")
        chosen[0].delete()
        self.comes_to_match(other)
        decide(console, confirmation)
        assert live(*chosen, other) == {other.pk}

    def test_is_asked_about(self, console: Client, chosen: list[Session], other: Session) -> None:
        confirmation = console.get(f"{TERMINATE}?q=berlin")
        self.comes_to_match(other)
        assert "More sessions match than you were shown" in told(decide(console, confirmation))
        assert len(live(*chosen, other)) == 3

    def test_among_many(
        self, console: Client, chosen: list[Session], other: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(preview, "COUNTED_AGAIN", 1)
        self.test_is_asked_about(console, chosen, other)

    def test_is_not_known_where_there_is_no_time_to_count_again(
        self, console: Client, chosen: list[Session], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        confirmation = console.get(f"{TERMINATE}?q=berlin")
        monkeypatch.setattr(preview, "COUNTING_SECONDS", 0)
        monkeypatch.setattr(time_limit, "SQLITE_STEPS", 1)
        again = decide(console, confirmation)
        assert "More sessions may match than you were shown" in told(again)
        assert len(live(*chosen)) == 2
        decide(console, again, typed="everything")
        assert live(*chosen) == set()

    def test_what_was_shown_ends_though_it_was_renamed(self, console: Client, chosen: list[Session]) -> None:
        confirmation = console.get(f"{TERMINATE}?q=berlin")
        Session.objects.filter(pk=chosen[0].pk).update(search_text="hamburg")
        assert told(decide(console, confirmation)) == "2 sessions terminated. Receipt"
        assert live(*chosen) == set()

    def test_also_when_all_of_it_was_renamed(self, console: Client, chosen: list[Session]) -> None:
        confirmation = console.get(f"{TERMINATE}?q=berlin")
        Session.objects.filter(search_text="berlin").update(search_text="hamburg")
        decide(console, confirmation)
        assert live(*chosen) == set()

    def test_one_s_own_takes_the_place_of_no_other(
        self, console: Client, chosen: list[Session], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(preview, "COUNTED_AGAIN", 2)
        self.comes_to_match(current(console))
        newest = make_session(chosen[0].user, search_text="lisbon")
        confirmation = console.get(f"{TERMINATE}?q=berlin")
        self.comes_to_match(newest)
        chosen[0].delete()
        decide(console, confirmation)
        assert live(*chosen, newest) == {newest.pk}

    def test_into_the_reach_in_the_place_of_what_left_it(
        self, ada: User, anna: User, ben: User, acme: Account, bolt: Account
    ) -> None:
        client, unseen = signed_in(ada), make_session(ben, bolt)
        shown = make_session(anna, acme)
        confirmation = client.get(f"{TERMINATE}?everything=1")
        Membership.objects.filter(user=ada).update(account=bolt)
        decide(client, confirmation)
        assert live(unseen, shown) == {unseen.pk, shown.pk}

    def test_leaves_one_s_own_to_the_box(self, console: Client, chosen: list[Session]) -> None:
        own = current(console)
        self.comes_to_match(own)
        terminate(console, "q=berlin", own="on")
        assert live(*chosen, own) == set()

    def test_is_told_apart_where_the_key_of_a_user_is_a_uuid(self) -> None:
        reach = {"accounts": [1], "user": uuid4()}
        shown = preview.Preview({"account": 1}, "", 9, timezone.now(), 0, reach=reach)
        read = preview.Preview.read(shown.signed(1, None), 1)
        assert read
        assert read.need_not_be_counted_again(read.scope(reach, None))
        assert not read.need_not_be_counted_again(read.scope(reach | {"user": uuid4()}, None))


class MethodTests:
    """R052: nothing ends by GET, HEAD, OPTIONS or TRACE, nor by a form from elsewhere."""

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE"])
    def test_ends_nothing_anywhere(self, console: Client, root: User, anna: User, method: str) -> None:
        session = make_session(anna)
        act = Termination.objects.create(
            conditions={"everything": True}, reach={"all": True}, cut_off=0, finished_on=session.expire_date
        )
        query = f"?session={session.public_id}&preview={previewed('user=anna', root.pk, 9)}&own=on"
        before = live()
        for path in self.paths(session, act):
            console.generic(method, f"{path}{query}")
            console.generic(method, path)
        assert live() == before

    def paths(self, session: Session, act: Termination) -> list[str]:
        """Return an address for each URL of the console."""
        found = []
        for route in urlpatterns:
            public_id = (act if route.name == "termination" else session).public_id
            values = {name: public_id if name == "public_id" else "x" for name in route.pattern.converters}
            found.append(reverse(str(route.name), kwargs=values))
        return found

    def test_ends_nothing_without_a_csrf_token(self, root: User, anna: User) -> None:
        """R136, T20."""
        session = make_session(anna)
        client = Client(enforce_csrf_checks=True)
        client.force_login(root)
        token = hidden(client.get(f"{TERMINATE}?user=anna"), "preview")
        assert client.post(TERMINATE, {"preview": token}).status_code == 403
        assert live(session) == {session.pk}

    def test_ends_with_the_token_of_its_own_form(self, root: User, anna: User) -> None:
        session = make_session(anna)
        client = Client(enforce_csrf_checks=True)
        client.force_login(root)
        confirmation = client.get(f"{TERMINATE}?user=anna")
        names = ("preview", "back", "csrfmiddlewaretoken")
        fields = {name: hidden(confirmation, name) for name in names}
        assert client.post(TERMINATE, fields).status_code == 302
        assert live(session) == set()


class PermissionTests:
    """R061: seeing and ending are separate permissions, and what may not be seen cannot be ended."""

    @pytest.mark.parametrize("codenames", [[], ["view_session"], ["delete_session"]])
    def test_of_one_kind_ends_no_foreign_session(self, anna: User, ben: User, codenames: list[str]) -> None:
        permit(ben, *codenames)
        session = make_session(anna)
        client = signed_in(ben)
        token = previewed("everything=1", ben.pk, 9)
        client.post(TERMINATE, {"preview": token})
        assert live(session) == {session.pk}

    def test_withdrawn_after_the_preview_ends_nothing(self, anna: User, ben: User) -> None:
        permit(ben, "view_session", "delete_session")
        client, session = signed_in(ben), make_session(anna)
        confirmation = client.get(f"{TERMINATE}?user=anna")
        ben.user_permissions.clear()
        assert told(decide(client, confirmation)) == "What you chose has already ended. Nothing was terminated."
        assert live(session) == {session.pk}

    def test_of_a_group_counts(self, anna: User, ben: User) -> None:
        support = Group.objects.create(name="Support")
        support.permissions.add(*Permission.objects.filter(codename__in=["view_session", "delete_session"]))
        ben.groups.add(support)
        session = make_session(anna)
        client = signed_in(ben)
        assert session.pk in ids_of(client.get(LIST))
        terminate(client, "user=anna")
        assert live(session) == set()
