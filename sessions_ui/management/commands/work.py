import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand
from django.db import router

from sessions_ui.models import Session
from sessions_ui.worker import Worker


class Command(BaseCommand):
    help = "Sweep after terminations and remove expired sessions, until told to stop by SIGTERM or Ctrl-C."

    def handle(self, **options: Any) -> None:
        told_to_stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda caught, frame: told_to_stop.set())
        Worker(router.db_for_write(Session), told_to_stop).run()
