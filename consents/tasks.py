"""Thin: each calls one action, and returns what it says."""

from consents.actions import watch_stops as watching
from portal.celery import app


@app.task
def watch_stops() -> int:
    """See `consents.actions.watch_stops`."""
    return watching.watch_stops()
