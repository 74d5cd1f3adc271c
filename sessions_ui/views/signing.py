"""Signing in and out, and passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, load_backend, login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import (
    PasswordResetCompleteView,
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
)
from django.core import signing
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme, urlsafe_base64_decode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions_ui.choice_fields import AccountField
from sessions_ui.models import Account
from sessions_ui.passwords import change_of
from sessions_ui.sign_in_delay import (
    begin_attempt,
    clear,
    mails_to,
    password_mark,
    person_and_origin,
    remember_browser,
)

if TYPE_CHECKING:
    # It is generic to mypy, not to Python.
    AnySetPasswordForm = SetPasswordForm[Any]
else:
    AnySetPasswordForm = SetPasswordForm

# Of so many accounts one is ticked; of more, one is named.
MOST_LISTED = 20
PROOF_SALT = "sessions_ui.proof_of_password"
PROOF_HOLDS = 300  # seconds


class SignInForm(AuthenticationForm):
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "This name and this password do not belong together. Nobody was signed in.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.username_field.name == "username":
            self.fields["username"].label = "User name"


class AccountForm(forms.Form):
    account = forms.ModelChoiceField(
        Account.objects.none(),
        widget=forms.RadioSelect,
        empty_label=None,
        to_field_name="slug",
        error_messages={
            "required": "Choose an account. Nobody is signed in yet.",
            "invalid_choice": "That is not one of your accounts. Nobody is signed in yet.",
        },
    )

    def __init__(self, accounts: QuerySet[Account], data: Any = None) -> None:
        super().__init__(data)
        if (number := accounts.count()) > MOST_LISTED:
            named = AccountField(help_text=f"The name or slug of one of your {number:,}.")
            named.error_messages["required"] = self.fields["account"].error_messages["required"]
            named.accounts, self.fields["account"] = accounts, named
        else:
            self.fields["account"].queryset = accounts  # type: ignore[attr-defined]


class ChangePasswordForm(PasswordChangeForm):
    """Adds to Django's form what becomes of the other sessions."""

    end_others = forms.BooleanField(
        label="Sign out everywhere else",
        required=False,
        initial=True,
        help_text="Leave it ticked if somebody else may know the present password.",
    )

    def save(self, commit: bool = True) -> Any:
        change_of(self.user).keeps_others = not self.cleaned_data["end_others"]
        # Together: whoever looks at the list sees the new password and what it ended, or neither.
        with transaction.atomic(router.db_for_write(type(self.user))):
            return super().save(commit)


class LinkForm(PasswordResetForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail"


class ResetPasswordForm(AnySetPasswordForm):
    def save(self, commit: bool = True) -> Any:
        change_of(self.user).reason = "The password was reset"
        return super().save(commit)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign somebody in; ask for the account first when he is a member of several."""
    if request.user.is_authenticated:
        return redirect("home")
    if request.method != "POST":
        return _page(request, SignInForm(request))
    if "proof" in request.POST:
        return _sign_in_to_account(request)
    whose = person_and_origin(request, request.POST.get("username", ""))
    if seconds := begin_attempt(whose):
        return _too_many(request, seconds)
    form = SignInForm(request, request.POST)
    if not form.is_valid():
        return _page(request, form)
    clear(whose)
    user = form.get_user()
    accounts = _accounts_of(user)
    if len(accounts[:2]) > 1:
        return _choose(request, AccountForm(accounts), _proof_of(user))
    return _signed_in(request, user)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session that the request came with."""
    logout(request)
    messages.info(request, "You are signed out here. Your sessions elsewhere go on.")
    return redirect("sign-in")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
@never_cache
@login_required
def password_change(request: HttpRequest) -> HttpResponse:
    """Change one's own password; this session goes on under a new key, the others end unless the box is empty."""
    user: Any = request.user
    form = ChangePasswordForm(user, request.POST if request.method == "POST" else None)
    if form.is_bound:
        whose = person_and_origin(request, user.get_username())
        if seconds := begin_attempt(whose):
            return _too_many(request, seconds, "change")
        if "old_password" not in form.errors:
            clear(whose)
    if not form.is_valid():
        return render(request, "registration/password_change.html", {"form": form})
    form.save()
    update_session_auth_hash(request, user)
    request.session.note_proof()  # type: ignore[attr-defined]
    response = redirect(reverse("password-change-done") + ("" if form.cleaned_data["end_others"] else "?kept=1"))
    remember_browser(response, user)
    return response


@require_safe
@login_required
def password_change_done(request: HttpRequest) -> HttpResponse:
    """Say what the change means for one's sessions."""
    return render(request, "registration/password_changed.html", {"others_go_on": "kept" in request.GET})


_send_link = PasswordResetView.as_view(
    template_name="registration/password_reset.html",
    form_class=LinkForm,
    email_template_name="registration/password_reset_email.txt",
    subject_template_name="registration/password_reset_subject.txt",
    extra_email_context={"hours": settings.PASSWORD_RESET_TIMEOUT // 3600},
    success_url=reverse_lazy("password-reset-done"),
)


@require_http_methods(["GET", "HEAD", "POST"])
def password_reset(request: HttpRequest) -> HttpResponseBase:
    """Send a link to choose a new password; to one address ever more slowly, whether or not anybody has it."""
    if request.method == "POST" and (seconds := begin_attempt(mails_to(request.POST.get("email", "")))):
        return _too_many(request, seconds, "mails")
    return _send_link(request)


password_reset_done = PasswordResetDoneView.as_view(template_name="registration/password_reset_sent.html")
password_reset_complete = PasswordResetCompleteView.as_view(template_name="registration/password_new_set.html")
_set_new_password = PasswordResetConfirmView.as_view(
    template_name="registration/password_new.html",
    form_class=ResetPasswordForm,
    success_url=reverse_lazy("password-reset-complete"),
)


def password_reset_confirm(request: HttpRequest, uidb64: str, token: str) -> HttpResponseBase:
    """Set a new password by a link from an e-mail; whoever can do that has proved the browser his."""
    response = _set_new_password(request, uidb64=uidb64, token=token)
    if response.get("Location") == reverse("password-reset-complete"):
        pk = urlsafe_base64_decode(uidb64).decode()
        user = get_user_model()._default_manager.get(pk=pk)
        remember_browser(response, user)
    return response


def _page(request: HttpRequest, form: SignInForm) -> HttpResponse:
    return render(request, "registration/sign_in.html", {"form": form, "next": _next(request)})


def _choose(request: HttpRequest, form: AccountForm, proof: str) -> HttpResponse:
    context = {"form": form, "proof": proof, "next": _next(request)}
    return render(request, "registration/choose_account.html", context)


def _too_many(request: HttpRequest, seconds: int, what: str = "passwords") -> HttpResponse:
    context = {"seconds": seconds, "what": what, "next": _next(request)}
    response = render(request, "429.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response


def _sign_in_to_account(request: HttpRequest) -> HttpResponse:
    proof = request.POST["proof"]
    user = _proven(proof)
    if user is None:
        messages.warning(request, "Choosing took too long. Nobody was signed in: enter your password again.")
        return _page(request, SignInForm(request))
    form = AccountForm(_accounts_of(user), request.POST)
    if not form.is_valid():
        return _choose(request, form, proof)
    # SESSION_ACCOUNT reads it when the session is saved.
    request.sign_in_account = form.cleaned_data["account"]  # type: ignore[attr-defined]
    return _signed_in(request, user)


def _signed_in(request: HttpRequest, user: Any) -> HttpResponse:
    login(request, user)
    response = HttpResponseRedirect(_next(request) or resolve_url(settings.LOGIN_REDIRECT_URL))
    remember_browser(response, user)
    return response


def _accounts_of(user: AbstractBaseUser) -> QuerySet[Account]:
    return Account.objects.filter(memberships__user_id=user.pk)


def _proof_of(user: Any) -> str:
    """Return what stands for the right password while an account is chosen; opens nothing but that page."""
    known = {"user": str(user.pk), "backend": user.backend, "password": password_mark(user)}
    return signing.dumps(known, salt=PROOF_SALT)


def _proven(proof: str) -> Any:
    """Return the user whose password was right a moment ago, or None."""
    try:
        known = signing.loads(proof, salt=PROOF_SALT, max_age=PROOF_HOLDS)
    except signing.BadSignature:
        return None
    if known["backend"] not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = load_backend(known["backend"]).get_user(known["user"])
    if user is None or not constant_time_compare(known["password"], password_mark(user)):
        return None
    user.backend = known["backend"]
    return user


def _next(request: HttpRequest) -> str:
    """Return the address to go on to, if it is one of ours."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if ours else ""
