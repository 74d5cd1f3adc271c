"""The list of active user sessions: its columns, its rows, and what it leaves out."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from sessions_ui import paging
from sessions_ui.backends.keys import halves
from sessions_ui.models import Account, Session, Termination

from .cast import (
    LIST,
    Page,
    application,
    current,
    ids_of,
    links,
    listed,
    make_person,
    make_session,
    make_sessions,
    plain,
    signed_in,
    text_of,
)

COLUMNS = ["User", "Account", "Application", "IP (Location)", "Device (Browser)", "Created On"]


def row(response: Page, session: Session) -> str:
    """Return the markup of the session's row."""
    rows: list[str] = re.findall(r"<tr>.*?</tr>", response.content.decode(), re.DOTALL)
    return next(found for found in rows if f"{LIST}{session.public_id}/" in found)


class ColumnsTests:
    @pytest.fixture
    def session(self, anna: User, acme: Account) -> Session:
        created = datetime(2026, 3, 12, 10, 4, tzinfo=UTC)
        where = {"ip": "203.0.113.7", "location": "Berlin, Germany", "country": "DE"}
        client = {"device": "iPhone", "device_kind": "phone", "browser": "Safari 26", "os": "iOS"}
        return make_session(anna, acme, created_on=created, **where, **client)

    def test_are_the_six_of_the_page_in_their_order(self, console: Client) -> None:
        head = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', console.get(LIST).content.decode(), re.DOTALL)
        assert [plain(cell).split(" , ")[0] for cell in head] == [*COLUMNS, "Terminate"]

    def test_hold_what_the_session_holds(self, console: Client, session: Session) -> None:
        cells = re.findall(r"<t[dh][ >].*?</t[dh]>", row(console.get(LIST), session), re.DOTALL)
        user, account, app, place, device, created = map(plain, cells[1:7])
        assert user == "Anna Brandt anna@example.com"
        assert (account, app) == ("Acme", "Reports")
        assert place == "203.0.113.7 DE Berlin, Germany"
        assert device == "iPhone Safari 26"
        assert "12 March 2026, 10:04" in created

    def test_give_machines_the_time_of_the_sign_in(self, console: Client, session: Session) -> None:
        assert 'datetime="2026-03-12T10:04:00+00:00"' in row(console.get(LIST), session)

    def test_say_when_the_session_was_last_active(self, console: Client, session: Session) -> None:
        assert "Active now" in row(console.get(LIST), session)
        Session.objects.filter(pk=session.pk).update(last_active_on=timezone.now() - timedelta(minutes=30))
        assert "Active 30 min ago" in plain(row(console.get(LIST), session))

    def test_stay_filled_for_a_session_of_which_nothing_is_known(self, console: Client, anna: User) -> None:
        session = make_session(anna)
        shown = plain(row(console.get(LIST), session))
        assert "No account" in shown
        assert "No address" in shown
        assert "Unknown device" in shown


class RowTests:
    def test_names_whom_its_button_signs_out(self, console: Client, anna: User) -> None:
        session = make_session(anna, device="Windows PC", browser="Firefox 143")
        (button,) = links(console.get(LIST), "Terminate Anna Brandt’s session in Reports, Firefox 143 on Windows PC")
        assert f"session={session.public_id}" in button

    def test_of_the_current_session_is_marked_and_cannot_be_chosen(self, console: Client) -> None:
        own = row(console.get(LIST), current(console))
        assert "This is you" in own
        assert "checkbox" not in own
        assert "terminate" not in own

    def test_of_ones_other_session_can_be_chosen(self, console: Client, root: User) -> None:
        session = make_session(root)
        other = row(console.get(LIST), session)
        assert "This is you" not in other
        assert "checkbox" in other

    def test_has_no_button_for_somebody_who_may_only_look(self, vera: User, anna: User) -> None:
        session = make_session(anna)
        shown = row(signed_in(vera).get(LIST), session)
        assert "checkbox" not in shown
        assert "terminate" not in shown

    def test_shows_markup_in_a_name_as_text(self, console: Client) -> None:
        make_session(make_person("eve", first_name="<script>alert(1)</script>"), device="<b>bold</b>")
        page = console.get(LIST).content.decode()
        assert "<script>alert" not in page
        assert "<b>bold" not in page


class RowsTests:
    """Rows tell the truth: what is not live, or not signed in, is not listed."""

    def test_come_newest_first(self, console: Client, anna: User) -> None:
        made = [make_session(anna).pk for _ in range(3)]
        assert ids_of(console.get(LIST)) == [*reversed(made), current(console).pk]

    def test_leave_out_what_has_expired(self, console: Client, anna: User) -> None:
        make_session(anna, expire_date=timezone.now() - timedelta(seconds=1))
        assert ids_of(console.get(LIST)) == [current(console).pk]

    def test_leave_out_visitors(self, console: Client) -> None:
        make_session(None)
        assert ids_of(console.get(LIST)) == [current(console).pk]

    def test_leave_out_what_an_unfinished_termination_covers(self, console: Client, anna: User) -> None:
        covered = make_session(anna)
        Termination.objects.create(conditions={"user": anna.pk}, reach={"all": True}, cut_off=covered.pk)
        assert ids_of(console.get(LIST)) == [current(console).pk]
        assert console.get(f"{LIST}{covered.public_id}/").status_code == 404

    def test_hold_no_key_no_digest_and_no_payload(self, console: Client, anna: User) -> None:
        """R082, T01."""
        own = current(console)
        for page in (LIST, f"{LIST}{own.public_id}/", "/my-sessions/"):
            shown = console.get(page).content.decode()
            key = console.cookies["console"].value
            for secret in (key, *(half.hex() for half in halves(key)), own.session_data):
                assert secret not in shown


class CountTests:
    def test_is_exact_up_to_the_cap(self, console: Client, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paging, "COUNTED", 6)
        monkeypatch.setattr("sessions_ui.listing.COUNTED", 6)
        make_sessions(5, anna)
        assert " 6 sessions " in text_of(console.get(LIST))

    def test_says_plus_beyond_it(self, console: Client, anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paging, "COUNTED", 6)
        monkeypatch.setattr("sessions_ui.listing.COUNTED", 6)
        make_sessions(6, anna)
        assert " 6+ sessions " in text_of(console.get(LIST))

    def test_is_capped_at_ten_thousand(self) -> None:
        assert paging.COUNTED == 10_000

    def test_speaks_of_one_session(self, console: Client) -> None:
        assert " 1 session " in text_of(console.get(LIST))


class ControlsTests:
    def test_offer_everything_when_no_filter_is_set(self, console: Client) -> None:
        (button,) = links(console.get(LIST), "Terminate everything")
        assert "everything=1" in button

    def test_offer_what_the_filter_keeps(self, console: Client, anna: User) -> None:
        make_session(anna)
        (button,) = links(console.get(f"{LIST}?user=anna&sort=oldest"), "Terminate all that match")
        assert "user=anna" in button
        assert "everything" not in button
        assert "&sort=" not in button

    def test_offer_nothing_to_somebody_who_may_only_look(self, vera: User, anna: User) -> None:
        make_session(anna)
        assert links(signed_in(vera).get(LIST), "Terminate") == []

    def test_list_the_applications_by_name(self, console: Client) -> None:
        application("wiki")
        page = console.get(f"{LIST}?application=wiki").content.decode()
        assert '<option value="console">Console</option>' in page
        assert '<option value="wiki" selected>Wiki</option>' in page


class EmptyListTests:
    def test_says_that_nothing_matches_and_offers_to_clear(self, console: Client) -> None:
        page = console.get(f"{LIST}?q=nowhere")
        assert "No session matches" in text_of(page)
        assert links(page, "Clear all filters") == [LIST]
        assert links(page, "Terminate") == []

    def test_beyond_the_last_row_leads_to_the_first_page(self, console: Client) -> None:
        page = console.get(f"{LIST}?below=1&sort=newest")
        assert "Nothing further this way" in text_of(page)
        assert links(page, "To the first page") == ["?sort=newest"]

    def test_of_a_filter_counts_what_is_on_other_pages(self, console: Client, anna: User) -> None:
        make_sessions(2, anna)
        text = text_of(console.get(f"{LIST}?user=anna&below=1"))
        assert "Nothing further this way" in text
        assert "No session matches" not in text
        assert " 2 sessions " in text


class FragmentTests:
    def test_is_the_list_alone(self, console: Client, anna: User) -> None:
        session = make_session(anna)
        answer = console.get(LIST, headers={"HX-Request": "true", "HX-Target": "list"})
        assert answer.content.decode().strip().startswith('<div id="list"')
        assert "<html" not in answer.content.decode()
        assert str(session.public_id) in listed(answer)

    def test_is_not_given_to_another_target(self, console: Client) -> None:
        assert "<html" in console.get(LIST, headers={"HX-Request": "true", "HX-Target": "users"}).content.decode()
