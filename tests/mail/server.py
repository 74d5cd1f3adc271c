"""A mail server on this machine that takes mail, refuses it or says nothing, as a test wants."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks enough of RFC 5321 for smtplib, and keeps what it took."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.taken: list[EmailMessage] = []
        self.connections = 0
        # What it says to a recipient, and to the whole mail; what waits in `before_answering` holds it up.
        self.to_recipient = "250 OK"
        self.to_mail = "250 OK"
        self.before_answering: Callable[[], object] = lambda: None

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        self.say("220 ready")
        while line := self.rfile.readline():
            match line[:4].upper():
                case b"RCPT":
                    self.say(self.server.to_recipient)
                case b"DATA":
                    self.say("354 go ahead")
                    self.take(b"".join(iter(self.rfile.readline, b".\r\n")))
                case b"QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 OK")

    def take(self, content: bytes) -> None:
        if self.server.to_mail.startswith("2"):
            self.server.taken.append(message_from_bytes(content, policy=policy.default))
        self.server.before_answering()
        self.say(self.server.to_mail)

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
