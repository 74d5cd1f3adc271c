"""The way in for a WSGI server."""

import os
import sys
from pathlib import Path

from django.core.wsgi import get_wsgi_application

# sessions_ui lies in this repository; a project of its own has it installed and needs no such line.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reports.settings")
application = get_wsgi_application()
