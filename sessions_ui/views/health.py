"""The probes of a balancer or an orchestrator: plain text, no session, nothing that tells a version or a secret."""

import logging
from datetime import timedelta
from functools import partial

from django.db import Error, connections, router
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sessions_ui import restore
from sessions_ui.models import Beat, Session, Termination

TIDYING_TIME = timedelta(minutes=5)
# Databases whose migrations were all applied when this process looked; they do not get less.
migrated: set[str] = set()
plain_text = partial(HttpResponse, content_type="text/plain; charset=utf-8")
logger = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process answers at all; an outage of the database is no reason to restart it."""
    return plain_text("ok\n")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200, or 503 while the database is away or lacks a migration, with one line for each item."""
    using = router.db_for_write(Session)
    try:
        ready = is_migrated(using)
        lines = ["database: answers"]
        lines += (
            ["migrations: applied", tidying(using), worker(using)] if ready else ["migrations: missing, run migrate"]
        )
        if ready and restore.is_restored(using):
            ready = False
            lines += [f"backup: restored, and sessions that had ended are live again: run {restore.COMMAND}"]
    except Error as error:
        logger.warning("Not ready: %s", error)
        ready, lines = False, ["database: does not answer"]
    return plain_text("".join(f"{line}\n" for line in lines), status=200 if ready else 503)


def is_migrated(using: str) -> bool:
    """Return whether every migration is applied; asks until that was so once."""
    if using not in migrated:
        executor = MigrationExecutor(connections[using])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        migrated.add(using)
    return True


def worker(using: str) -> str:
    return "worker: seen" if Beat.objects.using(using).is_recent() else "worker: none seen for five minutes"


def tidying(using: str) -> str:
    """Say whether terminations wait for their tidying: no failure, since they are in effect."""
    unfinished = Termination.objects.using(using).unfinished().order_by()
    waiting = unfinished.filter(created_on__lt=Now() - TIDYING_TIME).count()
    return f"tidying: waits, unfinished terminations: {waiting}" if waiting else "tidying: up to date"
