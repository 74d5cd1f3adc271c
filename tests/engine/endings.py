"""Terminations for the engine's tests: whole ones, and ones that have only begun."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Max

from sessions_ui import services, sign_in_lock
from sessions_ui.models import Session, SessionEvent, Termination
from sessions_ui.models.events import retention
from sessions_ui.models.scopes import Conditions, Reach, Scope

EVERYTHING: Conditions = {"everything": True}
USING = DEFAULT_DB_ALIAS


def scope(conditions: Conditions = EVERYTHING, reach: Reach | None = None, **values: Any) -> Scope:
    """Return a scope with the cut-off of this moment and, unless given, the widest reach."""
    values.setdefault("cut_off", Session.objects.aggregate(newest=Max("id"))["newest"] or 0)
    return Scope(conditions, reach or {"all": True}, **values)


def begun(conditions: Conditions = EVERYTHING, reach: Reach | None = None, **values: Any) -> Termination:
    """Insert a termination and sweep nothing, as if its process had died after the commit."""
    of = scope(conditions, reach, **values)
    return Termination.objects.create(
        conditions=of.conditions, reach=of.reach, cut_off=of.cut_off, spared=of.spared, reason="by hand"
    )


def forget_all() -> None:
    """Remove every session, and what is written of any, so that a test can begin again."""
    with retention(USING):
        for model in (Session, SessionEvent, Termination):
            model._default_manager.all().delete()


def terminate(conditions: Conditions = EVERYTHING, reach: Reach | None = None, **values: Any) -> Termination:
    """End what the conditions cover now, as the pages do."""
    values.setdefault("cut_off", sign_in_lock.cut_off(USING))
    return services.terminate(scope(conditions, reach, **values), None)
