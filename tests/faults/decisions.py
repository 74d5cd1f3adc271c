"""Say what a process decides whose clock is off: `python -m tests.faults.decisions SECONDS KEY …`."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta

import django
from django.utils import timezone

RIGHT_TIME = time.time


def move_the_clock(seconds: float) -> None:
    time.time = lambda: RIGHT_TIME() + seconds
    timezone.now = lambda: datetime.now(tz=UTC) + timedelta(seconds=seconds)


def main() -> None:
    move_the_clock(float(sys.argv[1]))
    django.setup()
    # These import models.
    from django.contrib.auth import SESSION_KEY
    from django.db import transaction

    from sessions_ui import sign_in_lock, sweep
    from sessions_ui.backends.db import SessionStore
    from sessions_ui.models import Beat, Session, Termination

    stores = [SessionStore(key) for key in sys.argv[2:]]
    decided = {
        "accepted": [SESSION_KEY in store.load() for store in stores],
        "touch is due": [store.touch_due for store in stores],
        "live": list(Session.objects.live().order_by("id").values_list("pk", flat=True)),
        "cut-off": sign_in_lock.cut_off("default"),
        "a worker was seen": Beat.objects.is_recent(),
    }
    with transaction.atomic():
        tidied = sweep.tidy("default")
        decided["tidied"] = list(tidied)
        decided["left"] = list(Session.objects.order_by("id").values_list("pk", flat=True))
        decided["unfinished"] = Termination.objects.unfinished().count()
        transaction.set_rollback(True)
    print(json.dumps(decided))


if __name__ == "__main__":
    main()
