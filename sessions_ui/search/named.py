"""Whose rows a word names: those of an application or an account are in an index in the order of the list."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q, Value

from sessions_ui.models import Account, Application


def named(words: Sequence[str], using: str) -> list[Q]:
    """Return a condition for each application and account whose slug is one of the words."""
    applications = Application.objects.using(using).filter(slug__in=words).order_by()
    accounts = Account.objects.using(using).filter(slug__in=words).order_by()
    found = applications.values_list(Value("application_id"), "pk").union(
        accounts.values_list(Value("account_id"), "pk")
    )
    return [Q((column, pk)) for column, pk in found] if words else []
