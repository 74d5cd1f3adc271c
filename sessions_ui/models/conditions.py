"""Conditions on sessions that are asked in many places."""

from collections.abc import Iterable

from django.db.models import Q

SIGNED_IN = Q(user_id__isnull=False)


def any_of(conditions: Iterable[Q]) -> Q:
    """Return the condition that any of these is met; of none, everything meets it."""
    return Q(*conditions, _connector=Q.OR)
