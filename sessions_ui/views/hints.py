"""What an administrator says about the hints of a session."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from sessions_ui import habits
from sessions_ui.access import SignedInRequest, fence, reaches
from sessions_ui.hints import LABELS
from sessions_ui.models import Session
from sessions_ui.refusals import unreadable

NOTHING_TO_SAY = "That hint does not stand any more. Nothing has changed."


class WordForm(forms.Form):
    """Which kind of hint is expected, or which word is taken back."""

    kind = forms.ChoiceField(required=False, choices=list(LABELS.items()))
    take_back = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


@require_POST
@login_required
def expected(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Call a hint of the session expected, or take that back."""
    reach = reaches(request)
    live = Session.objects.live(fence(request)).within(reach.end).select_related("user")
    session = get_object_or_404(live, public_id=public_id)
    if not habits.may_teach(request.user, reach, session):
        raise Http404
    form = WordForm(request.POST)
    if not form.is_valid() or not any(form.cleaned_data.values()):
        return unreadable(request, {"kind": "There is no such hint. Nothing has changed; go back and look again."})
    kind, word = form.cleaned_data["kind"], form.cleaned_data["take_back"]
    if word:
        taken = habits.take_back(session, word, request.user)
        messages.info(request, "Taken back: the hint stands again." if taken else NOTHING_TO_SAY)
    elif said := habits.expect(session, kind, request.user):
        messages.info(request, f"“{LABELS[kind]}” is expected of this person from {said.network or 'there'} now.")
    else:
        messages.info(request, NOTHING_TO_SAY)
    return redirect("session", public_id)
