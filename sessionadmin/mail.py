"""Where mail goes while EMAIL_URL names no server."""

import logging
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends import console
from django.core.mail.backends.base import BaseEmailBackend

from sessions_ui.mail import LetterMail

logger = logging.getLogger(__name__)


class LogBackend(BaseEmailBackend):
    """Writes letters to the log, one line each, and of any other mail that it was not sent.

    A link that resets a password is a secret, so only what is known to hold none is written.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            if isinstance(message, LetterMail):
                logger.info("Mail to %s: %s\n\n%s", ", ".join(message.to), message.subject, message.body)
            else:
                logger.warning("A mail was not sent, because EMAIL_URL is not set: %s", message.subject)
        return len(email_messages)


class TerminalBackend(console.EmailBackend):
    """Writes what a person would read to the terminal, without the HTML."""

    def write_message(self, message: EmailMessage) -> None:
        self.stream.write(f"To: {', '.join(message.to)}\nSubject: {message.subject}\n\n{message.body}\n{'-' * 79}\n")
