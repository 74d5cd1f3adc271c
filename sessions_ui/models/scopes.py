"""What a termination covers: plain values that are stored, signed and compiled into one condition."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q

Conditions = Mapping[str, Any]
Reach = Mapping[str, Any]


class UnreadableScope(Exception):
    """A stored scope holds what this version does not know; neither accepting nor refusing would be right."""


def _all_of(words: list[str]) -> Q:
    return Q(*(Q(search_text__contains=word) for word in words))


CONDITIONS: dict[str, Callable[[Any], Q]] = {
    "everything": lambda _: Q(),
    "sessions": lambda ids: Q(id__in=ids),
    "user": lambda pk: Q(user_id=pk),
    "account": lambda pk: Q(account_id=pk) if pk is not None else Q(account_id__isnull=True),
    "application": lambda pk: Q(application_id=pk),
    "country": lambda code: Q(country=code),
    "device_kind": lambda kind: Q(device_kind=kind),
    "network": lambda network: Q(ip__in_network=network),
    "created_before": lambda instant: Q(created_on__lt=datetime.fromisoformat(instant)),
    "dormant_since": lambda day: Q(last_active_day__lt=date.fromisoformat(day)),
    "words": _all_of,
}
# Values that change while a session lives cannot stand in a condition that later checks repeat.
MOVING = frozenset({"dormant_since"})

REACHES: dict[str, Callable[[Any], Q]] = {
    "all": lambda _: Q(id__gt=0),
    "accounts": lambda pks: Q(account_id__in=pks),
    "user": lambda pk: Q(user_id=pk),
}


def conditions_q(conditions: Conditions) -> Q:
    """Return the Q that all of the conditions make together.

    Raises UnreadableScope when there are none, or one is unknown: a filter
    that falls away silently would end more than was meant.
    """
    if not conditions or not CONDITIONS.keys() >= conditions.keys():
        raise UnreadableScope(f"unknown or no conditions: {sorted(conditions)}")
    return Q(*(CONDITIONS[name](value) for name, value in conditions.items()))


def reach_q(reach: Reach) -> Q:
    """Return the Q of the sessions within any part of the reach; raises UnreadableScope as conditions_q does."""
    if not reach or not REACHES.keys() >= reach.keys():
        raise UnreadableScope(f"unknown or no reach: {sorted(reach)}")
    within = Q()
    for name, value in reach.items():
        within |= REACHES[name](value)
    return within


@dataclass(frozen=True, slots=True)
class Scope:
    """The sessions that meet the conditions, within the reach, up to the cut-off, but for the spared one."""

    conditions: Conditions
    reach: Reach
    cut_off: int
    spared: int | None = None

    @property
    def stands(self) -> bool:
        """Whether a check can be made against it for as long as it is unfinished."""
        return not MOVING & self.conditions.keys()

    def q(self) -> Q:
        """Return the condition that a signed-in session in this scope meets; raises UnreadableScope."""
        covered = Q(id__lte=self.cut_off, user_id__isnull=False)
        covered &= conditions_q(self.conditions) & reach_q(self.reach)
        return covered if self.spared is None else covered & ~Q(id=self.spared)
