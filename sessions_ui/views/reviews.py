"""Access reviews: beginning one, walking through it, signing it, and the signed ones."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions_ui import reviews
from sessions_ui.access import SignedInRequest, own_id, reaches
from sessions_ui.exports import TooManyExports
from sessions_ui.filters import SessionFilter
from sessions_ui.listing import without_paging
from sessions_ui.models import Export, Review, ReviewedSession
from sessions_ui.models.plain_text import refuse_unseen
from sessions_ui.models.reviews import SignedReview
from sessions_ui.paging import Position, UnreadablePosition, page
from sessions_ui.refusals import too_many_exports, unreadable
from sessions_ui.sheet import download

ON_A_PAGE = 25
PAGE = re.compile(r"[1-9][0-9]{0,3}")
Decision = ReviewedSession.Decision
CHOICES = {"keep": Decision.KEPT, "end": Decision.ENDED}
SIGNED = "This review is signed: nothing in it can be changed. Nothing was ended."


class SignForm(forms.Form):
    """What the reviewer adds when he signs."""

    note = forms.CharField(required=False, max_length=280, validators=[refuse_unseen])
    undecided = forms.BooleanField(required=False)


@require_safe
@login_required
def all_reviews(request: SignedInRequest) -> HttpResponse:
    """List the reviews within reach, newest first."""
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    visible = Review.objects.visible_to(request.user, reaches(request).see).numbered()
    found = page(lambda bounds, order, most: list(visible.filter(bounds).order_by(order)[:most]), position)
    return render(request, "reviews/list.html", {"page": found, "position": position})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def begin_review(request: SignedInRequest) -> HttpResponse:
    """GET: say what a review of this filter would hold. POST: begin it."""
    wanted = SessionFilter(without_paging(request.GET), reaches(request).see)
    if not wanted.is_valid():
        return unreadable(request, wanted.problems)
    try:
        if request.method == "POST":
            return redirect("review", reviews.begin(wanted, request.user).public_id)
        number = reviews.number_in(reviews.scope_of(wanted))
    except reviews.CannotReview as refusal:
        return unreadable(request, {"review": str(refusal)})
    return render(request, "reviews/begin.html", {"number": number, "filter": wanted})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def review(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """GET: show a page of the review. POST: keep and end sessions of that page."""
    visible = Review.objects.visible_to(request.user, reaches(request).see).numbered()
    if request.method == "POST":
        visible = visible.filter(reviewer_id=request.user.pk)
    found = get_object_or_404(visible, public_id=public_id)
    shown = _page_of(found, request.GET.get("page", "1"))
    if shown is None:
        return unreadable(request, {"page": "There is no such page of this review."})
    return _decide(request, found, shown) if request.method == "POST" else _shown(request, found, shown)


def _page_of(found: Review, text: str) -> Page[ReviewedSession] | None:
    pages = Paginator(found.sessions.all(), ON_A_PAGE)
    return pages.page(int(text)) if PAGE.fullmatch(text) and int(text) <= pages.num_pages else None


def _shown(
    request: SignedInRequest, found: Any, shown: Page[ReviewedSession], form: SignForm | None = None
) -> HttpResponse:
    is_open = found.reviewer_id == request.user.pk and found.signed_on is None
    context = {
        "review": found,
        "page": shown,
        "sessions": shown.object_list if found.signed_on is None else found.sessions.all(),
        "is_open": is_open,
        "own_key": str(request.user.pk),
        "form": form or SignForm(),
        "asvs": reviews.ASVS,
        "decided": found.number - found.undecided,
    }
    return render(request, "reviews/review.html", context, status=400 if form and form.errors else 200)


def _decide(request: SignedInRequest, found: Review, shown: Page[ReviewedSession]) -> HttpResponse:
    rows = {row.pk: row for row in shown.object_list}
    chosen = _chosen(request.POST, rows)
    if chosen is None:
        return unreadable(request, {"decision": "This is not a decision on a session of this page of the review."})
    to_end = [rows[pk] for pk, decision in chosen.items() if decision == Decision.ENDED]
    if to_end and "confirmed" not in request.POST:
        kept = sum(decision == Decision.KEPT for decision in chosen.values())
        context = {"review": found, "page": shown, "to_end": to_end, "kept": kept, "chosen": _as_fields(chosen)}
        return render(request, "reviews/confirm.html", context)
    try:
        decided = reviews.decide(found, chosen, request.user, reaches(request), own_id(request))
    except SignedReview:
        messages.error(request, SIGNED)
        return redirect("review", found.public_id)
    messages.success(request, _said(decided))
    return redirect(f"{reverse('review', args=[found.public_id])}?page={_next_page(found, shown)}")


def _chosen(form: QueryDict, rows: dict[int, ReviewedSession]) -> dict[int, str] | None:
    """Return the decisions by row, or None where one is unknown; with "rest" the undecided others are kept."""
    fields = {f"decision-{pk}": pk for pk in rows}
    given = {name: value for name, value in form.items() if name.startswith("decision-") and value}
    if not given.keys() <= fields.keys() or not set(given.values()) <= CHOICES.keys():
        return None
    chosen: dict[int, str] = {fields[name]: CHOICES[str(value)] for name, value in given.items()}
    if "rest" in form:
        undecided = [pk for pk, row in rows.items() if row.decision == Decision.UNDECIDED]
        chosen = dict.fromkeys(undecided, Decision.KEPT) | chosen
    return chosen


def _as_fields(chosen: dict[int, str]) -> list[tuple[str, str]]:
    names = {decision: name for name, decision in CHOICES.items()}
    return [(f"decision-{pk}", names[Decision(decision)]) for pk, decision in chosen.items()]


def _next_page(found: Review, shown: Page[ReviewedSession]) -> int:
    """Return the page of the first session that is undecided, else the one that is shown."""
    first = found.sessions.filter(decision=Decision.UNDECIDED).first()
    if first is None:
        return shown.number
    return found.sessions.filter(pk__lt=first.pk).count() // ON_A_PAGE + 1


def _said(decided: reviews.Decided) -> str:
    said = [f"{decided.kept} kept", f"{decided.ended} ended"]
    said += [f"{decided.gone} had ended already"] if decided.gone else []
    said += [f"{decided.stays} left undecided: you may not end them here"] if decided.stays else []
    return f"{', '.join(said)}."


@require_POST
@login_required
def sign_review(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Sign one's own review."""
    found: Any = get_object_or_404(Review.objects.numbered(), public_id=public_id, reviewer_id=request.user.pk)
    form = SignForm(request.POST)
    try:
        if form.is_valid():
            reviews.sign(found, form.cleaned_data["note"], undecided=form.cleaned_data["undecided"])
            messages.success(request, "The review is signed. Nothing in it can be changed any more.")
    except SignedReview:
        messages.error(request, SIGNED)
    except reviews.CannotReview as refusal:
        form.add_error("undecided", str(refusal))
    if form.errors:
        fresh = get_object_or_404(Review.objects.numbered(), pk=found.pk)
        return _shown(request, fresh, Paginator(fresh.sessions.all(), ON_A_PAGE).page(1), form)
    return redirect("review", found.public_id)


@require_POST
@login_required
def export_review(request: SignedInRequest, public_id: UUID) -> HttpResponseBase:
    """Answer with the review as CSV."""
    visible = Review.objects.visible_to(request.user, reaches(request).see).numbered()
    found: Any = get_object_or_404(visible, public_id=public_id)
    try:
        file = reviews.as_file(found, request.user)
    except TooManyExports as refusal:
        return too_many_exports(request, str(refusal), refusal.seconds)
    return download(file, Export.What.REVIEW, found.signed_on or found.begun_on)
