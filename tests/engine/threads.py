"""Code that may wait for a lock, run beside the test so that a wait without end is a failure and not a hang."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from django.db import connection

Result = TypeVar("Result")
LONG_ENOUGH = 20


def start(call: Callable[[], Result]) -> Future[Result]:
    """Start the call in a thread with a Django connection of its own."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 raised again where it is awaited
            future.set_exception(error)
        finally:
            connection.close()

    Thread(target=run, daemon=True).start()
    return future


def in_thread(call: Callable[[], Result]) -> Result:
    """Return what the call returns; raises TimeoutError when it hangs."""
    return start(call).result(LONG_ENOUGH)
