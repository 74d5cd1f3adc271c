"""What a termination covers: plain values that are stored, signed and compiled into one condition."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from ipaddress import ip_network
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q

from .conditions import SIGNED_IN, any_of
from .functions import Instant
from .search_text import beginning, whole

Conditions = Mapping[str, Any]
Reach = Mapping[str, Any]


class UnreadableScope(Exception):
    """A stored scope holds what this version does not know; neither accepting nor refusing would be right."""


def _a(kind: type, value: Any) -> Any:
    """Return the value if it is of this kind; raises TypeError.

    Conversion would read what a later version may store, say a list, as something else.
    """
    if type(value) is not kind:
        raise TypeError
    return value


def _each(kind: type, values: Any) -> list[Any]:
    return [_a(kind, value) for value in _a(list, values)]


def _some(kind: type, values: Any) -> list[Any]:
    """Return the values, of which there must be one: none would be no condition at all."""
    if not values:
        raise ValueError
    return _each(kind, values)


def _user(pk: Any) -> Q:
    if pk is None or isinstance(pk, list | dict | bool):
        raise TypeError
    return Q(user_id=get_user_model()._meta.pk.to_python(pk))


def _account(pk: int | None) -> Q:
    return Q(account_id__isnull=True) if pk is None else Q(account_id=_a(int, pk))


def _instant(text: str) -> Instant:
    moment = datetime.fromisoformat(_a(str, text))
    if moment.tzinfo is None:
        raise ValueError
    return Instant(moment)


def _begins(part: str, text: str) -> Q:
    return Q(search_text__contains=beginning(part, _a(str, text)))


def _everything(said: bool) -> Q:
    if said is not True:
        raise ValueError
    return Q(id__isnull=False)


def _all_above(above: int, said: bool) -> Q:
    """Return a range of ids: without one SQLite walks past the rows of visitors as well."""
    return _everything(said) and Q(id__gt=above)


# Parts of the search text that are sought by how they begin.
BEGINNINGS = ("location", "device", "browser", "os")
CONDITIONS: dict[str, Callable[[Any], Q]] = {
    "everything": _everything,
    "sessions": lambda pks: Q(id__in=_each(int, pks)),
    "user": _user,
    "account": _account,
    "application": lambda pk: Q(application_id=_a(int, pk)),
    "country": lambda code: Q(country=_a(str, code)),
    "device_kind": lambda kind: Q(device_kind=_a(str, kind)),
    "network": lambda network: Q(ip__in_network=str(ip_network(_a(str, network)))),
    "created_before": lambda text: Q(created_on__lt=_instant(text)),
    "created_after": lambda text: Q(created_on__gte=_instant(text)),
    "dormant_since": lambda day: Q(last_active_day__lt=date.fromisoformat(_a(str, day))),
    "needs_look": lambda said: Q(needs_look=_a(bool, said)),
    "words": lambda words: Q(*(Q(search_text__contains=word) for word in _some(str, words))),
    "any_word": lambda words: any_of(Q(search_text__contains=word) for word in _some(str, words)),
    **{part: partial(_begins, part) for part in BEGINNINGS},
    "all_of": lambda several: Q(*(conditions_q(one) for one in _some(dict, several))),
    "any_of": lambda several: any_of(conditions_q(one) for one in _some(dict, several)),
    "none_of": lambda several: Q(*(~conditions_q(one) for one in _some(dict, several))),
}
# A session that does not meet these now never will: the others read what is renamed, or moves.
FIXED = frozenset(
    {
        *("everything", "sessions", "user", "account", "application", "device_kind", "network"),
        *("created_before", "created_after", "all_of", "any_of", "none_of"),
    }
)
# Values that change while a session lives cannot stand in a condition that later checks repeat.
MOVING = frozenset({"dormant_since", "needs_look"})

# Columns whose value is a whole part of the search text.
WHOLE = {"country": "country_code", "device_kind": "device_kind"}

REACHES: dict[str, Callable[[Any], Q]] = {
    "all": partial(_all_above, 0),
    "accounts": lambda pks: Q(account_id__in=_each(int, pks)),
    "user": _user,
}


def _read(parts: Mapping[str, Any], known: dict[str, Callable[[Any], Q]]) -> list[Q]:
    """Return the Q of each part.

    Raises UnreadableScope where there are none, or one is unknown or unreadable:
    a part that falls away silently would end more than was meant.
    """
    try:
        if not parts or not known.keys() >= parts.keys():
            raise UnreadableScope(f"Unknown or empty: {parts!r}")
        return [known[name](value) for name, value in parts.items()]
    except (AttributeError, TypeError, ValueError, ValidationError) as error:
        raise UnreadableScope(f"Unreadable: {parts!r}") from error


def conditions_q(conditions: Conditions) -> Q:
    """Return the Q that all of the conditions make together; raises UnreadableScope."""
    return Q(*_read(conditions, CONDITIONS))


def reach_q(reach: Reach) -> Q:
    """Return the Q of the sessions within any part of the reach; raises UnreadableScope."""
    return any_of(_read(reach, REACHES))


def reach_branches(reach: Reach, above: int = 0) -> list[Q]:
    """Return the parts of the reach above this id, each of which an index holds in the order of the ids.

    None of them says twice from which id: SQLite takes the first for the narrower
    one, and walks. Raises UnreadableScope.
    """
    parts: list[Reach] = [{"accounts": [pk]} for pk in reach.get("accounts", [])]
    parts += [{"user": reach["user"]}] if "user" in reach else []
    branches = [reach_q(part) & Q(id__gt=above) if above else reach_q(part) for part in parts]
    return branches + _read({"all": reach["all"]}, {"all": partial(_all_above, above)}) if "all" in reach else branches


def is_range_of_ids(branch: Q) -> bool:
    """Return whether the part of a reach keeps every row, but for those below an id."""
    lookups: list[Any] = branch.children
    return all(not isinstance(one, Q) and one[0].partition("__")[0] == "id" for one in lookups)


def names_within(conditions: Conditions) -> set[str]:
    """Return the names of the conditions and of those within them."""
    within = [one for name in ("all_of", "any_of", "none_of") for one in conditions.get(name, [])]
    return set(conditions).union(*map(names_within, within))


def moving(conditions: Conditions) -> frozenset[str]:
    """Return the names of those conditions that a session may cease to meet while it lives."""
    return MOVING & names_within(conditions)


def substrings(conditions: Conditions, *, with_columns: bool = True) -> list[list[str]]:
    """Return what the search text of every session holds that meets the conditions: of each list one.

    It follows from the conditions and says less than they do: an index may narrow by it, and no more.
    With columns, where the search text was written with marks.
    """
    found = [[word] for word in conditions.get("words", [])]
    found += [conditions["any_word"]] if "any_word" in conditions else []
    found += [[beginning(part, conditions[part])] for part in BEGINNINGS if part in conditions]
    if with_columns:
        found += [[whole(part, conditions[name])] for name, part in WHOLE.items() if name in conditions]
    within = conditions.get("all_of", [])
    return found + [one for part in within for one in substrings(part, with_columns=with_columns)]


@dataclass(frozen=True, slots=True)
class Scope:
    """The sessions that meet the conditions, within the reach, up to the cut-off, but for the spared one."""

    conditions: Conditions
    reach: Reach
    cut_off: int
    spared: int | None = None

    @property
    def stands(self) -> bool:
        """Whether a check can be made against it for as long as it is unfinished; raises UnreadableScope."""
        conditions_q(self.conditions)
        return not moving(self.conditions)

    @property
    def may_grow(self) -> bool:
        """Whether a session that it does not cover may come to be covered, say by a rename."""
        return not names_within(self.conditions) <= FIXED

    @property
    def is_everything(self) -> bool:
        """Whether it covers every signed-in session up to the cut-off but for the spared one."""
        return set(self.conditions) == {"everything"} and "all" in self.reach

    @property
    def bounds(self) -> Q:
        """Within what the conditions are asked; raises UnreadableScope."""
        within = Q(id__lte=self.cut_off) & SIGNED_IN & reach_q(self.reach)
        return within if self.spared is None else within & ~Q(id=self.spared)

    def q(self) -> Q:
        """Return the condition that a signed-in session in this scope meets; raises UnreadableScope."""
        return self.bounds & conditions_q(self.conditions)
