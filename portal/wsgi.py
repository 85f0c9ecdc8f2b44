"""The WSGI application that the web server serves."""

import os

import django
from django.core.wsgi import get_wsgi_application

from portal.checks import refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup(set_prefix=False)
refuse_unsafe_start(serves_pages=True)

application = get_wsgi_application()
