"""The service's settings with another table of addresses."""

from accounts_enforcement.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.intake_baseline"
