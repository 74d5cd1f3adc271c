import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError

from sessions_ui import demo, demo_people
from sessions_ui.checks import DEMO_GROUP
from sessions_ui.models import Account

SIGN_INS = [
    ("marta", "Marta Oliveira, platform administrator"),
    ("omar", "Omar Haddad, administrator of Kestrel Logistics"),
    ("anna", "Anna Brandt, member of Nordlicht Verlag"),
]


class Command(BaseCommand):
    help = "Fill an empty database with invented people and their sessions, once, and print who may sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sessions", type=int, default=240, metavar="N", help="how many sessions (240)")
        parser.add_argument("--users", type=int, default=60, metavar="N", help="how many people (60)")
        parser.add_argument(
            "--password-file", type=Path, metavar="FILE", help="keeps the password of the demo people; made if missing"
        )

    def handle(self, *, sessions: int, users: int, password_file: Path | None, verbosity: int, **options: Any) -> None:
        if getattr(settings, "PRODUCTION", False):
            raise CommandError("Demo people share one password and do not belong in production. Nothing was added.")
        if sessions < 0 or users < len(SIGN_INS):
            raise CommandError(f"--sessions must be 0 or more, --users {len(SIGN_INS)} or more. Nothing was added.")
        if Group.objects.filter(name=DEMO_GROUP).exists():
            done = "The demo people are there already. Nothing was added."
            password = renewed_password(password_file) if password_file else "that was printed when they were made"
        else:
            refuse_taken_names()
            password = password_of(password_file)
            demo.seed(users, sessions, password)
            done = f"{users} demo people have {sessions} sessions now."
        if verbosity:
            lines = [f"    {name:<10} {who}" for name, who in SIGN_INS]
            self.stdout.write("\n".join([done, f"They sign in with the password {password}", *lines]))


def refuse_taken_names() -> None:
    users = get_user_model()._default_manager.filter(username__in=[person.username for person in demo_people.cast()])
    if users.exists() or Account.objects.filter(slug__in=demo_people.ACCOUNTS).exists():
        raise CommandError(
            "There is a user or an account with the name of a demo one. Use an empty database. Nothing was added."
        )


def password_of(file: Path | None) -> str:
    """Return the password in the file; make a random one, and the file if one is named, where there is none."""
    try:
        if file and file.exists():
            if password := file.read_text().strip():
                return password
            raise CommandError(f"{file} is empty: delete it, and a new password is made. Nothing was added.")
        password = secrets.token_urlsafe(9)
        if file:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as fresh:
                fresh.write(f"{password}\n")
    except OSError as error:
        raise CommandError(f"The password cannot be kept in {file}: {error.strerror}. Nothing was added.") from error
    return password


def renewed_password(file: Path) -> str:
    """Return the password in the file, and give it to the demo people if theirs is another."""
    password = password_of(file)
    people = get_user_model()._default_manager.filter(groups__name=DEMO_GROUP)
    first = people.order_by("pk").first()
    if first and not first.check_password(password):
        people.update(password=make_password(password))
    return password
