"""The limit of parallel sessions: judged at the sign-in, where the sign-ins of one person take turns (R013)."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import router

from . import sign_in_lock
from .ending import end, lock
from .models import Account, Application, Limit, Session, SessionEvent, SessionQuerySet


class TooManySessions(Exception):
    """One more session of this user would be more than a limit allows; the reason is the limit in words."""

    def __init__(self, username: str, reason: str) -> None:
        super().__init__(reason)
        self.username = username


def make_room(
    user: AbstractBaseUser, application: Application, account: Account | None, replaced: SessionQuerySet | None
) -> None:
    """End the oldest sessions of the user, so that one more keeps every limit; raises TooManySessions.

    In the transaction of the sign-in, before it locks any row: whoever held a row here while he
    waits for his turn could be the oldest session that the one before him is about to end. The
    replaced one is not counted, and who takes his own place is never refused.
    """
    using = router.db_for_write(Session)
    limits = Limit.objects.using(using).in_force().speaking_of(application, account)
    parallel = list(limits.filter(parallel__isnull=False))
    if not parallel:
        return
    sign_in_lock.take_turns(user.pk, using)
    of_user = Session.objects.using(using).filter(user_id=user.pk)
    own = [] if replaced is None else list(replaced.filter(user_id=user.pk).values_list("pk", flat=True))
    for limit in parallel:
        others = of_user.filter(limit.of_sessions).exclude(pk__in=own)
        most = limit.parallel or 0
        # Most have room even if all of their rows were live, and nothing more is asked.
        if others.order_by().count() < most:
            continue
        oldest_first = list(others.live().order_by("id").values_list("pk", flat=True))
        too_many = oldest_first[: max(0, len(oldest_first) + 1 - most)]
        if too_many and limit.at_limit == Limit.AtLimit.END_OLDEST:
            locked = lock(of_user.filter(pk__in=too_many))
            end(using, locked, SessionEvent.Kind.TERMINATED, reason=limit.of_parallel)
        elif too_many and not own:
            raise TooManySessions(user.get_username(), limit.of_parallel)
