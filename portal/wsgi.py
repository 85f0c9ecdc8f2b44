"""The WSGI application that the web server serves."""

import os

import django
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from portal.checks import refuse_unsafe_start
from portal.collector import spare_what_stays

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup(set_prefix=False)
refuse_unsafe_start(serves_pages=True)

application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - imports all views
spare_what_stays()
