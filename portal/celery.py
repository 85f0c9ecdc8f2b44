"""The Celery application. PostgreSQL is the truth; a task is a wake-up that carries ids, never content."""

import os

import django
from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging, worker_ready
from django.conf import settings

from portal.checks import refuse_unsafe_start
from portal.collector import spare_what_stays

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

app = Celery("parley")
app.conf.update(settings.CELERY)
app.autodiscover_tasks(["consents", "notifications", "partners", "portal"])


@celeryd_init.connect
@beat_init.connect
def _refuse_unsafe_start(**_: object) -> None:
    """Workers and beat; whoever only publishes has been checked at its own start."""
    refuse_unsafe_start()


@worker_ready.connect
def _spare_what_stays(**_: object) -> None:
    spare_what_stays()


@setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Django has configured logging already; Celery must not do it again."""
