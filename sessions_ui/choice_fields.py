"""Fields of forms in which an account or an application is chosen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.urls import reverse_lazy

from .criteria import read_account_within
from .models import Account
from .models.plain_text import plainly


class NamedChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Choose one by its slug; names are shown with what cannot be seen written out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, to_field_name="slug", **kwargs)

    def label_from_instance(self, obj: Model) -> str:
        return plainly(str(obj))

    def to_python(self, value: Any) -> Any:
        # No database is asked for what none could hold.
        return super().to_python(str(value or "").strip().replace("\0", ""))


class AccountField(forms.CharField):
    """Name one of the accounts by its slug or name; with a script, those that begin so are suggested.

    A list of all would be as long as the company has accounts. The form says which
    may be named; `suggested_by` is the URL that suggests the same ones, where there is one.
    """

    accounts: QuerySet[Account]

    def __init__(self, suggested_by: str = "", **options: Any) -> None:
        picker: dict[str, Any] = {"autocomplete": "off"}
        if suggested_by:
            picker |= {
                "list": "accounts",
                "data-hx-get": reverse_lazy(suggested_by),
                "data-hx-trigger": "input changed delay:200ms",
                "data-hx-target": "#accounts",
                "data-hx-swap": "innerHTML",
            }
        super().__init__(max_length=200, widget=forms.TextInput(picker), **options)

    def prepare_value(self, value: Any) -> Any:
        return value.slug if isinstance(value, Account) else value

    def to_python(self, value: Any) -> str:
        return str(super().to_python(str(value or "").replace("\0", "")))

    def clean(self, value: Any) -> Account | None:
        text = super().clean(value)
        return read_account_within(self.accounts, text) if text else None

    def offer(self, accounts: QuerySet[Account]) -> None:
        """Let one of these be named; where there is only one, it stands there already."""
        self.accounts, found = accounts, accounts[:2]
        self.initial = found[0] if len(found) == 1 else None
