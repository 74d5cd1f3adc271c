"""The one confirmation through which every termination of the pages goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from sessions_ui import preview, proof, services
from sessions_ui.access import SignedInRequest, own_id, reaches
from sessions_ui.models import Account, Termination
from sessions_ui.models.plain_text import refuse_unseen
from sessions_ui.models.scopes import Scope
from sessions_ui.preview import TYPED_ABOVE, Preview
from sessions_ui.proof import Refusal
from sessions_ui.refusals import unreadable
from sessions_ui.selection import UnreadableSelection, selection

SAMPLE = 5
LONGEST_ADDRESS = 2_000
ENDED_ALREADY = "What you chose has already ended. Nothing was terminated."
ONLY_YOURS = "Only the session that you are in matches. Sign out to end it. Nothing was terminated."
TOO_OLD = "This confirmation is older than an hour, or not yours. Nothing was terminated; choose again."
GREW = "More sessions match than you were shown, so nothing was terminated. Look again."
MAY_HAVE_GROWN = "More sessions may match than you were shown, so nothing was terminated. Look again."


class DecisionForm(forms.Form):
    """What the administrator adds to the preview: why, what people are told, and how sure he is."""

    reason = forms.CharField(required=False, max_length=200, validators=[refuse_unseen])
    note = forms.CharField(required=False, max_length=280, validators=[refuse_unseen])
    own = forms.BooleanField(required=False)
    typed = forms.CharField(required=False, max_length=120)

    def __init__(self, data: QueryDict | None = None, word: str = "") -> None:
        super().__init__(data)
        self.word = word

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if self.word and typed.replace(",", "").casefold() != self.word.casefold():
            said = f"You typed “{typed}”" if typed else "You typed nothing"
            raise forms.ValidationError(f"{said}; type {self.word}. Nothing was terminated.")
        return typed


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@login_required
def terminate(request: SignedInRequest) -> HttpResponse:
    """GET: preview a scope. POST: end exactly what was previewed."""
    if request.method == "POST":
        return _decide(request)
    params = request.GET.copy()
    back = _local(params.pop("back", [""])[-1])
    try:
        chosen = selection(params, reaches(request).end)
    except UnreadableSelection as error:
        return unreadable(request, error.problems)
    if not chosen.conditions:
        messages.info(request, ENDED_ALREADY)
        return redirect(back)
    return _confirm(request, Preview.of(*chosen), back)


def _ask_again(request: SignedInRequest, shown: Preview, back: str, refused: Refusal) -> HttpResponse:
    """Show the confirmation with what was typed, and beside the box why the password was not taken."""
    response = _confirm(request, shown, back, refused)
    if refused.seconds:
        response.status_code = 429
        response["Retry-After"] = str(refused.seconds)
    return response


def _confirm(request: SignedInRequest, shown: Preview, back: str, refused: Refusal | None = None) -> HttpResponse:
    reach, own = reaches(request).end, own_id(request)
    with_own = shown.scope(reach, spared=None)
    shown = replace(shown, sessions=preview.one_by_one(with_own), reach=reach)
    scope = shown.as_shown(shown.scope(reach, spared=own))
    figures = preview.figures(scope)
    own_session = preview.sessions_in(with_own).filter(pk__in=[own]).first()
    if figures and not figures.sessions:
        messages.info(request, ONLY_YOURS if own_session else ENDED_ALREADY)
        return redirect(back)
    matched = figures.sessions if figures else None
    sample = preview.sample(scope, SAMPLE)
    form = DecisionForm(request.POST if request.method == "POST" else None, word=_word(shown, matched))
    context = {
        "preview": shown,
        "figures": figures,
        "sample": sample,
        "may_grow": with_own.may_grow and shown.sessions is None,
        "only_own": figures and figures.people == 1 and sample and sample[0].user_id == request.user.pk,
        "own_session": own_session,
        "signed": shown.signed(request.user.pk, matched),
        "form": form,
        "typed_above": TYPED_ABOVE,
        "tells_people": getattr(settings, "MAIL_ENDED_SESSIONS", False),
        "asks_password": refused is not None or proof.is_asked(request, scope),
        "refused": refused,
        "back": back,
    }
    return render(request, "sessions/confirm.html", context, status=400 if form.errors or refused else 200)


def _decide(request: SignedInRequest) -> HttpResponse:
    back = _local(request.POST.get("back", ""))
    shown = Preview.read(request.POST.get("preview", ""), request.user.pk)
    if shown is None:
        messages.error(request, TOO_OLD)
        return redirect(back)
    decision = DecisionForm(request.POST, _word(shown, shown.matched))
    if not decision.is_valid():
        return _confirm(request, shown, back)
    reach, own = reaches(request).end, own_id(request)
    spared = None if decision.cleaned_data["own"] else own
    scope, meant = shown.scope(reach, spared), shown.matched
    exactly = shown.as_shown(scope)
    if _is_done(shown, exactly, request.user.pk) or preview.is_empty(exactly):
        messages.info(request, ENDED_ALREADY)
        return redirect(back)
    if meant is not None and spared is None:
        meant += preview.sessions_in(scope).filter(pk__in=[own]).count()
    if more := _more_match(shown, scope, meant):
        messages.warning(request, more)
        return _confirm(request, Preview.of(shown.conditions, shown.in_words), back)
    if proof.is_asked(request, scope) and (refused := proof.refusal(request, request.POST.get("password", ""))):
        return _ask_again(request, shown, back, refused)
    words = {name: decision.cleaned_data[name] for name in ("reason", "note")}
    termination = services.terminate(
        exactly,
        request.user,
        in_words=shown.in_words,
        matched=meant,
        previewed_after=shown.newest_termination,
        **words,
    )
    begun_since = preview.begun_since(scope)
    if termination.finished_on:
        messages.success(request, _outcome(termination, begun_since))
        return redirect(back)
    if begun_since:
        messages.info(request, _not_touched(begun_since))
    return redirect("termination", termination.public_id)


def _more_match(shown: Preview, scope: Scope, meant: int | None) -> str:
    """Return in words that more sessions match than were shown, or may; nothing where no more do."""
    if shown.need_not_be_counted_again(scope):
        return ""
    number = preview.count(scope)
    if number is None or meant is None:
        return MAY_HAVE_GROWN
    return GREW if number > meant else ""


def _is_done(shown: Preview, exactly: Scope, actor_pk: Any) -> bool:
    """Whether this very preview was handed in before, say by a second click."""
    since = Termination.objects.filter(id__gt=shown.newest_termination, actor_id=actor_pk).order_by()
    same = since.filter(cut_off=exactly.cut_off, spared=exactly.spared, in_words=shown.in_words)
    return any(one.conditions == exactly.conditions for one in same)


def _word(shown: Preview, matched: int | None) -> str:
    """Return what must be typed: the exact number above TYPED_ABOVE, a word where it could not be counted."""
    if matched is not None:
        return str(matched) if matched > TYPED_ABOVE else ""
    account = shown.conditions.get("account")
    slug = None if account is None else Account.objects.filter(pk=account).values_list("slug", flat=True).first()
    return slug or "everything"


def _outcome(termination: Termination, begun_since: int) -> str:
    receipt = reverse("termination", args=[termination.public_id])
    said = f"{termination.ended:,} session{'' if termination.ended == 1 else 's'} terminated."
    if termination.matched is not None and (gone := termination.matched - termination.ended) > 0:
        said += f" {gone:,} had already ended{' or were active again' if not termination.scope.stands else ''}."
    if begun_since:
        said += f" {_not_touched(begun_since)}"
    return format_html('{} <a href="{}">Receipt</a>', said, receipt)


def _not_touched(begun_since: int) -> str:
    return f"{begun_since:,} that began after your preview {'was' if begun_since == 1 else 'were'} not touched."


def _local(back: str) -> str:
    """Return the address to come back to if it is one of ours; Django refuses to redirect to very long ones."""
    ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return back if ours and len(back) <= LONGEST_ADDRESS else reverse("active-user-sessions")
