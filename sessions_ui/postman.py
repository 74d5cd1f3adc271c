"""The postman: sends the letters that are due, and waits where the mail server does not take them."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from threading import Event
from typing import Any

from django.core.exceptions import ValidationError
from django.core.mail import get_connection
from django.core.validators import validate_email
from django.db import DatabaseError, InterfaceError

from . import mail
from .models import Letter

# Over one connection: servers hang up on those who never end.
MOST = 100
FIRST_PAUSE = 10.0
LONGEST_PAUSE = 300.0
REFUSED_FOR_GOOD = 500
logger = logging.getLogger(__name__)


@dataclass
class Postman:
    """Sends letters, oldest first; after trouble it pauses, twice as long each time."""

    using: str
    told_to_stop: Event
    pause: float = 0.0
    retry_on: float = 0.0

    def round(self) -> bool:
        """Send what is due, up to MOST letters, and return whether more may be; raises DatabaseError, InterfaceError.

        A letter is removed after it was sent: whoever is killed between leaves it to be sent twice, never lost.
        """
        if time.monotonic() < self.retry_on:
            return False
        sent, letters, connection = 0, Letter.objects.using(self.using), get_connection()
        try:
            while sent < MOST and not self.told_to_stop.is_set() and (letter := letters.claim()):
                sent += deliver(letter, connection)
                letter.delete()
            self.pause = 0.0
        except (DatabaseError, InterfaceError):
            raise
        except (SMTPException, OSError) as error:
            self.wait()
            logger.warning("The mail server did not take a letter, next try in %d s: %s", self.pause, in_words(error))
        except Exception:
            # One letter that cannot be written must not hold up the others, nor end the worker.
            self.wait()
            logger.exception("A letter could not be written.")
        finally:
            connection.close()
            if sent:
                logger.info("%d letters were sent.", sent)
        return sent == MOST

    def wait(self) -> None:
        """Send nothing for a while, and drop what nobody took for a day."""
        self.pause = min(2 * self.pause or FIRST_PAUSE, LONGEST_PAUSE)
        self.retry_on = time.monotonic() + self.pause
        if dropped := Letter.objects.using(self.using).give_up():
            logger.error("%d letters could not be sent within a day and were dropped.", dropped)


def deliver(letter: Letter, connection: Any) -> bool:
    """Send the letter and return whether it was; what there is no use in sending again is not.

    Raises SMTPException or OSError where it is worth another try.
    """
    message = mail.compose(letter)
    if message is None:
        return False
    try:
        validate_email(letter.address)
        connection.open()
        connection.send_messages([message])
    except ValidationError:
        logger.warning("A letter has no usable address and was dropped.")
        return False
    except SMTPRecipientsRefused as error:
        code = max(code for code, _ in error.recipients.values())
        if code < REFUSED_FOR_GOOD:
            raise
        logger.warning("The mail server refused a recipient with %d; the letter was dropped.", code)
        return False
    return True


def in_words(error: Exception) -> str:
    """Return what went wrong, without what servers say: they quote addresses."""
    if isinstance(error, SMTPRecipientsRefused):
        return f"the recipient was refused for now, with {max(code for code, _ in error.recipients.values())}"
    if isinstance(error, SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    return f"{type(error).__name__}: {error}"
