"""The way in for a WSGI server; it refuses to start on a failed check."""

import os

from django.core.wsgi import get_wsgi_application

from .startup import refuse_faults

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sessionadmin.settings")
refuse_faults()
application = get_wsgi_application()
