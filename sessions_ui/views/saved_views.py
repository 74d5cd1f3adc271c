"""Filters under a name: saving, finding, opening, renaming and removing them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions_ui.access import SignedInRequest, reaches
from sessions_ui.listing import without_paging
from sessions_ui.models import SavedView
from sessions_ui.refusals import unreadable
from sessions_ui.saved_views import SavedViewForm, cleaned, filter_of

LISTS = {SavedView.Of.SESSIONS: "active-user-sessions", SavedView.Of.LOGIN_RECORDS: "login-records"}
NOTHING_SET = "Set a filter first: a view is a filter under a name."


@require_safe
@login_required
def saved_views(request: SignedInRequest) -> HttpResponse:
    """List the views that one finds, one's own and those that others share."""
    found = SavedView.objects.visible_to(request.user, reaches(request).see).select_related("owner", "account")
    return render(request, "saved_views/list.html", {"views": found})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def save_view(request: SignedInRequest, of: str) -> HttpResponse:
    """Give the filter in the address a name."""
    if of not in SavedView.Of.values:
        raise Http404
    wanted = filter_of(of, without_paging(request.GET).urlencode(), reaches(request).see)
    problems = wanted.problems or ({} if wanted.criteria else {"view": NOTHING_SET})
    if problems:
        return unreadable(request, problems)
    view = SavedView(owner=request.user, of=of, query=cleaned(wanted))
    return _edited(request, view, wanted.in_words)


@require_safe
@login_required
def open_view(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Go to the list with the view's filter; 400 with a sentence where that can no longer be read."""
    visible = SavedView.objects.visible_to(request.user, reaches(request).see)
    view = get_object_or_404(visible, public_id=public_id)
    wanted = filter_of(view.of, view.query, reaches(request).see)
    if wanted.problems:
        context = {"view": view, "problems": wanted.problems, "is_own": view.owner_id == request.user.pk}
        return render(request, "saved_views/unreadable.html", context, status=400)
    return redirect(f"{reverse(LISTS[SavedView.Of(view.of)])}?{view.query}")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_view(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Rename one's own view, or share it with others."""
    view = get_object_or_404(SavedView, owner_id=request.user.pk, public_id=public_id)
    return _edited(request, view, filter_of(view.of, view.query, reaches(request).see).in_words)


@require_POST
@login_required
def remove_view(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Remove one's own view."""
    view = get_object_or_404(SavedView, owner_id=request.user.pk, public_id=public_id)
    view.delete()
    messages.success(request, f"The view “{view.name}” was removed. No session was touched.")
    return redirect("saved-views")


def _edited(request: SignedInRequest, view: SavedView, in_words: str) -> HttpResponse:
    form = SavedViewForm(view, reaches(request), request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            with transaction.atomic():
                saved = form.save()
        except IntegrityError:
            form.add_error("name", "You have just saved a view under this name. Choose another one.")
        else:
            messages.success(request, f"The view “{saved.name}” was saved.")
            return redirect("saved-views")
    context = {"form": form, "view": view, "in_words": in_words}
    return render(request, "saved_views/edit.html", context, status=400 if form.errors else 200)
