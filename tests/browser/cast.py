"""People of one test, who never enter a password, and accounts of their own."""

from itertools import count

from django.contrib.auth.models import User

from sessions_ui.models import Account, Membership, Session
from tests.browser.conftest import Visits

numbers = count(1)


def make_person(first_name: str, **columns: bool) -> User:
    """Make somebody whose user name nobody had before."""
    name = f"{first_name.lower()}-{next(numbers)}"
    return User.objects.create(
        username=name, first_name=first_name, email=f"{name}@example.org", password="!", **columns
    )


def make_account(admin: User, *members: User) -> Account:
    account = Account.objects.create(slug=f"of-{admin.username}", name=f"Account of {admin.username}")
    Membership.objects.create(account=account, user=admin, role=Membership.Role.ADMIN)
    for member in members:
        Membership.objects.create(account=account, user=member, role=Membership.Role.MEMBER)
    return account


def sign_in_often(visit: Visits, user: User, times: int) -> None:
    for _ in range(times):
        visit.signed_in(user)


def live(user: User) -> int:
    """Return in how many places the user is signed in."""
    return Session.objects.live().filter(user=user).count()
