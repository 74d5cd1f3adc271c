"""Settings of one case: the console's database, and nothing beside the engine that all cases do not need."""

from bench.cases import CASES
from sessionadmin import settings as console

CASE = CASES[console.env.str("BENCH_CASE")]

SECRET_KEY = console.SECRET_KEY
ALLOWED_HOSTS = ["localhost"]
DATABASES = console.DATABASES
# A new connection for each request costs more than any engine.
DATABASES["default"]["CONN_MAX_AGE"] = None
DEFAULT_AUTO_FIELD = console.DEFAULT_AUTO_FIELD
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": console.env.str("BENCH_VALKEY_URL"),
    }
}

INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", CASE.app]
MIDDLEWARE = list(CASE.middleware)
ROOT_URLCONF = "bench.urls"
USE_I18N = False
USE_TZ = True
TIME_ZONE = console.TIME_ZONE
LOGGING_CONFIG = None

SESSION_ENGINE = CASE.engine
SESSION_APPLICATION = "console"
SESSION_COOKIE_AGE = console.SESSION_COOKIE_AGE
vars().update(CASE.settings)
