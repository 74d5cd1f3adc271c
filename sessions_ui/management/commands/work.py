import os
import signal
from threading import Event, Thread
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections, router

from sessions_ui.models import Session
from sessions_ui.postman import Postman
from sessions_ui.worker import Worker, until_told_to_stop

# By so much it steps back where processors are few: people sign in meanwhile.
NICENESS = 10


class Command(BaseCommand):
    help = (
        "Sweep after terminations, remove expired sessions and send letters, until told to stop by SIGTERM or Ctrl-C."
    )

    def handle(self, **options: Any) -> None:
        using, told_to_stop = router.db_for_write(Session), Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda caught, frame: told_to_stop.set())
        # Not on SQLite: whoever waits for the processor there would hold the one lock of all writers meanwhile.
        if connections[using].vendor != "sqlite":
            os.nice(NICENESS)
        # Beside the tidying, which must not wait for a mail server.
        post = Thread(target=until_told_to_stop, args=(Postman(using, told_to_stop).round, using, told_to_stop))
        post.start()
        try:
            Worker(using, told_to_stop).run()
        finally:
            told_to_stop.set()
            post.join()
