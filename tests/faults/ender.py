"""Terminate everything as soon as a line comes in, and say so once it is done: a server that a test may kill."""

import sys

import django


def main() -> None:
    django.setup()
    # These import models.
    from sessions_ui import services, sign_in_lock
    from sessions_ui.models.scopes import Scope

    print("ready", flush=True)
    sys.stdin.readline()
    scope = Scope({"everything": True}, {"all": True}, sign_in_lock.cut_off("default"))
    services.terminate(scope, "A server", matched=10**6)
    print("claimed", flush=True)


if __name__ == "__main__":
    main()
