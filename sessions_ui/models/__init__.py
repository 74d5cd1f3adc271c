from . import lookups as lookups
from .accounts import Account, Application, Membership
from .beats import Beat
from .day_counts import DayCount
from .delays import SignInDelay
from .events import SessionEvent
from .expected import Expected
from .exports import Export
from .fences import Fence
from .letters import Letter
from .limits import Limit
from .networks import Network, NetworkChange, Prefix
from .reaches import reaches_of
from .renames import Rename
from .reviews import Review, ReviewedSession
from .saved_views import SavedView
from .sessions import Session, SessionQuerySet
from .terminations import Termination

__all__ = [
    "Account",
    "Application",
    "Beat",
    "DayCount",
    "Expected",
    "Export",
    "Fence",
    "Letter",
    "Limit",
    "Membership",
    "Network",
    "NetworkChange",
    "Prefix",
    "Rename",
    "Review",
    "ReviewedSession",
    "SavedView",
    "Session",
    "SessionEvent",
    "SessionQuerySet",
    "SignInDelay",
    "Termination",
    "reaches_of",
]
