"""The console's settings for the servers that the browsers visit: what it has by default, and pages that fail."""

from sessionadmin.settings import *
from sessionadmin.settings import STORAGES, env

ROOT_URLCONF = "tests.browser.urls"
STATIC_ROOT = env.str("TEST_STATIC_ROOT")
# Hashed names as everywhere, but compressing them takes longer than all tests save by it.
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}
