"""Saved views: the filters under a name, read by the filter itself when they are stored and when they are opened."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict

from .choice_fields import AccountField
from .filters import LoginRecordFilter, SessionFilter
from .models import Account, SavedView
from .models.reaches import Reaches
from .models.scopes import Reach

MOST_PER_OWNER = 50
LONGEST_QUERY = 2_000
FILTERS = {SavedView.Of.SESSIONS: SessionFilter, SavedView.Of.LOGIN_RECORDS: LoginRecordFilter}
PRIVATE, ADMINISTRATORS, ALL_WHO_SEE_ALL = "private", "administrators", "all"


def filter_of(of: str, query: str, reach: Reach) -> SessionFilter:
    """Return the filter of this list, which has read the parameters."""
    wanted = FILTERS[SavedView.Of(of)](QueryDict(query), reach)
    wanted.is_valid()
    return wanted


def cleaned(wanted: SessionFilter) -> str:
    """Return the parameters that the filter has understood, in its own order."""
    return urlencode({name: wanted.params[name] for name in wanted.fields if name in wanted.criteria})


class SavedViewForm(forms.Form):
    """How a view is called and who finds it; the choices are those of its owner."""

    name = forms.CharField(
        max_length=80,
        label="Name",
        error_messages={"required": "Give the view a name.", "max_length": "Use 80 characters at most."},
    )
    share = forms.ChoiceField(
        label="Who finds it", error_messages={"invalid_choice": "Choose one of those listed."}, required=False
    )
    account = AccountField(
        suggested_by="view-accounts",
        required=False,
        help_text="Whose administrators find it. The name or slug of one of yours.",
    )

    def __init__(self, view: SavedView, reaches: Reaches, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"name": view.name, "share": share_of(view)}, label_suffix="")
        self.view = view
        choice: Any = self.fields["share"]
        choice.choices = [(PRIVATE, "Only me"), *_shares(reaches)]
        account: Any = self.fields["account"]
        account.offer(accounts_shared_with(reaches))
        if view.account:
            self.initial["account"] = view.account
        if not reaches.end.get("accounts"):
            del self.fields["account"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        SavedView._meta.get_field("name").run_validators(name)
        others = SavedView.objects.filter(owner_id=self.view.owner_id, name=name).exclude(pk=self.view.pk)
        if others.exists():
            raise ValidationError(f"You have a view called “{name}” already. Choose another name, or rename that one.")
        return name

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("share") == ADMINISTRATORS and self.cleaned_data.get("account", "") is None:
            self.add_error("account", "Name the account whose administrators find the view.")
        if self.view.pk is None:
            if SavedView.objects.filter(owner_id=self.view.owner_id).count() >= MOST_PER_OWNER:
                raise ValidationError(f"You have {MOST_PER_OWNER} views, which is the most. Remove one of them first.")
            if len(self.view.query) > LONGEST_QUERY:
                raise ValidationError("This filter is too long to be saved. Shorten what is searched for.")
        return self.cleaned_data

    def save(self) -> SavedView:
        """Store the view under the name, shared as chosen."""
        share = self.cleaned_data["share"] or PRIVATE
        self.view.name = self.cleaned_data["name"]
        self.view.shared = share != PRIVATE
        self.view.account = self.cleaned_data["account"] if share == ADMINISTRATORS else None
        self.view.save()
        return self.view


def share_of(view: SavedView) -> str:
    """Return the choice that says with whom the view is shared."""
    if not view.shared:
        return PRIVATE
    return ALL_WHO_SEE_ALL if view.account_id is None else ADMINISTRATORS


def _shares(reaches: Reaches) -> list[tuple[str, str]]:
    """Return with whom somebody may share: within his reach, and no further."""
    of_all = [(ALL_WHO_SEE_ALL, "All who see every session")] if "all" in reaches.see else []
    of_account = [(ADMINISTRATORS, "The administrators of an account")] if reaches.end.get("accounts") else []
    return [*of_all, *of_account]


def accounts_shared_with(reaches: Reaches) -> QuerySet[Account]:
    """Return the accounts with whose administrators somebody may share: those that he administers himself."""
    return Account.objects.filter(pk__in=reaches.end.get("accounts", []))
