"""The connection to Valkey that requests use: quick to give up, and slow to try again after a failure."""

import time
from typing import Any

import redis
import structlog
from django.conf import settings

_TIMEOUT = 0.2  # seconds
_PAUSE = 3.0  # seconds without another try after a failure
_log = structlog.get_logger(__name__)
_client = redis.Redis.from_url(
    settings.REDIS_URL.replace("redis+socket://", "unix://"),
    socket_timeout=_TIMEOUT,
    socket_connect_timeout=_TIMEOUT,
    decode_responses=True,
)
_down_until = 0.0


class Unreachable(Exception):
    """Valkey did not answer in time, or failed a moment ago."""


def call(command: Any, *args: Any, **options: Any) -> Any:
    """Runs a client's method or a registered script; raises Unreachable."""
    global _down_until
    if time.monotonic() < _down_until:
        raise Unreachable
    try:
        return command(*args, **options)
    except redis.RedisError as error:
        _down_until = time.monotonic() + _PAUSE
        _log.warning("valkey.unreachable", error=type(error).__name__)
        raise Unreachable from error


def client() -> redis.Redis:
    """The shared client (thread-safe)."""
    return _client
