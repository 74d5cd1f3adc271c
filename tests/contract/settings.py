"""The tests' settings with what Django's own session tests want installed, and time zones as CONTRACT_USE_TZ says."""

import os

from tests.settings import *
from tests.settings import INSTALLED_APPS

USE_TZ = os.environ["CONTRACT_USE_TZ"] == "on"
# Django's tests import models of these two, though no test that is run here uses them.
INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.sessions", "sessions_tests"]
