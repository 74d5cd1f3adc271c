"""gunicorn's settings: `gunicorn --config sessionadmin/gunicorn.conf.py`."""

# ruff: noqa: N999 - the name is gunicorn's own.
import sys
from pathlib import Path

# gunicorn reads this before it knows where the project lies.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sessionadmin import logs, startup

with startup.refusing_unreadable_settings():
    from sessionadmin import settings

wsgi_app = "sessionadmin.wsgi"
bind = settings.WEB_BIND
worker_class = "gthread"
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
timeout = settings.WEB_TIMEOUT
graceful_timeout = settings.WEB_GRACEFUL_TIMEOUT
# It would lie in the user's home, where two instances share it and where a service often has none.
control_socket_disable = True
accesslog = "-"
access_log_format = logs.ACCESS_LOG_FORMAT
logconfig_dict = logs.LOGGING
