"""The way in for an ASGI server; it refuses to start on a failed check."""

import os
from concurrent.futures import ThreadPoolExecutor

from django.core.asgi import get_asgi_application

from .startup import refuse_faults

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sessionadmin.settings")
with ThreadPoolExecutor(1) as thread:
    # A server may import this inside its event loop, where Django refuses to ask the database.
    thread.submit(refuse_faults).result()
application = get_asgi_application()
