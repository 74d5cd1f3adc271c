from . import lookups as lookups
from .accounts import Account, Application, Membership
from .beats import Beat
from .delays import SignInDelay
from .events import SessionEvent
from .letters import Letter
from .networks import Network, NetworkChange, Prefix
from .reaches import reaches_of
from .renames import Rename
from .sessions import Session, SessionQuerySet
from .terminations import Fence, Termination

__all__ = [
    "Account",
    "Application",
    "Beat",
    "Fence",
    "Letter",
    "Membership",
    "Network",
    "NetworkChange",
    "Prefix",
    "Rename",
    "Session",
    "SessionEvent",
    "SessionQuerySet",
    "SignInDelay",
    "Termination",
    "reaches_of",
]
