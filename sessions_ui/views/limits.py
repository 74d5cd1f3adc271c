"""How long sessions may last and how many one person may have: what holds, and setting and removing it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from sessions_ui.access import SignedInRequest, own_id
from sessions_ui.choice_fields import AccountField, NamedChoiceField
from sessions_ui.limits import MOST, GoneMeanwhile, number_passed, passed, set_limit
from sessions_ui.limits import remove as remove_limit
from sessions_ui.models import Application, Limit
from sessions_ui.models.limits import SHIPPED, in_words
from sessions_ui.models.plain_text import refuse_unseen
from sessions_ui.models.reaches import accounts_limited_by, limits_set_by, limits_visible_to, sets_all_limits

EARLIER = 20
SPAN = re.compile(r"(\d{1,6}) ?(?:(m|min|minutes?)|(h|hours?)|(d|days?))", re.IGNORECASE)
MINUTES = (1, 60, 1_440)
GONE = "Somebody else has changed or removed this limit meanwhile. Nothing was changed; look again."


class SpanField(forms.Field):
    """A length of time in words, as minutes; between `least` and `most` of them."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.least, self.most = least, most

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        if not text:
            return None
        read = SPAN.fullmatch(text)
        if read is None:
            raise ValidationError(f"“{text[:20]}” is no length of time; write it as 15 minutes, 12 hours or 30 days.")
        number, *units = read.groups()
        minutes = int(number) * next(size for size, unit in zip(MINUTES, units, strict=True) if unit)
        if not self.least <= minutes <= self.most:
            raise ValidationError(f"Choose {in_words(self.least)} at least and {in_words(self.most)} at most.")
        return minutes

    def prepare_value(self, value: Any) -> Any:
        return in_words(value) if isinstance(value, int) else value


class LimitForm(forms.Form):
    application = NamedChoiceField(Application.objects.all(), required=False, empty_label="Every application")
    account = AccountField(
        suggested_by="limit-accounts", required=False, help_text="Its name or slug. Empty for every account."
    )
    # Activity is noted once a minute: shorter ones would be mostly that.
    idle = SpanField(5, 1_440 * 90, label="Ends when idle for", help_text="Such as 15 minutes. Empty for no limit.")
    lifetime = SpanField(
        10, 1_440 * 400, label="Ends at the latest after", help_text="Such as 12 hours. Empty for no limit."
    )
    parallel = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1_000,
        label="Parallel sessions of one person",
        help_text="Such as 5, counted together over all that this limit covers. Empty for no limit.",
    )
    at_limit = forms.ChoiceField(choices=Limit.AtLimit, widget=forms.RadioSelect, initial=Limit.AtLimit.END_OLDEST)
    reason = forms.CharField(required=False, max_length=200, label="Why", validators=[refuse_unseen])

    def __init__(self, user: Any, data: QueryDict | None = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        account: Any = self.fields["account"]
        account.accounts = accounts_limited_by(user)
        if not sets_all_limits(user):
            account.offer(account.accounts)
            account.required, account.help_text = True, "The name or slug of one of yours."
            account.error_messages["required"] = "Name one of your accounts: only they are yours to limit."

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        idle, lifetime = given.get("idle"), given.get("lifetime")
        if not self.errors and not (idle or lifetime or given.get("parallel")):
            raise ValidationError("A limit needs an idle time, a lifetime or a number of parallel sessions.")
        if idle and lifetime and idle > lifetime:
            self.add_error(
                "idle", f"Nobody is idle for {in_words(idle)} in {in_words(lifetime)}: choose less, or none."
            )
        return given

    def limit(self) -> Limit:
        """Return the limit that the form describes, not yet set."""
        return Limit(**self.cleaned_data)


@require_safe
@login_required
def limits(request: SignedInRequest) -> HttpResponse:
    """List the limits in force, and what was changed lately."""
    visible = limits_visible_to(request.user).select_related("application", "account")
    context = {
        "limits": visible.in_force().order_by("application__name", "account__name", "id"),
        "earlier": visible.filter(removed_on__isnull=False).order_by("-removed_on")[:EARLIER],
        "changeable": set(limits_set_by(request.user).values_list("pk", flat=True)),
        "may_add": accounts_limited_by(request.user).exists() or sets_all_limits(request.user),
    }
    return render(request, "limits/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: SignedInRequest, public_id: UUID | None = None) -> HttpResponse:
    """Set a limit, or change one: say first what it ends, then do it."""
    before = None if public_id is None else _changeable(request, public_id)
    if before is None and not (sets_all_limits(request.user) or accounts_limited_by(request.user).exists()):
        raise PermissionDenied("Only administrators set limits, those of an account for their account.")
    if before is None and Limit.objects.in_force().count() >= MOST:
        messages.warning(
            request, f"There are {MOST} limits already, and each costs every check a little. Remove one first."
        )
        return redirect("limits")
    form = LimitForm(request.user, request.POST if request.method == "POST" else None, _initial(before))
    if not form.is_bound:
        return render(request, "limits/edit.html", {"form": form, "before": before})
    if not form.is_valid():
        return render(request, "limits/edit.html", {"form": form, "before": before}, status=400)
    limit = form.limit()
    if "confirmed" not in request.POST:
        return _confirm(request, form, limit, before)
    try:
        set_limit(limit, request.user, before)
    except GoneMeanwhile:
        messages.warning(request, GONE)
    else:
        messages.success(request, f"The limit for {limit.whose} holds from now on.")
    return redirect("limits")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def remove(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Take a limit out of force, after saying what that means."""
    limit = _changeable(request, public_id)
    if request.method != "POST":
        return render(request, "limits/remove.html", {"limit": limit})
    try:
        remove_limit(limit, request.user)
    except GoneMeanwhile:
        messages.warning(request, GONE)
    else:
        messages.success(request, f"The limit for {limit.whose} holds no more. What it has ended stays ended.")
    return redirect("limits")


def _changeable(request: SignedInRequest, public_id: UUID) -> Limit:
    return get_object_or_404(limits_set_by(request.user).select_related("application", "account"), public_id=public_id)


def _initial(before: Limit | None) -> dict[str, Any]:
    if before is None:
        return {} if Limit.objects.in_force().exists() else SHIPPED
    names = ("idle", "lifetime", "parallel", "at_limit", "reason")
    own = {name: getattr(before, name) for name in names}
    return own | {"application": before.application, "account": before.account}


def _confirm(request: SignedInRequest, form: LimitForm, limit: Limit, before: Limit | None) -> HttpResponse:
    context = {
        "form": form,
        "limit": limit,
        "before": before,
        "number": number_passed(limit),
        "ends_own": passed(limit).filter(pk__in=[own_id(request)]).exists(),
    }
    return render(request, "limits/confirm.html", context)
