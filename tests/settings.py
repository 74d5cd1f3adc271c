"""The console's settings for tests: fast and quiet."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "for tests only: whoever reads this file knows it")

from sessionadmin.settings import *
from sessionadmin.settings import DATABASES, STORAGES

# Each test has a database of its own.
RESTORE_MARK_FILE = ""
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# A handler made while pytest captures output writes to a closed file later on.
LOGGING = {"version": 1, "disable_existing_loggers": False}

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # In memory there is neither WAL nor a second connection, and both are what is to be tested.
    file = Path(tempfile.gettempdir()) / f"sessionadmin-tests-{os.getpid()}.sqlite3"
    DATABASES["default"]["TEST"] = {"NAME": str(file)}
