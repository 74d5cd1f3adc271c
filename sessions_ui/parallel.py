"""The limit of parallel sessions: judged at the sign-in, where the sign-ins of one person take turns (R013)."""

from functools import cache
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import router
from django.db.models import F, Func, IntegerField

from . import sign_in_lock
from .ending import end, lock
from .models import Account, Application, Limit, Session, SessionEvent, SessionQuerySet
from .models.statements import Select, Slot

# What is read of a limit.
OF_LIMIT = ["id", "application_id", "account_id", "parallel", "at_limit"]


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
    limits = _limits(application, account, using)
    if not limits:
        return
    sign_in_lock.take_turns(user.pk, using)
    of_user = Session.objects.using(using).filter(user_id=user.pk)
    own = [] if replaced is None else list(replaced.filter(user_id=user.pk).values_list("pk", flat=True))
    for limit in limits:
        most = limit.parallel or 0
        # Most have room even if all of their rows were live, and nothing more is asked.
        if _number_of(user.pk, limit, using) - len(own) < most:
            continue
        others = _within(of_user, limit.application_id, limit.account_id).exclude(pk__in=own)
        oldest_first = list(others.live().order_by("id").values_list("pk", flat=True))
        too_many = oldest_first[: max(0, len(oldest_first) + 1 - most)]
        if too_many and limit.at_limit == Limit.AtLimit.END_OLDEST:
            locked = lock(of_user.filter(pk__in=too_many))
            end(using, locked, SessionEvent.Kind.TERMINATED, reason=limit.of_parallel)
        elif too_many and not own:
            raise TooManySessions(user.get_username(), limit.of_parallel)


def _limits(application: Application, account: Account | None, using: str) -> list[Limit]:
    """Return the limits of parallel sessions that speak of this application and account."""
    return _select_limits(using).instances(application=application.pk, account=account.pk if account else None)


@cache
def _select_limits(using: str) -> Select:
    speaking = Limit.objects.using(using).in_force().speaking_of(Slot("application"), Slot("account"))
    return Select(speaking.filter(parallel__isnull=False).values_list(*OF_LIMIT))


def _within(of_user: SessionQuerySet, application: Any, account: Any) -> SessionQuerySet:
    """Keep those of the application and the account, where they are given, by looking at each of the user's.

    SQLite would take the index of the account, which may hold a million sessions, at each sign-in.
    """
    rows = of_user.alias(its_application=F("application_id") + 0, its_account=F("account_id") + 0)
    given = {"its_application": application, "its_account": account}
    return rows.filter(**{name: value for name, value in given.items() if value is not None})


def _number_of(user_pk: Any, limit: Limit, using: str) -> int:
    """Return how many rows the user has of which the limit speaks."""
    number = _select_number(using, limit.application_id is not None, limit.account_id is not None)
    return int(number.rows(user=user_pk, application=limit.application_id, account=limit.account_id)[0][0])


@cache
def _select_number(using: str, of_application: bool, of_account: bool) -> Select:
    of_user = Session.objects.using(using).filter(user=Slot("user")).order_by()
    rows = _within(of_user, Slot("application") if of_application else None, Slot("account") if of_account else None)
    number = Func(template="COUNT(*)", output_field=IntegerField())
    return Select(rows.values_list(number))
