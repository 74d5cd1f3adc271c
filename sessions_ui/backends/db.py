"""SessionStore: the engine. The row is the session; the database decides every check."""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, SessionBase, UpdateError
from django.db import IntegrityError, InterfaceError, OperationalError, connections, router, transaction
from django.db.models import Expression
from django.db.models.functions import Now, TruncDate
from django.utils import timezone
from django.utils.crypto import get_random_string

from sessions_ui import services, sweep
from sessions_ui.ending import end, lock
from sessions_ui.models import Application, Fence, Session, SessionEvent
from sessions_ui.models.scopes import UnreadableScope
from sessions_ui.models.sessions import TOUCH_DUE, SessionQuerySet
from sessions_ui.origin import Origin

from .lookup import Row, find

KEY = re.compile(r"[a-z0-9]{32}")


class Fate(enum.Enum):
    """What befell a session while a request used it; SessionMiddleware turns it into an answer."""

    ENDED = enum.auto()  # its row is gone or covered: sign-in page, no cookie
    ROTATED = enum.auto()  # a parallel request changed its key: the cookie stays untouched
    OUTAGE = enum.auto()  # the database did not answer: 503, the cookie stays


def halves(key: str | None) -> tuple[bytes, bytes]:
    """Return the two halves of the key's SHA-256."""
    digest = hashlib.sha256((key or "").encode()).digest()
    return digest[:16], digest[16:]


def new_key() -> str:
    """Return 32 random characters, 165 bits (ASVS 7.2.3)."""
    return get_random_string(32, VALID_KEY_CHARS)


class SessionStore(SessionBase):
    """Django's session interface over one row of Session.

    Beside the interface, three notes: `fate`, `cookie_due` (the database has a key
    that the browser does not), and `sign_in`, set by services.start().
    """

    _session_cache: dict[str, Any]

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.fate: Fate | None = None
        self.cookie_due = False
        self.sign_in: services.SignIn | None = None
        self.using = router.db_for_write(Session)
        self._row: Row | None = None
        self._fence: Fence | None = None

    @property
    def row_id(self) -> int | None:
        """The id of the loaded session."""
        return self._row.id if self._row else None

    @property
    def loaded_user(self) -> AbstractBaseUser | None:
        """The user that came with the row, not yet proven."""
        return self._row.user if self._row else None

    @property
    def touch_due(self) -> bool:
        """Whether the last activity of the loaded session was noted long enough ago."""
        return self._row is not None and self._row.touch_due and self.fate is None

    # Reading

    def load(self) -> dict[str, Any]:
        row = self._find(self.session_key)
        data = self.decode(row.session_data) if row else {}
        if row and row.user:
            if not row.user.is_active:
                self._end(self._sessions(pk=row.id), SessionEvent.Kind.TERMINATED, reason="The user is disabled")
                row = None
            elif SESSION_KEY not in data:
                # Signed with a secret key that is no longer known: not ours to use, and not ours to end.
                row = None
        if row is None:
            self._session_key = None
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
            row, self._fence = find(self.using, settings.SESSION_APPLICATION, halves(key)[0])
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
        data = self._get_session(no_load=must_create) if self.session_key else {}  # type: ignore[attr-defined]
        if self.session_key is None:
            self.create()
            return
        user_pk = get_user_model()._meta.pk.to_python(data[SESSION_KEY]) if SESSION_KEY in data else None
        had_user_pk = self._row.user_id if self._row else None
        with self._noting_outage():
            if user_pk is not None and (self.sign_in or user_pk != had_user_pk):
                self._insert_sign_in(user_pk)
            elif user_pk is None and had_user_pk is not None:
                self._insert_visitor_instead()
            elif self._row is None or must_create:
                self._insert_visitor()
            else:
                self._update(self._row, self._fence or Fence.read(self.using))

    def _insert_sign_in(self, user_pk: Any) -> None:
        sign_in, self.sign_in = self.sign_in, None
        if sign_in is None or sign_in.user.pk != user_pk:
            sign_in = services.SignIn(get_user_model()._base_manager.using(self.using).get(pk=user_pk))
        replaced = self._sessions(pk=self._row.id) if self._row else self._sessions().none()
        self._session_key = new_key()
        self._inserted(services.insert_sign_in(self._columns(), sign_in, replaced), sign_in.user)

    def _insert_visitor(self) -> None:
        try:
            with transaction.atomic(self.using):
                self._inserted(services.insert_visitor(self._columns()), None)
        except IntegrityError as error:
            if self._sessions(key_digest=halves(self._session_key)[0]).exists():
                raise CreateError from error
            raise

    def _insert_visitor_instead(self) -> None:
        self.delete()
        self._session_key = new_key()
        self._insert_visitor()

    def _inserted(self, session: Session, user: AbstractBaseUser | None) -> None:
        digest = bytes(session.key_digest)
        self._row = Row(session.pk, digest, user.pk if user else None, session.session_data, False, user)
        self._note_new_key()

    def _update(self, row: Row, fence: Fence) -> None:
        columns = self._columns()
        rotates = columns["key_digest"] != row.key_digest
        same = self._sessions(pk=row.id, key_digest=row.key_digest)
        while not same.live(fence).filter(fence.complete).update(**columns):
            fence = Fence.read(self.using)
            digest = self._sessions(pk=row.id).live(fence).values_list("key_digest", flat=True).first()
            if digest is None:
                self.fate = Fate.ENDED
                raise UpdateError
            if bytes(digest) != row.key_digest:
                self.fate = Fate.ROTATED
                return
        self._fence = fence
        if rotates:
            self._row = row._replace(key_digest=columns["key_digest"])
            self._note_new_key()

    def _columns(self) -> dict[str, Any]:
        first, rest = halves(self._session_key)
        return {
            "key_digest": first,
            "key_digest_rest": rest,
            "session_data": self.encode(self._session_cache),
            "expire_date": self._expire_date(),
        }

    def _expire_date(self) -> datetime | Expression:
        """Return the database's clock plus the session's age; a date that the session was given stays as it is."""
        expiry = self._session_cache.get("_session_expiry")
        if isinstance(expiry, str):
            expiry = datetime.fromisoformat(expiry)
        if not isinstance(expiry, datetime):
            return Now() + timedelta(seconds=self.get_expiry_age())
        aware = timezone.make_aware(expiry) if timezone.is_naive(expiry) else expiry
        if settings.USE_TZ or connections[self.using].vendor == "postgresql":
            return aware
        # SQLite's clock is UTC whatever the settings say, and so are all our columns there.
        return timezone.make_naive(aware, UTC)

    def cycle_key(self) -> None:
        """Take a new key; a signed-in session's row takes it when it is saved, a visitor's row goes at once."""
        self._get_session()  # type: ignore[attr-defined]
        if self._row and self._row.user_id is None:
            self.delete()
            self._row = None
        self._session_key = new_key()
        self.modified = True

    def touch(self, origin: Origin) -> None:
        """Note the last activity and where it came from, once a minute at most."""
        if self._row is None or self._fence is None:
            return
        due = self._sessions(pk=self._row.id).filter(TOUCH_DUE, self._fence.complete).live(self._fence)
        due.update(
            last_active_on=Now(),
            last_active_day=TruncDate(Now()),
            last_ip=origin.ip,
            last_location=origin.location,
            last_browser=origin.browser,
        )

    # Ending

    def delete(self, session_key: str | None = None) -> None:
        """Sign the session out: this one, or that of the key."""
        if session_key is None and self._row:
            sessions = self._sessions(pk=self._row.id)
        else:
            key = session_key or self.session_key
            if not key or not KEY.fullmatch(key):
                return
            sessions = self._sessions(
                key_digest=halves(key)[0],
                application__in=Application.objects.filter(slug=settings.SESSION_APPLICATION),
            )
        self._end(sessions, SessionEvent.Kind.SIGNED_OUT)

    def flush(self) -> None:
        super().flush()
        self._row = self.sign_in = None

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()

    @classmethod
    def clear_expired(cls) -> None:
        """Tidy: go on with unfinished terminations and remove expired sessions, in batches."""
        sweep.tidy(router.db_for_write(Session))

    # Notes

    def _sessions(self, **conditions: Any) -> SessionQuerySet:
        return Session.objects.using(self.using).filter(**conditions)

    def _end(self, sessions: SessionQuerySet, kind: SessionEvent.Kind, **values: Any) -> None:
        with self._noting_outage(), transaction.atomic(self.using):
            end(self.using, lock(sessions.live()), kind, **values)

    def _note_new_key(self) -> None:
        # Only once the new key has been committed: after a rollback the browser's old key is the good one.
        transaction.on_commit(self._make_cookie_due, using=self.using)

    def _make_cookie_due(self) -> None:
        self.cookie_due = True

    @contextmanager
    def _noting_outage(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError, UnreadableScope):
            self.fate = Fate.OUTAGE
            raise
