"""The demo people: who they are, what they leave in the database, and where they are refused."""

import stat
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db.models import F, Max
from django.test import TestCase, override_settings
from django.utils import timezone

from sessions_ui import demo, demo_people, networks, useragent
from sessions_ui.checks import DEMO_GROUP
from sessions_ui.demo import seen
from sessions_ui.demo_oddities import HABITS
from sessions_ui.hints import of_sign_in
from sessions_ui.models import Account, Application, Membership, Session, SessionEvent, Termination
from sessions_ui.models.reaches import reaches_of
from sessions_ui.models.search_text import normalise
from tests.pages.cast import LIST, text_of

PEOPLE = 62
UNUSUAL = [
    ("Tomasz Zieliński", "New country", "First sign-in from South Korea in 90 days; before: Poland (61 times)."),
    ("Joana Ferreira dos Santos", "Too far, too fast", "km in 14 minutes."),
    ("Katarzyna Wójcik", "New browser", "First sign-in with Firefox on Linux PC in 90 days"),
    ("Piotr Łukasiewicz", "New network", "First sign-in from the network 198.51.0.0/16 in 90 days"),
    ("Sven Lindqvist", "Two far places", "First use from Japan in 90 days; before: Sweden"),
    ("Freja Østergård", "Two browsers", "One session in two browsers: signed in with Chrome 141 on Windows PC"),
    ("Kofi Boateng", "Many sessions", "10 sessions at once; before: at most 1 sign-in on one day in 90 days."),
    ("Reto Bürki", "Was dormant", "First sign-in in 120 days; before: on"),
    ("Emily Carter", "New country", "First sign-in with python-requests on Script in 90 days"),
    ("Priya Raghavan", "Was dormant", "Used again after 41 days"),
]


def seed_demo(**options: Any) -> str:
    """Return what the command prints."""
    output = StringIO()
    call_command("seed_demo", stdout=output, **options)
    return output.getvalue()


class SeedDemoTests(TestCase):
    """240 sessions of the cast and two more, who are made up from it."""

    printed: str
    password: str

    @classmethod
    def setUpTestData(cls) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "password"
            cls.printed = seed_demo(users=PEOPLE, password_file=file)
            cls.password = file.read_text().strip()

    def test_everybody_is_in_the_group_of_demo_people(self) -> None:
        assert set(Group.objects.get(name=DEMO_GROUP).user_set.all()) == set(User.objects.all())
        assert User.objects.count() == PEOPLE

    def test_the_three_sign_ins_are_printed_and_work(self) -> None:
        for name in ("marta", "omar", "anna"):
            assert f"    {name} " in self.printed
            assert self.client.login(username=name, password=self.password), name
        assert self.password in self.printed

    def test_the_three_reach_what_is_said_of_them(self) -> None:
        marta, omar, anna = (User.objects.get(username=name) for name in ("marta", "omar", "anna"))
        kestrel = Account.objects.get(name="Kestrel Logistics")
        assert (marta.get_full_name(), marta.is_superuser) == ("Marta Oliveira", True)
        assert reaches_of(omar).see == {"accounts": [kestrel.pk], "user": omar.pk}
        assert reaches_of(anna).see == {"accounts": [], "user": anna.pk}
        assert anna.memberships.get().account.name == "Nordlicht Verlag"

    def test_only_one_person_has_rights_beyond_accounts(self) -> None:
        assert User.objects.filter(is_superuser=True).count() == User.objects.filter(is_staff=True).count() == 1
        assert Membership.objects.filter(role=Membership.Role.ADMIN).count() == len(demo_people.ACCOUNTS)

    def test_all_sessions_are_live_and_look_like_those_of_the_engine(self) -> None:
        sessions = Session.objects.live().signed_in().select_related("user", "account", "application")
        assert sessions.count() == 240
        for session in sessions:
            origin, seen = demo.origin_of(session.ip or "", ""), useragent.describe(session.user_agent)
            place = networks.named(origin, session.account_id)
            assert (session.country, session.location) == (place.country, place.location)
            assert session.network == place.network
            assert (session.device, session.browser) == (seen.device, seen.browser)
            for shown in (session.user.username, session.application.name, session.account, session.ip):  # type: ignore[union-attr]
                assert normalise(str(shown or "")) in session.search_text

    def test_newer_ids_were_created_later_within_45_days(self) -> None:
        ids = list(Session.objects.order_by("created_on").values_list("pk", flat=True))
        oldest = Session.objects.earliest("created_on")
        assert ids == sorted(ids)
        assert 20 < (timezone.now() - oldest.created_on).days <= 45

    def test_the_last_activity_lies_between_the_sign_in_and_now(self) -> None:
        assert not Session.objects.filter(last_active_on__lt=F("created_on")).exists()
        assert Session.objects.aggregate(last=Max("last_active_on"))["last"] <= timezone.now()
        assert all(session.last_active_day == session.last_active_on.date() for session in Session.objects.all())

    def test_each_session_has_the_event_of_its_sign_in(self) -> None:
        events = SessionEvent.objects.filter(kind=SessionEvent.Kind.SIGNED_IN, happened_on=F("signed_in_on"))
        told = events.values_list("session_public_id", "signed_in_on", "user_label")
        assert set(told) >= set(Session.objects.values_list("public_id", "created_on", "user__username"))
        assert events.count() == 240 + 48 + sum(habit.number for habit in HABITS.values())

    def test_what_is_unusual_is_found_from_the_page(self) -> None:
        """Ten oddities, each with what its row and its own page say of it."""
        self.client.login(username="marta", password=self.password)
        page = text_of(self.client.get(f"{LIST}?look=yes"))
        for who, label, sentence in UNUSUAL:
            assert f"{who} {label} " in page, who
            assert sentence in page, who

    def test_few_others_need_a_look(self) -> None:
        """A page that cries wolf is not read: of 240 sessions only those of the ten people do."""
        people = set(Session.objects.filter(needs_look=True).values_list("user__username", flat=True))
        assert people == set(HABITS)
        assert Session.objects.filter(needs_look=True).count() == len(UNUSUAL)

    def test_the_others_have_habits(self) -> None:
        """What the engine would have said of their sessions is next to nothing."""
        said = 0
        for user in User.objects.exclude(username__in=HABITS):
            own = [seen(one.created_on, one) for one in Session.objects.filter(user=user).order_by("id")]
            said += sum(len(of_sign_in(one, own[:number][::-1])) for number, one in enumerate(own))
        assert said <= 240 * 0.05

    def test_of_others_it_is_told_what_became_of_them(self) -> None:
        """Each in one of the ways there are, once, after its sign-in; by marta, where it was terminated."""
        ends = SessionEvent.objects.ends().filter(happened_on__gt=F("signed_in_on"), happened_on__lt=timezone.now())
        assert ends.count() == 48 + sum(habit.number for habit in HABITS.values())
        assert set(ends.values_list("kind", flat=True)) == set(SessionEvent.ENDS)
        acts = Termination.objects.filter(actor__username="marta")
        ended = ends.filter(termination_id__in=acts.values("pk"))
        assert ended.count() == sum(acts.values_list("ended", flat=True)) > 0
        assert not Session.objects.filter(public_id__in=ends.values("session_public_id")).exists()

    def test_some_sign_ins_failed(self) -> None:
        failed = SessionEvent.objects.filter(kind=SessionEvent.Kind.SIGN_IN_FAILED)
        assert failed.count() == 288 // demo.FAILED_EACH
        assert failed.filter(user_key="").exists()
        assert failed.exclude(user_key="").exists()

    def test_records_are_in_the_order_of_time(self) -> None:
        others = SessionEvent.objects.sign_ins().exclude(user_label__in=HABITS)
        moments = list(others.order_by("id").values_list("happened_on", flat=True))
        assert moments == sorted(moments)

    def test_a_session_is_in_an_account_of_its_user(self) -> None:
        foreign = Session.objects.exclude(account=None).exclude(account__memberships__user=F("user"))
        assert not foreign.exists()
        assert not Session.objects.filter(account=None, user__memberships__isnull=False).exists()

    def test_there_is_one_of_everything_that_is_awkward_to_show(self) -> None:
        awkward: list[dict[str, Any]] = [
            {"account": None},
            {"ip": None},
            {"ip__contains": "2001:db8:"},
            {"location": "Private network"},
            {"device_kind": "script"},
            {"device_kind": "tablet"},
            {"last_location__gt": "", "country": ""},
            {"user__first_name": "", "user__last_name": ""},
            {"user__username__regex": ".{140}"},
            {"user__first_name__contains": "<"},
            {"account__name__contains": "<&>"},
        ]
        assert [values for values in awkward if not Session.objects.filter(**values).exists()] == []

    def test_the_applications_have_their_names(self) -> None:
        names = {"Session Admin", "Reports", "Portal", "Ledger", "Field Service"}
        assert set(Application.objects.values_list("name", flat=True)) == names
        assert Application.objects.get(name="Session Admin").slug == "console"

    def test_made_up_people_follow_the_cast(self) -> None:
        last = User.objects.latest("pk")
        assert last.username == f"person.{PEOPLE}"
        assert last.memberships.get().role == Membership.Role.MEMBER

    def test_a_second_run_adds_nothing_and_prints_the_sign_ins_again(self) -> None:
        printed = seed_demo(sessions=500)
        assert "Nothing was added" in printed
        assert "marta" in printed
        assert (Session.objects.count(), User.objects.count()) == (240, PEOPLE)

    def test_a_second_run_gives_them_the_password_of_the_file_that_it_prints(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "password"
            file.write_text("a new one\n")
            assert "password a new one" in seed_demo(password_file=file)
        assert self.client.login(username="anna", password="a new one")


class SeedDemoRefusalTests(TestCase):
    def refused(self, **options: Any) -> str:
        with pytest.raises(CommandError) as caught:
            seed_demo(**options)
        assert not Session.objects.exists()
        return str(caught.value)

    @override_settings(PRODUCTION=True)
    def test_production_has_no_demo_people(self) -> None:
        assert "do not belong in production" in self.refused()

    def test_somebody_elses_names_are_not_taken(self) -> None:
        User.objects.create(username="marta")
        assert "Use an empty database" in self.refused()

    def test_an_account_of_somebody_else_is_not_taken(self) -> None:
        Account.objects.create(slug="nordlicht-verlag", name="Ours")
        assert "Use an empty database" in self.refused()

    def test_numbers_must_make_sense(self) -> None:
        assert "--sessions must be 0 or more" in self.refused(sessions=-1)
        assert "--users 3 or more" in self.refused(users=2)

    def test_a_password_file_that_cannot_be_used_is_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            empty = Path(folder) / "empty"
            empty.touch()
            assert f"{empty} is empty" in self.refused(password_file=empty)
            assert "cannot be kept in" in self.refused(password_file=Path(folder) / "nowhere" / "password")


class SeedDemoPasswordTests(TestCase):
    def test_the_file_is_made_for_its_owner_alone(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "password"
            printed = seed_demo(sessions=0, users=3, password_file=file)
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert file.read_text().strip() in printed

    def test_without_a_file_each_database_has_its_own_password(self) -> None:
        printed = seed_demo(sessions=0, users=3)
        password = printed.partition("with the password ")[2].split()[0]
        assert self.client.login(username="omar", password=password)
        assert len(password) >= 12

    def test_it_can_be_silent(self) -> None:
        assert seed_demo(sessions=0, users=3, verbosity=0) == ""

    def test_more_sessions_than_fit_in_a_batch_are_all_there(self) -> None:
        seed_demo(sessions=demo.BATCH + 1, users=3)
        assert Session.objects.count() == demo.BATCH + 1
