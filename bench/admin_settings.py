"""Settings of a peer's own admin pages."""

from bench import settings as plain

vars().update({name: value for name, value in vars(plain).items() if name.isupper()})
INSTALLED_APPS = [*plain.INSTALLED_APPS, "django.contrib.admin", "django.contrib.messages"]
MIDDLEWARE = [*plain.MIDDLEWARE, "django.contrib.messages.middleware.MessageMiddleware"]
ROOT_URLCONF = "bench.admin_urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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
STATIC_URL = "static/"
