"""The worker counts sign-ins and ends by day, for the overview."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db.models import Sum

from sessions_ui import day_counts
from sessions_ui.models import Account, DayCount, SessionEvent
from sessions_ui.models.day_counts import ALL_ACCOUNTS, NO_ACCOUNT
from sessions_ui.models.reaches import ALL
from sessions_ui.pacing import Pace

Kind = SessionEvent.Kind


def happened(days_ago: int, kind: str = Kind.SIGNED_IN, account: int | None = None) -> None:
    noon = datetime.combine(day_counts.today() - timedelta(days=days_ago), time(12), UTC)
    SessionEvent.objects.create(kind=kind, happened_on=noon, account_id=account, application_id=1)


def counted() -> dict[tuple[date, int, str], int]:
    day_counts.count("default", Pace.of("default"))
    found = DayCount.objects.values_list("day", "account_id", "kind").annotate(number=Sum("number"))
    return {(day, account, kind): number for day, account, kind, number in found}


@pytest.mark.django_db
class DayCountTests:
    def test_by_day_account_and_kind(self) -> None:
        happened(0, account=7)
        happened(0, account=7)
        happened(0)
        happened(1, Kind.TERMINATED, account=7)
        happened(1, Kind.SIGN_IN_FAILED)
        today = day_counts.today()
        assert counted() == {
            (today, 7, "signed_in"): 2,
            (today, NO_ACCOUNT, "signed_in"): 1,
            (today, ALL_ACCOUNTS, "signed_in"): 3,
            (today - timedelta(days=1), 7, "terminated"): 1,
            (today - timedelta(days=1), ALL_ACCOUNTS, "terminated"): 1,
        }

    def test_today_is_counted_again(self) -> None:
        happened(0)
        counted()
        happened(0)
        assert counted()[day_counts.today(), ALL_ACCOUNTS, "signed_in"] == 2

    def test_a_day_that_is_over_is_counted_once(self) -> None:
        happened(5)
        before = counted()
        happened(5)
        assert counted() == before

    def test_days_that_are_no_longer_shown_are_forgotten(self) -> None:
        DayCount.objects.create(
            day=day_counts.today() - timedelta(days=31), account_id=7, application_id=1, kind="signed_in", number=1
        )
        assert counted() == {}

    def test_are_within_the_reach(self, acme: Account) -> None:
        happened(0, account=acme.pk)
        happened(0)
        counted()
        limited = {"accounts": [acme.pk], "user": 1}
        assert [count.number for count in DayCount.objects.within(ALL)] == [2]
        assert [count.number for count in DayCount.objects.within(limited)] == [1]
        assert not DayCount.objects.within({"accounts": [], "user": 1}).exists()
