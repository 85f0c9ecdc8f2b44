"""Logs: one JSON object a line (or plain lines while developing), with the request id and no personal data."""

import logging.config
import re
from typing import Any

import structlog

# PostgreSQL repeats the row's values in these lines of its errors.
_VALUES = re.compile(r"^(DETAIL|CONTEXT):.*$", re.MULTILINE)


def configure(chosen: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG hook: our own records and every library's go through one formatter.

    `chosen["format"]` is "json" or "console".
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = chosen["format"] == "json"
    renderer: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        _leave_values_out,
                        renderer,
                    ],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {
                # Django's own handlers would say everything twice, and by e-mail
                "django": {"handlers": [], "level": "INFO"},
                "django.request": {"level": "ERROR"},
                # Its lines carry task arguments and times nobody reads
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.worker.request": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.beat": {"level": "WARNING"},
            },
        }
    )


def _leave_values_out(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    if "exception" in event:
        event["exception"] = _VALUES.sub(r"\1: left out", event["exception"])
    return event
