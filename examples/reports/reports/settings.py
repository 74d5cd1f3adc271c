"""Reports: an example of another project that uses the engine, on the console's database and user table."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
VAR = Path(__file__).resolve().parents[3] / "var"


def secret_key() -> str:
    """Return REPORTS_SECRET_KEY, or the content of a file: never the key of another application."""
    file = Path(env.str("REPORTS_SECRET_KEY_FILE", default=str(VAR / "reports_secret_key")))
    try:
        key = env.str("REPORTS_SECRET_KEY", default="") or file.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"Reports has no secret key: set REPORTS_SECRET_KEY, or put one into {file} ({error.strerror})."
        ) from error
    if not key:
        raise ImproperlyConfigured(
            f"The secret key of Reports in {file} is empty: delete the file and make a new one."
        )
    return key


def database() -> dict[str, Any]:
    """Return Django's settings of the console's database."""
    config: dict[str, Any] = env.db_url("DATABASE_URL", default=f"sqlite:///{VAR}/sessionadmin.sqlite3")
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = {
            # A deferred transaction that turns writer half way fails at once, whatever the timeout.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }
    else:
        config["CONN_MAX_AGE"] = None
    return config


SECRET_KEY = secret_key()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_I18N = False
TIME_ZONE = "UTC"

INSTALLED_APPS = ["sessions_ui", "reports", "django.contrib.auth", "django.contrib.contenttypes"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "sessions_ui.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "sessions_ui.middleware.AuthenticationMiddleware",
    "sessions_ui.middleware.ActivityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "reports.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "img-src": ["data:"],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# The engine.
SESSION_ENGINE = "sessions_ui.backends.db"
SESSION_APPLICATION = "reports"
# The console's worker tells people of sign-ins from new devices and places.
MAIL_NEW_SIGN_INS = True
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
# Browsers share cookies between the ports of a host, so each application names its own.
# Behind TLS they are called __Host-reports and __Host-reports-csrf, and are Secure.
SESSION_COOKIE_NAME = "reports"
CSRF_COOKIE_NAME = "reports-csrf"
CSRF_COOKIE_HTTPONLY = True
