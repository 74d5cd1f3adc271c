"""The walk that removes what has passed a limit: refused already, it only waits to be written down and tidied away."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Max

from .ending import end, lock
from .models import Limit, Session, SessionEvent
from .models.limits import past


@dataclass
class Walk:
    """One walk over all sessions in the order of their ids; it goes on where its last step stopped.

    No index holds the last activity: each request that notes it would have to write there as well.
    """

    using: str
    ended: int = 0
    above: int = 0
    removed_before: list[int] = field(default_factory=list)
    passed_by: bool = False

    @classmethod
    def begin(cls, using: str) -> Walk:
        removed = Limit.objects.using(using).binding().filter(removed_on__isnull=False)
        return cls(using, removed_before=list(removed.values_list("pk", flat=True)))

    def step(self, rows: int) -> bool:
        """End what has passed a limit among the next so many sessions; return whether there may be more of them."""
        passed = past(Limit.objects.using(self.using).binding())
        sessions = Session.objects.using(self.using).filter(id__gt=self.above)
        last = sessions.order_by("id").values("pk")[:rows].aggregate(last=Max("pk"))["last"] if passed else None
        if passed is None or last is None:
            self._finish()
            return False
        # Looked for without a lock: most steps find nothing, and SQLite has one writer at a time.
        if found := list(sessions.filter(passed, id__lte=last).values_list("pk", flat=True)):
            self._end(found)
        self.above = last
        return True

    def _end(self, found: list[int]) -> None:
        with transaction.atomic(self.using):
            locked = lock(Session.objects.using(self.using).filter(pk__in=found), skip_locked=True)
            end(self.using, locked._replace(unexpired=[]), SessionEvent.Kind.EXPIRED)
        self.ended += sum(map(len, locked.expired.values()))
        self.passed_by |= len(locked.ids) < len(found)

    def _finish(self) -> None:
        """Let go of the limits that were removed before it began, unless a session that one had ended was held."""
        if self.removed_before and not self.passed_by:
            Limit.objects.using(self.using).filter(pk__in=self.removed_before).update(is_swept=True)
