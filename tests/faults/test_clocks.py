"""Processes whose clocks are a day off decide as everybody else: the database's clock counts (F26)."""

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F

from sessions_ui.models import Beat, Limit, Session
from tests.engine.browser import Browser
from tests.engine.endings import begun
from tests.test_reports import database_address, environment

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86_400


def decisions(seconds: int, keys: list[str]) -> Any:
    own = environment(
        DATABASE_URL=database_address(), DJANGO_SETTINGS_MODULE="tests.settings", SECRET_KEY=settings.SECRET_KEY
    )
    command = [sys.executable, "-m", "tests.faults.decisions", str(seconds), *keys]
    return json.loads(subprocess.run(command, env=own, stdout=subprocess.PIPE, text=True, check=True).stdout)


def test_that_are_a_day_off_change_no_decision(anna: User) -> None:
    browsers = [Browser().sign_in(anna) for _ in range(6)]
    live, expired, covered, idle, dormant, limited = (browser.row.pk for browser in browsers)
    Session.objects.filter(pk=expired).update(expire_date=F("created_on"))
    Session.objects.filter(pk=idle).update(last_active_on=F("created_on") - (F("expire_date") - F("created_on")))
    Session.objects.filter(pk=limited).update(created_on=F("created_on") - timedelta(days=3))
    Limit.objects.create(idle=1_440, lifetime=2 * 1_440)
    begun({"sessions": [covered]})
    Beat.objects.give()
    keys = [browser.key for browser in browsers]
    right = decisions(0, keys)
    assert right["accepted"] == [True, False, False, True, True, False]
    assert right["touch is due"] == [False, False, False, True, False, False]
    assert right["live"] == [live, idle, dormant]
    assert right["left"] == [live, idle, dormant]
    assert right["tidied"] == [1, 0, 2, 0]
    assert [decisions(seconds, keys) for seconds in (DAY, -DAY)] == [right, right]
