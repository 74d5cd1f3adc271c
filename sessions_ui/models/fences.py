from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db.models import Exists, Q

from .conditions import any_of
from .limits import Limit, past
from .scopes import Reach, reach_branches
from .terminations import Termination


@dataclass(frozen=True, slots=True)
class Fence:
    """The unfinished terminations and the limits as they were read once, and the conditions of what they refuse.

    They are known by their public ids: SQLite gives the id of a rolled-back row again.
    """

    known: frozenset[uuid.UUID]
    covered: Q | None
    # Where "everything" was ended: up to this id only these sessions can be live.
    floor: int = 0
    spared: frozenset[int] = frozenset()
    limits: tuple[Limit, ...] = ()

    @classmethod
    def read(cls, using: str | None = None, before: Termination | None = None) -> Fence:
        """Read both, or only the unfinished terminations before this one; raises UnreadableScope."""
        unfinished = Termination.objects.using(using).unfinished()
        if before is not None:
            unfinished = unfinished.filter(id__lt=before.pk)
        limits = tuple(Limit.objects.using(using).binding()) if before is None else ()
        covered = Q()
        scopes = [termination.scope for termination in unfinished if termination.scope.stands]
        for scope in scopes:
            covered |= scope.q()
        whole = [scope for scope in scopes if scope.is_everything]
        return cls(
            frozenset(one.public_id for one in (*unfinished, *limits)),
            covered or None,
            max((scope.cut_off for scope in whole), default=0),
            frozenset(scope.spared for scope in whole if scope.spared is not None),
            limits,
        )

    @property
    def refused(self) -> Q | None:
        """The condition of what is covered by a termination or has passed a limit."""
        ended = [condition for condition in (self.covered, past(self.limits)) if condition is not None]
        return any_of(ended) if ended else None

    def branches(self, reach: Reach) -> list[Q]:
        """Return the parts of the reach, cut off where nothing can be live: a list would walk past a million rows."""
        above = reach_branches(reach, self.floor)
        if not self.spared:
            return above
        return above + [branch & Q(id__in=sorted(self.spared)) for branch in reach_branches(reach)]

    @property
    def complete(self) -> Q:
        """The condition that no termination has begun and no limit was set or removed since this was read."""
        begun_since = Termination.objects.unfinished().exclude(public_id__in=self.known).order_by()
        set_since = Limit.objects.binding().exclude(public_id__in=self.known).order_by()
        return ~Q(Exists(begun_since)) & ~Q(Exists(set_since))
