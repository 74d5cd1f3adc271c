from . import lookups as lookups
from .accounts import Account, Application, Membership
from .events import SessionEvent
from .sessions import Session, SessionQuerySet, reach_of
from .terminations import Fence, Termination

__all__ = [
    "Account",
    "Application",
    "Fence",
    "Membership",
    "Session",
    "SessionEvent",
    "SessionQuerySet",
    "Termination",
    "reach_of",
]
