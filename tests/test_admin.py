import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse
from pytest_django import Settings

from sessions_ui import admin
from sessions_ui.backends.db import SessionStore
from sessions_ui.backends.keys import halves
from sessions_ui.models import Account, Application, Export, Membership, Session, SessionEvent, Termination
from sessions_ui.models.events import retention

urlpatterns = [path("admin/", admin.site.urls), path("", include("sessions_ui.urls"))]
READ_ONLY = ["export", "session", "sessionevent", "termination"]
WRITTEN = ["account", "membership", "application"]
INLINE = re.compile(
    r"<style|\sstyle=|<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")|\son[a-z]+=|javascript:"
)


@pytest.fixture(autouse=True)
def _urls(settings: Settings, db: None) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def root() -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def anna() -> User:
    user = User.objects.create_user("anna")
    Membership.objects.create(user=user, account=Account.objects.create(name="Acme", slug="acme"))
    return user


@pytest.fixture
def annas_browser(anna: User) -> Client:
    client = Client()
    client.force_login(anna)
    return client


def key_of(client: Client) -> str:
    return client.cookies["console"].value


def is_signed_in(client: Client) -> bool:
    return SessionStore().exists(key_of(client))


def page(model: str, action: str = "changelist", *args: object, app: str = "sessions_ui") -> str:
    return reverse(f"admin:{app}_{model}_{action}", args=args)


class DoorTests:
    """The admin has no sign-in of its own: no second place for a wrong password."""

    def test_visitor_is_sent_to_our_sign_in_page_and_back(self, client: Client) -> None:
        answer = client.get("/admin/auth/user/", follow=True)
        assert answer.request["PATH_INFO"] == "/sign-in/"
        assert QueryDict(answer.request["QUERY_STRING"]).dict() == {"next": "/admin/auth/user/"}

    def test_password_sent_to_the_admin_signs_nobody_in(self, client: Client, anna: User) -> None:
        User.objects.create_superuser("chef", password="secret of chef")
        answer = client.post("/admin/login/", {"username": "chef", "password": "secret of chef"})
        assert answer["Location"].startswith("/sign-in/")
        assert not Session.objects.exists()

    def test_person_without_staff_status_is_told_so(self, annas_browser: Client) -> None:
        assert annas_browser.get("/admin/", follow=True).status_code == 403

    def test_sign_in_page_is_not_shown_to_who_is_in(self, root: Client) -> None:
        assert root.get("/admin/login/")["Location"] == "/admin/"

    def test_signing_out_is_ours(self, root: Client) -> None:
        answer = root.post("/admin/logout/")
        assert (answer.status_code, answer["Location"]) == (307, reverse("sign-out"))
        root.post("/admin/logout/", follow=True)
        assert not Session.objects.filter(user__username="root").exists()

    def test_password_change_is_ours(self, root: Client) -> None:
        assert root.get("/admin/password_change/")["Location"] == reverse("password-change")


class ReadOnlyTests:
    @pytest.fixture(autouse=True)
    def _rows(self, annas_browser: Client) -> None:
        scope = {"conditions": {"everything": True}, "reach": {"all": True}, "cut_off": 0}
        Termination.objects.create(in_words="Everything", actor_label="root", **scope)
        Export.objects.create(in_words="Everything", actor_label="root", conditions={}, reach={"all": True})

    def rows(self) -> dict[str, int]:
        return {
            "export": Export.objects.latest("id").pk,
            "session": Session.objects.latest("id").pk,
            "sessionevent": SessionEvent.objects.latest("id").pk,
            "termination": Termination.objects.latest("id").pk,
        }

    @pytest.mark.parametrize("model", READ_ONLY)
    def test_list_and_row_are_shown_without_any_way_to_change_them(self, model: str, root: Client) -> None:
        for url in (page(model), page(model, "change", self.rows()[model])):
            answer = root.get(url)
            assert answer.status_code == 200
            assert not re.search(r'name="(_save|action|_selected_action)"|class="deletelink"', answer.content.decode())
            assert page(model, "add") not in answer.content.decode()

    @pytest.mark.parametrize("model", READ_ONLY)
    def test_nothing_can_be_added_changed_or_deleted(self, model: str, root: Client) -> None:
        pk = self.rows()[model]
        urls = [page(model, "add"), page(model, "change", pk), page(model, "delete", pk)]
        assert [root.post(url, {"post": "yes"}).status_code for url in urls] == [403, 403, 403]
        root.post(page(model), {"action": "delete_selected", "_selected_action": pk, "post": "yes"})
        assert self.rows()[model] == pk

    @pytest.mark.parametrize("model", READ_ONLY)
    def test_no_key_digest_payload_or_search_text_is_shown(self, model: str, root: Client) -> None:
        """R153 and the fifth promise"""
        session = Session.objects.get(user__username="anna")
        Session.objects.filter(pk=session.pk).update(search_text="canary")
        with retention("default"):
            SessionEvent.objects.update(search_text="canary", ended_key=b"canary")
        pages = [root.get(page(model)), root.get(page(model, "change", self.rows()[model]))]
        shown = "".join(answer.content.decode() for answer in pages)
        digests = [bytes(session.key_digest).hex(), bytes(session.key_digest_rest).hex(), session.session_data]
        assert not [secret for secret in [*digests, "canary", "ended_key", "session_data"] if secret in shown]

    def test_only_live_sessions_of_people_are_listed(self, root: Client) -> None:
        SessionStore().create()
        assert root.get(page("session")).context["cl"].result_count == 2
        Session.objects.filter(user__username="anna").update(expire_date="2001-01-01T00:00Z")
        assert root.get(page("session")).context["cl"].result_count == 1

    @pytest.mark.parametrize("model", READ_ONLY)
    def test_queries_do_not_grow_with_the_rows(
        self, model: str, root: Client, django_assert_max_num_queries: Callable[..., AbstractContextManager[object]]
    ) -> None:
        for number in range(20):
            Client().force_login(User.objects.create_user(f"user {number}"))
        with django_assert_max_num_queries(7):
            assert root.get(page(model)).status_code == 200

    def test_count_and_pages_end_at_the_newest(self, root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admin, "NEWEST", 1)
        answer = root.get(page("session"))
        assert answer.context["cl"].result_count == 1
        assert "Sessions, the newest 1 at most" in answer.content.decode()

    def test_staff_without_permission_sees_none_of_it(self, annas_browser: Client, anna: User) -> None:
        User.objects.filter(pk=anna.pk).update(is_staff=True)
        assert [annas_browser.get(page(model)).status_code for model in READ_ONLY] == [403] * len(READ_ONLY)


def staff_with(*permissions: str) -> Client:
    """The browser of somebody who may do this and nothing else."""
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


class SettingAPasswordTests:
    """R027: what an administrator sets ends the sessions of its owner at once."""

    def set(self, browser: Client, user: User, **data: str) -> None:
        both = dict.fromkeys(("password1", "password2"), "a lighthouse of many colours")
        url = page("user", "changelist", app="auth") + f"{user.pk}/password/"
        answer = browser.post(url, {"usable_password": "true", **both} | data)
        assert answer.status_code == 302, answer.context["form"].errors

    def test_ends_his_sessions(self, root: Client, anna: User, annas_browser: Client) -> None:
        self.set(root, anna)
        assert not Session.objects.filter(user=anna).exists()
        assert SessionEvent.objects.get(kind="terminated").reason == "An administrator set the password"
        assert not is_signed_in(annas_browser)

    def test_ends_them_also_when_there_is_to_be_no_password(
        self, root: Client, anna: User, annas_browser: Client
    ) -> None:
        anna.set_password("of anna")
        anna.save()
        annas_browser.force_login(anna)
        self.set(root, anna, usable_password="false", **{"unset-password": ""})
        assert not User.objects.get(pk=anna.pk).has_usable_password()
        assert not Session.objects.filter(user=anna).exists()

    def test_of_his_own_he_stays_here_and_is_signed_out_elsewhere(self, root: Client) -> None:
        chef = User.objects.get(username="root")
        elsewhere = Client()
        elsewhere.force_login(chef)
        self.set(root, chef)
        assert (is_signed_in(root), is_signed_in(elsewhere)) == (True, False)


class UserTests:
    def test_deleting_ends_the_sessions_first(self, root: Client, anna: User, annas_browser: Client) -> None:
        url = page("user", "delete", anna.pk, app="auth")
        shown = root.get(url).content.decode()
        assert "Sessions, which are ended: 1" in shown
        assert root.post(url, {"post": "yes"}).status_code == 302
        assert not User.objects.filter(username="anna").exists()
        assert not is_signed_in(annas_browser)
        event = SessionEvent.objects.get(kind=SessionEvent.Kind.TERMINATED)
        assert (event.user_label, event.reason) == ("anna", "The user was deleted")
        assert bytes(event.ended_key or b"") == halves(key_of(annas_browser))[1]

    def test_deleting_several_ends_theirs(self, root: Client, anna: User, annas_browser: Client) -> None:
        ben = User.objects.create_user("ben")
        data = {"action": "delete_selected", "_selected_action": [anna.pk, ben.pk], "post": "yes"}
        root.post(page("user", app="auth"), data)
        assert list(User.objects.values_list("username", flat=True)) == ["root"]
        assert not is_signed_in(annas_browser)

    def test_deleting_needs_no_permission_on_sessions(self, anna: User, annas_browser: Client) -> None:
        staff = staff_with("delete_user", "delete_membership")
        assert staff.post(page("user", "delete", anna.pk, app="auth"), {"post": "yes"}).status_code == 302
        assert not is_signed_in(annas_browser)

    def test_deleting_needs_permission_on_all_else(self, anna: User) -> None:
        url = page("user", "delete", anna.pk, app="auth")
        assert staff_with("delete_user").post(url, {"post": "yes"}).status_code == 403
        assert User.objects.filter(username="anna").exists()

    @pytest.mark.django_db(transaction=True)
    def test_disabling_ends_the_sessions(self, root: Client, anna: User, annas_browser: Client) -> None:
        url = page("user", "change", anna.pk, app="auth")
        form = root.get(url).context["adminform"].form
        data = {name: value for name, value in form.initial.items() if value and name not in ("is_active", "password")}
        data |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"} | no_memberships()
        assert root.post(url, data).status_code == 302
        assert not User.objects.get(username="anna").is_active
        assert not is_signed_in(annas_browser)
        assert not Session.objects.filter(user=anna).exists()

    def test_memberships_are_edited_with_the_user(self, root: Client, anna: User) -> None:
        shown = root.get(page("user", "change", anna.pk, app="auth")).content.decode()
        assert 'name="memberships-0-role"' in shown
        # A select box would hold every account there is.
        assert '<select name="memberships-0-account"' not in shown


def no_memberships() -> dict[str, str]:
    return {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


class AccountTests:
    def test_deleting_ends_its_sessions_first(self, root: Client, annas_browser: Client) -> None:
        account = Account.objects.get(slug="acme")
        assert root.post(page("account", "delete", account.pk), {"post": "yes"}).status_code == 302
        assert not is_signed_in(annas_browser)
        assert User.objects.filter(username="anna").exists()

    def test_delete_page_loads_no_session(self, root: Client, annas_browser: Client) -> None:
        url = page("account", "delete", Account.objects.get(slug="acme").pk)
        with CaptureQueriesContext(connection) as queries:
            assert "Sessions, which are ended: 1" in root.get(url).content.decode()
        # The one row that is read is that of the request's own session.
        assert len([query for query in queries if "session_data" in query["sql"]]) == 1

    def test_members_are_edited_with_the_account_while_they_are_few(
        self, root: Client, anna: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = page("account", "change", Account.objects.get(slug="acme").pk)
        assert 'name="memberships-0-role"' in root.get(url).content.decode()
        monkeypatch.setattr(admin, "MOST_MEMBERS_IN_A_FORM", 0)
        shown = root.get(url).content.decode()
        assert 'name="memberships-0-role"' not in shown
        assert f"{page('membership')}?account__id__exact=" in shown


class ApplicationTests:
    def test_slug_is_chosen_once(self, root: Client) -> None:
        root.post(page("application", "add"), {"name": "Reports", "slug": "reports"})
        application = Application.objects.get(slug="reports")
        root.post(page("application", "change", application.pk), {"name": "All reports", "slug": "other"})
        application.refresh_from_db()
        assert (application.name, application.slug) == ("All reports", "reports")

    def test_one_in_use_cannot_be_deleted(self, root: Client) -> None:
        application = Application.objects.get(slug="console")
        assert root.post(page("application", "delete", application.pk), {"post": "yes"}).status_code == 403

    def test_unused_one_can(self, root: Client) -> None:
        application = Application.objects.create(name="Old", slug="old")
        assert root.post(page("application", "delete", application.pk), {"post": "yes"}).status_code == 302


class PageTests:
    @pytest.mark.parametrize("model", [*WRITTEN, *READ_ONLY])
    def test_lists_have_nothing_inline(self, model: str, root: Client, anna: User) -> None:
        """R134: what the Content-Security-Policy would stop."""
        assert not INLINE.findall(root.get(page(model)).content.decode())

    @pytest.mark.parametrize("model", WRITTEN)
    def test_forms_have_nothing_inline(self, model: str, root: Client, anna: User) -> None:
        """R134"""
        assert not INLINE.findall(root.get(page(model, "add")).content.decode())

    @pytest.mark.parametrize("model", ["user", "group"])
    def test_people_and_groups_have_nothing_inline(self, model: str, root: Client) -> None:
        """R134"""
        pages = [root.get(page(model, action, app="auth")) for action in ("changelist", "add")]
        assert not [found for answer in pages for found in INLINE.findall(answer.content.decode())]


class ClearSessionsTests:
    def test_tells_what_it_did(self, anna: User, annas_browser: Client, capsys: pytest.CaptureFixture[str]) -> None:
        Session.objects.update(expire_date="2001-01-01T00:00Z")
        call_command("clearsessions")
        assert capsys.readouterr().out == (
            "Expired sessions removed: 1; terminations finished: 0, still unfinished: 0; old events removed: 0.\n"
        )
        assert SessionEvent.objects.filter(kind=SessionEvent.Kind.EXPIRED, user_label="anna").count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_goes_on_with_terminations(self, annas_browser: Client, capsys: pytest.CaptureFixture[str]) -> None:
        cut_off = Session.objects.latest("id").pk
        Termination.objects.create(conditions={"everything": True}, reach={"all": True}, cut_off=cut_off)
        call_command("clearsessions")
        assert "terminations finished: 1, still unfinished: 0;" in capsys.readouterr().out
        assert not Session.objects.exists()
