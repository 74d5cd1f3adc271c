"""The 65 tests that Django holds its own session engines to, unchanged, on ours (YARDSTICK 4.2)."""

from django.test import TestCase

# The module and not its class, or the runner would collect Django's own engines as well.
from sessions_tests import tests as of_django

from sessions_ui.backends.db import SessionStore


class EngineContractTests(of_django.SessionTestsMixin, TestCase):
    backend = SessionStore
