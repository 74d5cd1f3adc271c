#!/usr/bin/env python
"""Run Django's command line for Reports."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # sessions_ui lies in this repository; a project of its own has it installed and needs no such line.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reports.settings")
    execute_from_command_line(sys.argv)
