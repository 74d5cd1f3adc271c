from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import AbstractBaseUser
from django.db import connections, transaction
from django.http import HttpRequest

from . import history, passwords, renames, services, triggers
from .backends.db import SessionStore
from .models import Account, Termination
from .search import index


def note_sign_in(sender: object, request: HttpRequest, user: AbstractBaseUser, **kwargs: object) -> None:
    if isinstance(getattr(request, "session", None), SessionStore):
        services.start(request, user)


def record_failed_sign_in(
    sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: object
) -> None:
    services.record_failed_sign_in(request, str(credentials.get("username", "")))


def end_sessions_of_user(sender: object, instance: AbstractBaseUser, **kwargs: object) -> None:
    services.end_all_of("user", instance, "The user was deleted")


def end_sessions_of_account(sender: object, instance: Account, **kwargs: object) -> None:
    services.end_all_of("account", instance, "The account was deleted")


def sweep_after_disabling(sender: object, instance: AbstractBaseUser, using: str, **kwargs: object) -> None:
    """Tidy what the trigger on the user table has just begun; it is in effect already."""
    if instance.is_active:
        return

    def sweep_unfinished() -> None:
        for termination in Termination.objects.using(using).unfinished():
            if str(termination.conditions.get("user")) == str(instance.pk):
                services.end_if_small(termination, using)

    transaction.on_commit(sweep_unfinished, using=using)


def note_loaded_password(sender: object, instance: AbstractBaseUser, **kwargs: object) -> None:
    passwords.note_loaded(instance)


def keep_sessions_that_go_on(
    sender: object,
    instance: AbstractBaseUser,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **kwargs: object,
) -> None:
    if not raw:
        passwords.before_save(instance, using, update_fields)


def end_sessions_of_former_password(sender: object, instance: AbstractBaseUser, **kwargs: object) -> None:
    passwords.after_save(instance)


def make_way_for_migrations(sender: AppConfig, using: str, **kwargs: object) -> None:
    """Drop what names tables on SQLite: it rebuilds a table to change it, and cannot while a trigger names it."""
    if connections[using].vendor == "sqlite":
        triggers.drop(using)
        renames.drop(using)
        history.drop(using)


def install_after_migrate(sender: AppConfig, using: str, **kwargs: object) -> None:
    triggers.install(using)
    renames.install(using)
    history.install(using)
    index.install(using)
