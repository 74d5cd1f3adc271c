"""SessionStore: the engine. The row is the session; the database decides every check."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError, router, transaction
from django.db.models import Expression
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from sessions_ui import services, sweep
from sessions_ui.ending import end, lock
from sessions_ui.models import Application, Fence, Session, SessionEvent
from sessions_ui.models.events import REPLACED, SessionEventQuerySet
from sessions_ui.models.functions import Instant
from sessions_ui.models.scopes import UnreadableScope
from sessions_ui.models.sessions import SessionQuerySet
from sessions_ui.origin import Origin
from sessions_ui.parallel import TooManySessions

from .keys import KEY, halves, new_key
from .lookup import Row, find
from .touch import touch


class Fate(enum.Enum):
    """What befell a session while a request used it; SessionMiddleware turns it into an answer."""

    ENDED = enum.auto()  # its row is gone or covered: sign-in page, no cookie
    SUPERSEDED = enum.auto()  # a parallel request gave the browser another key: the cookie stays untouched
    REFUSED = enum.auto()  # a limit of parallel sessions refused the sign-in: sign-in page, the cookie stays untouched
    OUTAGE = enum.auto()  # the database did not answer: 503, the cookie stays


def user_pk(data: dict[str, Any]) -> Any:
    """Return the primary key of the user that the session's data name, or None."""
    return get_user_model()._meta.pk.to_python(data[SESSION_KEY]) if SESSION_KEY in data else None


class SessionStore(SessionBase):
    """Django's session interface over one row of Session.

    Beside the interface it keeps notes: `request`, set by the middleware; `sign_in`, set
    by services.start(); `signed_in_now`, the user whose session it has inserted; `fence`, by
    which it was checked last; `fate`; `refusal`, whose sign-in was refused and why; `refused_key`,
    a key that opened nothing; and `committed_key`, a key that the database has and the browser may not have.
    """

    _session_cache: dict[str, Any]

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.request: Callable[[], HttpRequest | None] = lambda: None
        self.sign_in: services.SignIn | None = None
        self.signed_in_now: Any = None
        self.fate: Fate | None = None
        self.refusal: TooManySessions | None = None
        self.refused_key: str | None = None
        self.committed_key: str | None = None
        self.using = router.db_for_write(Session)
        self._row: Row | None = None
        self._replaced: Row | None = None
        self.fence: Fence | None = None
        self._proven = False

    @property
    def row_id(self) -> int | None:
        """The id of the loaded session."""
        return self._row.id if self._row else None

    @property
    def loaded_user(self) -> AbstractBaseUser | None:
        """The user that came with the row, not yet proven."""
        return self._row.user if self._row else None

    @property
    def password_digest(self) -> bytes | None:
        """Under which password hash the loaded session began, or for which it was kept."""
        return self._row.password_digest if self._row else None

    @property
    def refused_halves(self) -> tuple[bytes, bytes] | None:
        """The halves of the key that was refused, if it is one that we could have issued."""
        return halves(self.refused_key) if self.refused_key and KEY.fullmatch(self.refused_key) else None

    @property
    def touch_due(self) -> bool:
        """Whether the last activity of the loaded session was noted long enough ago."""
        return self._row is not None and self._row.touch_due and self.fate is None

    # Reading

    def load(self) -> dict[str, Any]:
        row = self._find(self.session_key)
        data = self.decode(row.session_data) if row else {}
        if row and row.user and not row.user.is_active:
            self._end(self._sessions(row), SessionEvent.Kind.TERMINATED, reason="The user is disabled")
            row = None
        # Data that cannot be read, signed with a key that is gone, are not ours to use; and a user
        # whom the row does not name could neither be listed nor ended.
        if row is None or user_pk(data) != row.user_id:
            self.refused_key, self._session_key = self.session_key, None
            return {}
        self._row = row
        return data

    def exists(self, session_key: str) -> bool:
        return self._find(session_key) is not None

    def _find(self, key: str | None) -> Row | None:
        # A hostile cookie is an anonymous visitor: only what we could have issued is looked up.
        if not key or not KEY.fullmatch(key):
            return None
        with self._noting_outage():
            row, self.fence = find(self.using, settings.SESSION_APPLICATION, halves(key)[0])
        return row

    # Writing

    def create(self) -> None:
        while True:
            self._session_key = new_key()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Write the data to the row; insert one for a sign-in or a new visitor.

        Raises CreateError when must_create is set and the key exists, UpdateError when the session has ended.
        """
        had_key = self.session_key is not None
        data = self._get_session(no_load=must_create) if had_key else {}  # type: ignore[attr-defined]
        if self.session_key is None:
            # A key that we did not issue leaves no row, not even where every request saves.
            if self.modified or not had_key:
                self.create()
            return
        user, had_user = user_pk(data), self._row.user_id if self._row else None
        with self._noting_outage():
            if user is not None and (self.sign_in or must_create or user != had_user):
                self._insert_sign_in(user)
            elif self._row is None or must_create or user != had_user:
                self._insert_visitor()
            else:
                self._update(self._row, self.fence or Fence.read(self.using))

    def _insert_sign_in(self, pk: Any) -> None:
        sign_in, self.sign_in = self.sign_in, None
        users = get_user_model()._base_manager.using(self.using)
        try:
            if sign_in is None or sign_in.user.pk != pk:
                sign_in = services.SignIn(users.get(pk=pk), self.request())
            self._session_key = new_key()
            session = services.insert_sign_in(self._columns(), sign_in, self._to_replace())
        except TooManySessions as error:
            self.fate, self.refusal = Fate.REFUSED, error
            raise UpdateError(str(error)) from error
        except services.ReplacedHasEnded as error:
            raise self._gone(self._row) from error
        except (ObjectDoesNotExist, IntegrityError) as error:
            if users.filter(pk=pk).exists():
                raise
            raise self._gone() from error
        self.signed_in_now = pk
        self._inserted(session, sign_in.user)

    def _insert_visitor(self) -> None:
        replaced = self._to_replace()
        try:
            with transaction.atomic(self.using):
                if replaced is not None:
                    services.end_replaced(replaced)
                    self._session_key = new_key()
                session = services.insert_visitor(self._columns())
        except services.ReplacedHasEnded as error:
            raise self._gone(self._row) from error
        except IntegrityError as error:
            if Session.objects.using(self.using).filter(key_digest=halves(self._session_key)[0]).exists():
                raise CreateError from error
            raise
        self._inserted(session, None)

    def _to_replace(self) -> SessionQuerySet | None:
        """Return the signed-in session whose place the new one takes; a visitor's is simply left."""
        return self._sessions(self._row) if self._row and self._row.user_id is not None else None

    def _inserted(self, session: Session, user: AbstractBaseUser | None) -> None:
        self._replaced = self._row
        digest = bytes(session.key_digest)
        password = bytes(session.password_digest) if session.password_digest else None
        owner = user.pk if user else None
        self._row = Row(session.pk, session.public_id, digest, owner, session.session_data, False, password, user)
        self._note_new_key()

    def _update(self, row: Row, fence: Fence) -> None:
        columns = self._columns()
        same = self._sessions(row).filter(key_digest=row.key_digest)
        while not same.live(fence).filter(fence.complete).update(**columns):
            fence = Fence.read(self.using)
            digest = self._sessions(row).live(fence).values_list("key_digest", flat=True).first()
            if digest is None:
                self._vanished(row)
                return
            if bytes(digest) != row.key_digest:
                self.fate = Fate.SUPERSEDED
                return
        self.fence = fence
        if columns["key_digest"] != row.key_digest:
            self._row = row._replace(key_digest=columns["key_digest"])
            self._note_new_key()

    def _vanished(self, row: Row) -> None:
        """Go on after an update that found no row."""
        if row.user_id is None or row.user_id != self.signed_in_now or self._history(row).sign_ins().exists():
            raise self._gone(row)
        # There is no trace of the sign-in: the transaction that held it was rolled back.
        self._row = self._replaced
        self._insert_sign_in(row.user_id)

    def _gone(self, row: Row | None = None) -> UpdateError:
        """Note what befell the row."""
        # A parallel request that signed in, in the same browser, may have given it the newer cookie already.
        superseded = row and (row.user_id is None or self._history(row).ends().filter(reason=REPLACED).exists())
        self.fate = Fate.SUPERSEDED if superseded else Fate.ENDED
        self.refused_key = self.session_key
        return UpdateError("The session has ended.")

    def _history(self, row: Row) -> SessionEventQuerySet:
        return SessionEvent.objects.using(self.using).filter(session_public_id=row.public_id)

    def _columns(self) -> dict[str, Any]:
        first, rest = halves(self._session_key)
        columns = {
            "key_digest": first,
            "key_digest_rest": rest,
            "session_data": self.encode(self._session_cache),
            "expire_date": self._expire_date(),
        }
        return columns | {"proven_on": Now()} if self._proven else columns

    def _expire_date(self) -> Expression:
        """Return the database's clock plus the session's age; a date that the session was given stays as it is."""
        expiry = self._session_cache.get("_session_expiry")
        if isinstance(expiry, str):
            expiry = datetime.fromisoformat(expiry)
        if not isinstance(expiry, datetime):
            return Now() + timedelta(seconds=self.get_expiry_age())
        return Instant(timezone.make_aware(expiry) if timezone.is_naive(expiry) else expiry)

    def cycle_key(self) -> None:
        """Take a new key; a signed-in session's row takes it when it is saved, a visitor's row goes at once."""
        self._get_session()  # type: ignore[attr-defined]
        if self._row and self._row.user_id is None:
            self.delete()
            self._row = None
        self._session_key = new_key()
        self.modified = True

    def note_proof(self) -> None:
        """Take a new key because the person has given his password again, and note when (ASVS 7.2.4)."""
        self.cycle_key()
        self._proven = True

    def touch(self, origin: Origin) -> None:
        """Note the last activity and where it came from, once a minute at most."""
        if self._row and self.fence:
            touch(self.using, self._row, self.fence, origin)

    # Ending

    def delete(self, session_key: str | None = None) -> None:
        """Sign the session out: this one, or that of the key."""
        if session_key is None and self._row:
            sessions = self._sessions(self._row)
        else:
            key = session_key or self.session_key
            if not key or not KEY.fullmatch(key):
                return
            this_application = Application.objects.filter(slug=settings.SESSION_APPLICATION)
            of_key = Session.objects.using(self.using).filter(key_digest=halves(key)[0])
            sessions = of_key.filter(application__in=this_application)
        self._end(sessions, SessionEvent.Kind.SIGNED_OUT)

    def flush(self) -> None:
        super().flush()
        self._row = self.sign_in = self.signed_in_now = self.committed_key = None

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()

    @classmethod
    def clear_expired(cls) -> None:
        """Tidy: go on with unfinished terminations and remove expired sessions, in batches."""
        sweep.tidy(router.db_for_write(Session))

    # Notes

    def _sessions(self, row: Row) -> SessionQuerySet:
        return Session.objects.using(self.using).filter(pk=row.id, public_id=row.public_id)

    def _end(self, sessions: SessionQuerySet, kind: SessionEvent.Kind, **values: Any) -> None:
        with self._noting_outage(), transaction.atomic(self.using):
            end(self.using, lock(sessions.live()), kind, **values)

    def _note_new_key(self) -> None:
        # Only once the key has been committed: after a rollback the browser's old key is the good one.
        transaction.on_commit(partial(setattr, self, "committed_key", self._session_key), using=self.using)

    @contextmanager
    def _noting_outage(self) -> Iterator[None]:
        try:
            yield
        except (IntegrityError, DataError, ProgrammingError):
            raise
        except (DatabaseError, InterfaceError, UnreadableScope):
            # Also InternalError: a standby answers a write with it after a failover.
            self.fate = Fate.OUTAGE
            raise
