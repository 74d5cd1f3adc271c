"""Every knob of the console, read from the environment here and nowhere else."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from sessionadmin import logs

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
SWITCHES = dict.fromkeys(("1", "true", "on", "yes", "y"), True) | dict.fromkeys(
    ("0", "false", "off", "no", "n", ""), False
)


def number(name: str, default: int) -> int:
    """Return the whole number of this name; raises ImproperlyConfigured."""
    text = env.str(name, default=str(default)).strip()
    if not text.isascii() or not text.isdecimal():
        raise ImproperlyConfigured(
            f"{name} is {text!r}, which is not a whole number. Set it to one such as {default}."
        )
    return int(text)


def switch(name: str, default: bool) -> bool:
    """Return whether the switch of this name is on; raises ImproperlyConfigured.

    What cannot be read must not count as off: PRODUCTION=enabled would be served without TLS.
    """
    text = env.str(name, default="1" if default else "0").strip().casefold()
    if text not in SWITCHES:
        raise ImproperlyConfigured(f"{name} is {text!r}. Set it to 1 for on or to 0 for off.")
    return SWITCHES[text]


def secret_key() -> str:
    """Return SECRET_KEY, or the content of the file that SECRET_KEY_FILE names."""
    if key := env.str("SECRET_KEY", default=""):
        return str(key)
    file = Path(env.str("SECRET_KEY_FILE", default=str(BASE_DIR / "var" / "secret_key")))
    try:
        return file.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"There is no secret key: set SECRET_KEY, or put one into {file} ({error.strerror})."
        ) from error


def database() -> dict[str, Any]:
    """Return Django's settings of the database that DATABASE_URL names."""
    config: dict[str, Any] = env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR}/var/sessionadmin.sqlite3")
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = {
            # A deferred transaction that turns writer half way fails at once, whatever the timeout.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }
    else:
        config["CONN_MAX_AGE"] = None
        # Below WEB_TIMEOUT: a host that swallows packets must end in a 503, not in a killed worker.
        config["OPTIONS"] = {"connect_timeout": 5}
        if switch("DATABASE_PREPARE", default=True):
            config["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 5}
            # The default is that of a spinning disk, and reads ten times the rows of a page where an index is at hand.
            config["OPTIONS"]["options"] = "-c random_page_cost=1.1"
    return config


PRODUCTION = switch("PRODUCTION", default=False)
DEBUG = switch("DEBUG", default=False)
SECRET_KEY = secret_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "sessions_ui",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
]
MIDDLEWARE = [
    "sessionadmin.middleware.ResourcePolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "sessionadmin.middleware.ProbeMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "sessionadmin.middleware.Utf8Middleware",
    "sessionadmin.middleware.NoStoreMiddleware",
    "sessionadmin.middleware.DisplayTimeZoneMiddleware",
    "sessions_ui.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "sessions_ui.middleware.AuthenticationMiddleware",
    "sessions_ui.middleware.ActivityMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "sessionadmin.urls"
WSGI_APPLICATION = "sessionadmin.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DISPLAY_TIME_ZONE = env.str("DISPLAY_TIME_ZONE", default="UTC")

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

# The engine: see "Settings" in the README.
SESSION_ENGINE = "sessions_ui.backends.db"
SESSION_APPLICATION = env.str("SESSION_APPLICATION", default="console")
SESSION_ACCOUNT = env.str("SESSION_ACCOUNT", default="sessions_ui.accounts.only_membership")
SESSION_COOKIE_AGE = int(timedelta(hours=number("SESSION_HOURS", default=12)).total_seconds())
TRUSTED_PROXY_COUNT = number("TRUSTED_PROXY_COUNT", default=0)
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
GEOIP_PATH = env.str("GEOIP_PATH", default="")

# Browsers share cookies between the ports of a host, so each application names its own.
SESSION_COOKIE_NAME = f"__Host-{SESSION_APPLICATION}" if PRODUCTION else SESSION_APPLICATION
CSRF_COOKIE_NAME = f"{SESSION_COOKIE_NAME}-csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if PRODUCTION:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Mail. Without a server it is written to the terminal, in production to the log: there without secrets.
EMAIL_BACKEND = f"sessionadmin.mail.{'Log' if PRODUCTION else 'Terminal'}Backend"
if env.str("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))
# Seconds: a server that swallows packets must not stop the others' mail for ever.
EMAIL_TIMEOUT = number("EMAIL_TIMEOUT", default=10)
PUBLIC_URL = env.str("PUBLIC_URL", default="")
MAIL_NEW_SIGN_INS = switch("MAIL_NEW_SIGN_INS", default=True)
MAIL_ENDED_SESSIONS = switch("MAIL_ENDED_SESSIONS", default=True)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="sessionadmin@localhost")

# The worker removes older login records and ends of sessions; 0 keeps them.
LOGIN_RECORD_DAYS = number("LOGIN_RECORD_DAYS", default=0)

# The newest event is kept outside of the database, so that a restored backup is noticed.
RESTORE_MARK_FILE = env.str("RESTORE_MARK_FILE", default=str(BASE_DIR / "var" / "restore_mark"))

LOGGING = logs.LOGGING

# gunicorn's, read by gunicorn.conf.py. SQLite has one writer at a time: a second process would only wait for it.
WEB_BIND = env.list("WEB_BIND", default=["127.0.0.1:8000"])
WEB_WORKERS = number("WEB_WORKERS", default=1 if "sqlite" in DATABASES["default"]["ENGINE"] else 2)
WEB_THREADS = number("WEB_THREADS", default=8)
WEB_TIMEOUT = number("WEB_TIMEOUT", default=60)
WEB_GRACEFUL_TIMEOUT = number("WEB_GRACEFUL_TIMEOUT", default=30)

# Made by `make run` beside demo people; neither may be there in production.
DEMO_PASSWORD_FILE = env.str("DEMO_PASSWORD_FILE", default=str(BASE_DIR / "var" / "demo_password"))
