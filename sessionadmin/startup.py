"""Refuse to start on a fault. `runserver` and `migrate` do so by themselves, gunicorn serves over a failed check."""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import django
from django.conf import settings
from django.core.checks import CheckMessage, Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, connections

# gunicorn's own code of a worker that cannot boot: its master stops too, instead of starting the worker for ever.
REFUSED = 3
logger = logging.getLogger(__name__)


def refuse_faults() -> None:
    """Set Django up and run the system checks; exit with REFUSED and their text where something is wrong."""
    with refusing_unreadable_settings():
        django.setup(set_prefix=False)
    # Python's warnings would be two lines on stderr each.
    logging.captureWarnings(True)
    if wrong := faults(getattr(settings, "PRODUCTION", False)):
        refuse(wrong)


def faults(production: bool) -> list[str]:
    """Return in words what must stop the start, and log the rest.

    In production that includes the checks of `--deploy`, warnings too, and those that ask the database.
    """
    strict = run_checks(tags=[Tags.security], include_deployment_checks=True) if production else []
    wrong = []
    for message in found(production):
        if message.is_silenced():
            continue
        if message.is_serious() or message in strict:
            wrong.append(in_words(message))
        else:
            logger.warning("%s", in_words(message))
    return wrong


def found(production: bool) -> list[CheckMessage]:
    """Run the checks; a database that is away is no fault, since the answer is 503 until it is back."""
    if not production:
        return run_checks()
    try:
        return run_checks(include_deployment_checks=True, databases=list(connections))
    except (OperationalError, InterfaceError) as error:
        logger.warning("The database does not answer, so the checks that ask it were left out: %s", error)
        return run_checks(include_deployment_checks=True)
    finally:
        connections.close_all()


@contextmanager
def refusing_unreadable_settings() -> Iterator[None]:
    """Exit with REFUSED and the error's own words where the settings cannot be read from the environment."""
    try:
        yield
    except (ImproperlyConfigured, ValueError) as error:
        refuse([f"The settings cannot be read. {error}"])


def in_words(message: CheckMessage) -> str:
    return f"{message.id}: {message.msg} {message.hint or ''}".strip()


def refuse(wrong: Iterable[str]) -> NoReturn:
    print("Session Admin does not start:", *wrong, sep="\n  ", file=sys.stderr, flush=True)
    sys.exit(REFUSED)
