"""The Celery application. PostgreSQL is the truth; a task is a wake-up that carries ids, never content."""

import os

import django
from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

app = Celery("parley")
app.conf.update(settings.CELERY)
app.autodiscover_tasks(["notifications", "portal"])


@setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Django has configured logging already; Celery must not do it again."""
