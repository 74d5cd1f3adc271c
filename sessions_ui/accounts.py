"""The account of a sign-in; SESSION_ACCOUNT names the function that decides it."""

from functools import cache

from django.contrib.auth.models import AbstractBaseUser
from django.db import router
from django.http import HttpRequest

from .models import Account
from .models.statements import Select, Slot


def only_membership(request: HttpRequest | None, user: AbstractBaseUser) -> Account | None:
    """Return the account chosen on the sign-in page, else the user's only one, else none.

    A chosen account counts only while the user is a member of it.
    """
    accounts: list[Account] = _select_two(router.db_for_read(Account)).instances(user=user.pk)
    chosen: Account | None = getattr(request, "sign_in_account", None)
    if chosen is not None:
        return Account.objects.filter(memberships__user_id=user.pk, pk=chosen.pk).first()
    return accounts[0] if len(accounts) == 1 else None


@cache
def _select_two(using: str) -> Select:
    of_user = Account.objects.using(using).filter(memberships__user_id=Slot("user"))
    return Select(of_user.values_list("id", "name", "slug")[:2])
