"""Who reaches which sessions, accounts and users: the one place that decides it."""

from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet

from .accounts import Account, Membership
from .limits import Limit, LimitQuerySet
from .scopes import Reach

SEE = "sessions_ui.view_session"
END = "sessions_ui.delete_session"
LIMIT = "sessions_ui.change_limit"
ALL: Reach = {"all": True}


class Reaches(NamedTuple):
    """What somebody may see and what he may end at one moment."""

    see: Reach
    end: Reach

    @property
    def sees_all(self) -> bool:
        """Whether he sees every session."""
        return self.see == ALL

    @property
    def administers(self) -> bool:
        """Whether this goes beyond one's own sessions."""
        return self.sees_all or bool(self.see["accounts"])

    @property
    def keeps_networks(self) -> bool:
        """Whether he names networks: for all sessions, or for those in accounts that he administers."""
        return self.end == ALL or bool(self.end["accounts"])

    def may_name_network_of(self, session: Any) -> bool:
        """Whether he may name the network that the session comes from."""
        return self.end == ALL or session.account_id in self.end["accounts"]

    def may_end(self, session: Any) -> bool:
        """Whether the session is within what he may end."""
        return self.end == ALL or session.account_id in self.end["accounts"] or session.user_id == self.end["user"]


def reaches_of(user: Any) -> Reaches:
    """Return what the user reaches now: superusers and holders of the model permissions everything,
    an account's administrators the sessions in that account, everybody his own.
    """
    sees = user.has_perm(SEE)
    # What somebody may not see he cannot mean.
    ends = sees and user.has_perm(END)
    if ends:
        return Reaches(ALL, ALL)
    administered = Membership.objects.filter(user_id=user.pk, role=Membership.Role.ADMIN)
    limited = {"accounts": sorted(administered.values_list("account_id", flat=True)), "user": user.pk}
    return Reaches(ALL if sees else limited, limited)


def _has_session(of_one: dict[str, Any]) -> Exists:
    return Exists(apps.get_model("sessions_ui", "Session")._default_manager.filter(**of_one))


def accounts_within(reach: Reach) -> QuerySet[Account]:
    """Return the accounts that may be named: all, or the administered ones and one's own."""
    if reach == ALL:
        return Account.objects.all()
    of_one = {"account": OuterRef("pk"), "user": reach["user"]}
    named = Q(pk__in=reach["accounts"]) | Exists(Membership.objects.filter(**of_one))
    return Account.objects.filter(named | _has_session(of_one))


def accounts_administered(reach: Reach) -> QuerySet[Account]:
    """Return the accounts whose sessions are all within the reach."""
    return Account.objects.all() if reach == ALL else Account.objects.filter(pk__in=reach["accounts"])


def users_within(reach: Reach) -> QuerySet[Any]:
    """Return the users that may be named: all, or the people of the administered accounts and oneself."""
    users = get_user_model()._default_manager.all()
    if reach == ALL:
        return users
    # A join would be as long as the list of their sessions.
    of_one = {"user": OuterRef("pk"), "account__in": reach["accounts"]}
    named = Q(pk=reach["user"]) | Exists(Membership.objects.filter(**of_one))
    return users.filter(named | _has_session(of_one))


def sets_all_limits(user: Any) -> bool:
    """Whether the user may set limits for every account: a superuser, or a holder of the model permission."""
    return bool(user.has_perm(LIMIT))


def accounts_limited_by(user: Any) -> QuerySet[Account]:
    """Return the accounts for which the user may set limits: all, or those that he administers."""
    if sets_all_limits(user):
        return Account.objects.all()
    administers = Membership.objects.filter(user_id=user.pk, role=Membership.Role.ADMIN)
    return Account.objects.filter(pk__in=administers.values("account"))


def limits_set_by(user: Any) -> LimitQuerySet:
    """Return the limits that the user may change or remove."""
    in_force = Limit.objects.in_force()
    return in_force if sets_all_limits(user) else in_force.filter(account__in=accounts_limited_by(user))


def limits_visible_to(user: Any) -> LimitQuerySet:
    """Return the limits, removed ones as well, of sessions that the user sees: all, or those for everybody and his."""
    if sets_all_limits(user) or user.has_perm(SEE):
        return Limit.objects.all()
    own = Exists(Membership.objects.filter(user_id=user.pk, account=OuterRef("account")))
    return Limit.objects.filter(Q(account=None) | own)
