"""A production environment in which nothing is wrong, and Django's commands in it."""

import base64
import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


def key(seed: int) -> str:
    """32 bytes in base64, different ones for each seed."""
    return base64.b64encode(bytes((seed * 37 + place * 7) % 256 for place in range(32))).decode()


def good_environment(**changes: str | None) -> dict[str, str]:
    """All that production needs; `changes` replaces variables, or takes away those that are None."""
    variables: dict[str, str | None] = {
        "PARLEY_ENV": "production",
        "SECRET_KEY": "correct-horse-battery-staple-0123456789-abcdefghijklmnop",
        "PARLEY_KEK": f"k2:{key(2)},k1:{key(1)}",
        "PARLEY_INDEX_KEY": key(3),
        "PARLEY_PEPPER": "pepper-0123456789-abcdefghijklmnopqrst",
        "BASE_URL": "https://parley.example",
        "ALLOWED_HOSTS": "parley.example",
        "TRUSTED_PROXY_COUNT": "1",
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
        "EMAIL_HOST": "mail.parley.example",
        "EMAIL_USE_TLS": "1",
        "DEFAULT_FROM_EMAIL": "Parley <no-reply@parley.example>",
        **changes,
    }
    return {name: value for name, value in variables.items() if value is not None}


def run(*words: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Runs Python with these arguments in a production environment, to its end."""
    environment = {"PATH": os.environ["PATH"], **good_environment(**changes)}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
