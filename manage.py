#!/usr/bin/env python3
"""Django's command line. `./run manage …` starts local engines first; this file never does."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accounts_enforcement.settings")
    execute_from_command_line(sys.argv)
