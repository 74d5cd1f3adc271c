from . import lookups as lookups
from .accounts import Account, Application, Membership
from .delays import SignInDelay
from .events import SessionEvent
from .reaches import reaches_of
from .sessions import Session, SessionQuerySet
from .terminations import Fence, Termination

__all__ = [
    "Account",
    "Application",
    "Fence",
    "Membership",
    "Session",
    "SessionEvent",
    "SessionQuerySet",
    "SignInDelay",
    "Termination",
    "reaches_of",
]
