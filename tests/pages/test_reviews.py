"""Access reviews: sessions looked through, each kept or ended, signed, and then left as they are."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions_ui import retention, reviews
from sessions_ui.models import Account, Export, Membership, Review, ReviewedSession, Session, SessionEvent, Termination
from sessions_ui.models.reviews import SignedReview
from sessions_ui.sheet import BOM

from .cast import (
    LIST,
    Page,
    current,
    links,
    live,
    make_person,
    make_session,
    make_sessions,
    permit,
    signed_in,
    text_of,
)

REVIEWS = "/security/reviews/"
BEGIN = f"{REVIEWS}begin/"
Decision = ReviewedSession.Decision


def begin(client: Client, query: str = "account=acme") -> Review:
    answer = client.post(f"{BEGIN}?{query}")
    assert answer.status_code == 302, text_of(answer)
    return Review.objects.latest("id")


def address(review: Review, rest: str = "") -> str:
    return f"{REVIEWS}{review.public_id}/{rest}"


def decide(client: Client, review: Review, **decisions: Any) -> Page:
    """Decide on rows of the first page, by user name, and confirm."""
    rest = {"rest": "keep"} if decisions.pop("rest", False) else {}
    rows = {row.user_label.partition(" (")[2].rstrip(")"): row.pk for row in review.sessions.all()}
    fields = {f"decision-{rows[name]}": value for name, value in decisions.items()}
    return client.post(address(review), fields | rest | {"confirmed": "1"}, follow=True)


def sign(client: Client, review: Review, **form: str) -> Page:
    return client.post(address(review, "sign/"), form, follow=True)


def decisions(review: Review) -> dict[str, str]:
    return {row.user_label.split()[0]: row.decision for row in review.sessions.all()}


@pytest.fixture
def sessions(acme: Account, anna: User, ben: User) -> dict[str, Session]:
    return {"anna": make_session(anna, acme), "ben": make_session(ben, acme)}


@pytest.fixture
def review(console: Client, sessions: dict[str, Session]) -> Review:
    return begin(console)


class BeginTests:
    def test_says_first_what_it_would_hold(self, console: Client, sessions: dict[str, Session]) -> None:
        (offer,) = links(console.get(f"{LIST}?account=acme&sort=oldest"), "Review…")
        said = text_of(console.get(offer))
        assert "Review 2 sessions? Nothing has happened yet." in said
        assert "Every session in account Acme , as it is when you begin." in said
        assert not Review.objects.exists()

    def test_fixes_the_sessions_as_they_are(self, console: Client, anna: User, acme: Account) -> None:
        one = make_session(anna, acme, ip="203.0.113.7", country="DE", device="Mac", browser="Firefox 143")
        review = begin(console)
        later = make_session(anna, acme)
        row = review.sessions.get()
        assert (row.session_id, row.session_public_id) == (one.pk, one.public_id)
        assert (row.user_label, row.account_label, row.ip) == ("Anna Brandt (anna)", "Acme", "203.0.113.7")
        assert (row.decision, review.reach, review.in_words) == (
            Decision.UNDECIDED, {"all": True}, "Every session in account Acme",
        )  # fmt: skip
        assert later.pk not in review.sessions.values_list("session_id", flat=True)

    def test_shows_first_what_needs_a_look(self, console: Client, anna: User, ben: User, acme: Account) -> None:
        make_session(anna, acme)
        dormant = make_session(ben, acme)
        Session.objects.filter(pk=dormant.pk).update(last_active_on="2020-01-01T00:00:00Z")
        review = begin(console)
        assert [bool(row.look) for row in review.sessions.all()] == [True, False]
        said = text_of(console.get(address(review)))
        assert "2 people; 1 needs a look" in said
        assert "Needs a look Not active for" in said

    def test_says_the_hints_that_nobody_expected(self, console: Client, anna: User, acme: Account) -> None:
        session = make_session(anna, acme)
        hints = [{"said": "First sign-in from Peru.", "expected": False}, {"said": "Usual.", "expected": True}]
        Session.objects.filter(pk=session.pk).update(hints=hints)
        assert begin(console).sessions.get().look == "First sign-in from Peru."

    def test_holds_so_many_at_most(
        self, console: Client, anna: User, acme: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reviews, "MOST", 3)
        make_sessions(4, anna, acme)
        for answer in (console.get(f"{BEGIN}?account=acme"), console.post(f"{BEGIN}?account=acme")):
            assert answer.status_code == 400
            assert "A review holds 3 sessions at most, and more match. Narrow the filter." in text_of(answer)
        assert not Review.objects.exists()

    @pytest.mark.parametrize("query", ["account=bolt", "colour=red", "q=nobody+is+called+that"])
    def test_is_refused_in_a_sentence(self, ada: User, acme: Account, bolt: Account, query: str) -> None:
        client = signed_in(ada)
        assert [client.get(f"{BEGIN}?{query}").status_code, client.post(f"{BEGIN}?{query}").status_code] == [400, 400]
        assert not Review.objects.exists()

    def test_holds_what_is_within_reach(self, ada: User, sessions: dict[str, Session], root: User) -> None:
        make_session(root)
        review = begin(signed_in(ada), "")
        assert sorted(decisions(review)) == ["Ada", "Anna", "Ben"]


class DecideTests:
    def test_keeps_and_ends(self, console: Client, review: Review, sessions: dict[str, Session]) -> None:
        said = text_of(decide(console, review, anna="keep", ben="end"))
        assert "1 kept, 1 ended." in said
        assert decisions(review) == {"Anna": Decision.KEPT, "Ben": Decision.ENDED}
        assert live(*sessions.values()) == {sessions["anna"].pk}

    def test_ends_through_the_one_door(self, console: Client, review: Review, root: User) -> None:
        decide(console, review, ben="end")
        act = Termination.objects.get()
        assert (act.actor, act.ended, act.finished_on is not None) == (root, 1, True)
        assert act.in_words == "1 session of an access review: Every session in account Acme"
        assert act.reason.startswith("Access review of 20")
        row = review.sessions.get(decision=Decision.ENDED)
        assert (row.termination_id, row.decided_by) == (act.pk, "Ruth Root (root)")
        assert SessionEvent.objects.filter(termination_id=act.pk, kind="terminated").count() == 1

    def test_asks_before_it_ends(self, console: Client, review: Review, sessions: dict[str, Session]) -> None:
        pks = {row.user_key: row.pk for row in review.sessions.all()}
        ben = pks[str(sessions["ben"].user_id)]
        answer = console.post(address(review), {f"decision-{ben}": "end", "rest": "keep"})
        said = text_of(answer)
        assert "Terminate 1 session? Nothing has happened yet." in said
        assert "Ben Ortiz (ben) in Reports" in said
        assert "1 other on this page is kept." in said
        assert "Back, terminate nothing" in said
        assert set(decisions(review).values()) == {Decision.UNDECIDED}
        assert live(*sessions.values()) == {one.pk for one in sessions.values()}

    def test_keeps_all_others_of_the_page_at_once(self, console: Client, review: Review) -> None:
        decide(console, review, rest=True)
        assert set(decisions(review).values()) == {Decision.KEPT}

    def test_of_what_is_gone_meanwhile_says_so(
        self, console: Client, review: Review, sessions: dict[str, Session]
    ) -> None:
        sessions["ben"].delete()
        assert "1 kept, 0 ended, 1 had ended already." in text_of(decide(console, review, anna="keep", ben="end"))
        assert decisions(review) == {"Anna": Decision.KEPT, "Ben": Decision.GONE}
        assert not Termination.objects.exists()

    def test_may_be_changed_from_kept_to_ended_and_not_back(self, console: Client, review: Review) -> None:
        decide(console, review, ben="keep")
        decide(console, review, ben="end")
        decide(console, review, ben="keep")
        assert decisions(review)["Ben"] == Decision.ENDED

    def test_never_ends_ones_own_other_session(self, console: Client, root: User, acme: Account) -> None:
        """R080: ending it asks for the password, and this door does not."""
        other = make_session(root, acme)
        decide(console, begin(console), root="end")
        assert live(other) == {other.pk}

    def test_never_ends_the_session_that_one_is_in(self, console: Client, root: User) -> None:
        review = begin(console, "user=root")
        assert "Yours: terminate it under My sessions" in text_of(console.get(address(review)))
        said = text_of(decide(console, review, root="end"))
        assert "0 kept, 0 ended, 1 left undecided" in said
        assert current(console)

    def test_ends_nothing_beyond_what_one_may_end(self, vera: User, sessions: dict[str, Session]) -> None:
        client = signed_in(vera)
        review = begin(client)
        assert "2 left undecided" in text_of(decide(client, review, anna="end", ben="end"))
        assert live(*sessions.values()) == {one.pk for one in sessions.values()}
        assert "1 kept" in text_of(decide(client, review, anna="keep"))

    @pytest.mark.parametrize("fields", [{"decision-0": "end"}, {"decision-x": "keep"}])
    def test_on_a_session_of_no_such_page_is_refused(
        self, console: Client, review: Review, fields: dict[str, str]
    ) -> None:
        assert console.post(address(review), fields).status_code == 400

    def test_of_an_unknown_kind_is_refused(self, console: Client, review: Review) -> None:
        row = review.sessions.all()[0]
        assert console.post(address(review), {f"decision-{row.pk}": "burn", "confirmed": "1"}).status_code == 400

    def test_goes_on_at_the_first_that_is_undecided(self, console: Client, anna: User, acme: Account) -> None:
        make_sessions(30, anna, acme)
        review = begin(console)
        answer = console.post(address(review), {"rest": "keep"})
        assert answer["Location"] == f"{address(review)}?page=2"
        answer = console.post(f"{address(review)}?page=2", {"rest": "keep"})
        assert answer["Location"] == f"{address(review)}?page=2"
        assert set(decisions(review).values()) == {Decision.KEPT}

    @pytest.mark.parametrize("page", ["0", "2", "x", "99999"])
    def test_on_a_page_that_is_not_there_is_refused(self, console: Client, review: Review, page: str) -> None:
        assert console.get(f"{address(review)}?page={page}").status_code == 400


class SignTests:
    def test_keeps_who_signed_when_and_the_note(self, console: Client, review: Review) -> None:
        decide(console, review, anna="keep", ben="end")
        said = text_of(sign(console, review, note="Quarterly review"))
        assert "The review is signed." in said
        assert "Signed by Ruth Root (root) on" in said
        assert "Quarterly review" in said
        assert "Save these decisions" not in said

    def test_is_refused_while_something_is_undecided(self, console: Client, review: Review) -> None:
        answer = sign(console, review)
        assert answer.status_code == 400
        assert "2 sessions are undecided. Decide on them, or tick that they stay so." in text_of(answer)
        # The form of the decisions is on this page too, and must not go where signing went.
        assert f'action="{address(review)}?page=1"' in answer.content.decode()
        review.refresh_from_db()
        assert review.signed_on is None

    def test_says_what_stays_undecided(self, console: Client, review: Review) -> None:
        assert "2 sessions stay undecided" in text_of(console.get(address(review)))
        sign(console, review, undecided="on")
        review.refresh_from_db()
        assert review.signed_on
        assert set(decisions(review).values()) == {Decision.UNDECIDED}

    def test_tells_the_undecided_from_the_gone(
        self, console: Client, review: Review, sessions: dict[str, Session]
    ) -> None:
        sessions["ben"].delete()
        decide(console, review, anna="keep")
        sign(console, review)
        assert decisions(review) == {"Anna": Decision.KEPT, "Ben": Decision.GONE}

    def test_says_which_requirements_it_speaks_to(self, console: Client, review: Review) -> None:
        said = text_of(console.get(address(review)))
        assert [number for number in ("7.1.2", "7.4.5", "7.5.2") if f"OWASP ASVS 5.0, {number}" not in said] == []


class SignedTests:
    """Afterwards nothing in it changes, by form, by model or by queryset."""

    @pytest.fixture(autouse=True)
    def _signed(self, console: Client, review: Review) -> None:
        decide(console, review, anna="keep")
        sign(console, review, undecided="on")
        review.refresh_from_db()

    def test_takes_no_decision_by_form(self, console: Client, review: Review, sessions: dict[str, Session]) -> None:
        said = text_of(decide(console, review, ben="end"))
        assert "This review is signed: nothing in it can be changed. Nothing was ended." in said
        assert live(*sessions.values()) == {one.pk for one in sessions.values()}
        assert "This review is signed" in text_of(sign(console, review, note="Other"))
        review.refresh_from_db()
        assert review.note == ""

    @pytest.mark.parametrize("rows", [Review.objects.all(), ReviewedSession.objects.all()])
    def test_refuses_every_change_by_queryset(self, rows: QuerySet[Any]) -> None:
        name = "note" if rows.model is Review else "decision"
        with pytest.raises(SignedReview):
            rows.all().update(**{name: "ended"})
        with pytest.raises(SignedReview):
            rows.all().delete()

    def test_refuses_every_change_by_model(self, review: Review) -> None:
        for row in (review, review.sessions.all()[0]):
            for change in (row.save, row.delete):
                with pytest.raises(SignedReview):
                    change()

    def test_outlives_its_sessions_and_people(
        self, console: Client, review: Review, sessions: dict[str, Session]
    ) -> None:
        User.objects.filter(username__in=["anna", "ben"]).delete()
        said = text_of(console.get(address(review)))
        assert "Anna Brandt (anna)" in said
        assert "Acme" in said

    def test_forgets_a_person_all_the_same(self, console: Client, review: Review, anna: User, root: User) -> None:
        retention.forget("anna", anna, "default")
        retention.forget("root", root, "default")
        assert sorted(review.sessions.values_list("user_label", flat=True)) == [retention.FORGOTTEN, "Ben Ortiz (ben)"]
        review.refresh_from_db()
        assert review.reviewer_label == retention.FORGOTTEN
        assert not review.sessions.filter(decided_by__contains="root").exists()


class ReachTests:
    def test_shows_it_to_who_reaches_all_of_it(
        self, ada: User, vera: User, sessions: dict[str, Session], acme: Account, bolt: Account, ben: User
    ) -> None:
        review = begin(signed_in(ada))
        other, both = make_person("other"), make_person("both")
        Membership.objects.create(user=other, account=acme, role="admin")
        for account in (acme, bolt):
            Membership.objects.create(user=both, account=account, role="admin")
        Membership.objects.filter(user=ben).update(role="admin")
        seen = [signed_in(person).get(address(review)).status_code for person in (ada, other, both, vera, ben)]
        assert seen == [200, 200, 200, 200, 404]

    def test_hides_it_where_one_session_is_beyond(self, console: Client, ada: User, review: Review) -> None:
        """The reader of a review sees sessions: no more of them than in the list."""
        client = signed_in(ada)
        assert client.get(address(review)).status_code == 200
        wider = begin(console, "")
        assert client.get(address(wider)).status_code == 404
        assert address(wider) not in client.get(REVIEWS).content.decode()
        assert client.post(address(wider, "export/")).status_code == 404

    def test_lets_nobody_else_decide_or_sign(self, root: User, vera: User, review: Review) -> None:
        permit(vera, "delete_session")
        client = signed_in(vera)
        assert client.get(address(review)).status_code == 200
        assert "Save these decisions" not in text_of(client.get(address(review)))
        assert decide(client, review, ben="end").status_code == 404
        assert sign(client, review, undecided="on").status_code == 404
        assert set(decisions(review).values()) == {Decision.UNDECIDED}

    def test_lists_them_with_what_came_of_them(self, console: Client, review: Review) -> None:
        decide(console, review, anna="keep", ben="end")
        said = text_of(console.get(REVIEWS))
        assert "Every session in account Acme 2 1 kept, 1 ended, 0 undecided Ruth Root (root)" in said
        assert "Not signed" in said

    def test_lists_and_pages_cost_the_same_for_more_of_them(
        self, console: Client, review: Review, anna: User, acme: Account
    ) -> None:
        asked = []
        for _ in range(2):
            latest = Review.objects.latest("id")
            with CaptureQueriesContext(connection) as queries:
                assert [console.get(url).status_code for url in (REVIEWS, address(latest))] == [200, 200]
            asked.append(len(queries))
            make_sessions(20, anna, acme)
            for _ in range(3):
                begin(console)
        assert asked[0] == asked[1]

    def test_says_that_there_are_none(self, console: Client) -> None:
        assert "Nothing has been reviewed" in text_of(console.get(REVIEWS))
        assert "Nothing further this way" in text_of(console.get(f"{REVIEWS}?below=1"))
        assert console.get(f"{REVIEWS}?sort=x").status_code == 400


class FileTests:
    def rows(self, client: Client, review: Review) -> list[list[str]]:
        answer = client.post(address(review, "export/"))
        assert answer.status_code == 200
        return list(csv.reader(StringIO(answer.getvalue().decode().removeprefix(BOM), newline="")))

    def test_says_what_the_review_says(self, console: Client, review: Review) -> None:
        decide(console, review, anna="keep", ben="end")
        sign(console, review, note="=1+1")
        rows = self.rows(console, review)
        head, table = dict(row for row in rows[:6]), rows[rows.index([]) + 1 :]
        assert head["Access review"] == "Every session in account Acme"
        assert head["Sessions"] == "2 of 2 people: 0 undecided, 1 kept, 1 ended, 0 gone meanwhile"
        assert head["Note"] == "'=1+1"
        assert [row[1][:5] for row in rows if row[:1] == ["OWASP ASVS 5.0"]] == ["7.1.2", "7.4.5", "7.5.2"]
        assert {(row[0], row[4]) for row in table[1:]} == {
            ("Kept", "Anna Brandt (anna)"), ("Ended", "Ben Ortiz (ben)"),
        }  # fmt: skip

    def test_is_written_down(self, console: Client, review: Review) -> None:
        self.rows(console, review)
        found = Export.objects.get()
        assert (found.what, found.rows, found.in_words) == (
            "access-review", 2, "Review: Every session in account Acme",
        )  # fmt: skip

    def test_comes_by_post_alone(self, console: Client, review: Review) -> None:
        assert console.get(address(review, "export/")).status_code == 405
        answer = console.post(address(review, "export/"))
        assert answer["Content-Disposition"].startswith('attachment; filename="access-review-20')
