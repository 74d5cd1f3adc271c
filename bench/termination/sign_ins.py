"""Signs people in until its input ends, without checking passwords; then prints how long each took."""

import json
import select
import sys
from time import perf_counter, sleep
from typing import Any

import django

PAUSE = 0.05


def main() -> None:
    django.setup()
    # These import models.
    from django.contrib.auth import login
    from django.contrib.auth.models import User
    from django.db import Error, connection
    from django.http import HttpRequest

    from sessions_ui.backends.db import SessionStore

    users = list(User.objects.order_by("id")[:500])
    backend = "django.contrib.auth.backends.ModelBackend"

    def sign_in(user: Any) -> None:
        request = HttpRequest()
        request.META = {"REMOTE_ADDR": "192.0.2.9", "HTTP_USER_AGENT": "Firefox/143.0"}
        request.session = SessionStore()
        login(request, user, backend)
        request.session.save()

    sign_in(users[0])
    print("ready", flush=True)
    seconds: list[float] = []
    failures: list[str] = []
    number = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        number += 1
        begun = perf_counter()
        try:
            sign_in(users[number % len(users)])
        except Error as error:
            failures.append(str(error))
            connection.close()
        seconds.append(perf_counter() - begun)
        sleep(PAUSE)
    print(json.dumps({"seconds": seconds, "failures": failures}), flush=True)


if __name__ == "__main__":
    main()
