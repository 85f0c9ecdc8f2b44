"""What accepting is measured against: Django REST framework inserting one row, and nothing else.

`/bare` has neither authentication nor middleware. `BARE_USUAL=1` makes it what projects usually have: Django's
default middleware and a token that is looked up. A whole site in one module, with settings of its own.
"""

import json
import os
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

IS_USUAL = os.environ.get("BARE_USUAL") == "1"
_USUAL_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
settings.configure(
    SECRET_KEY="measures only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "rest_framework",
    ],
    MIDDLEWARE=_USUAL_MIDDLEWARE if IS_USUAL else [],
    DATABASES={"default": json.loads(os.environ["BARE_DATABASE"])},
    REST_FRAMEWORK={
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    },
)
django.setup()

from django.db import models  # noqa: E402 - Django's parts want the settings first
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import authentication, exceptions, generics, permissions, serializers  # noqa: E402

from portal.ids import uuid7  # noqa: E402


class Token(models.Model):
    key = models.TextField(primary_key=True)
    client = models.TextField()

    class Meta:
        app_label, db_table = "bench", "bench_token"


class Event(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7)
    customer_ref = models.TextField()
    template = models.TextField()
    data = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label, db_table = "bench", "bench_event"


class EventSerializer(serializers.ModelSerializer):
    class Meta:
        model = Event
        fields = ("id", "customer_ref", "template", "data", "created_at")
        read_only_fields = ("id", "created_at")


class BearerToken(authentication.BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[Token, None]:
        token = Token.objects.filter(key=request.headers.get("Authorization", "")[7:]).first()
        if token is None:
            raise exceptions.AuthenticationFailed
        token.is_authenticated = True
        return token, None


class Insert(generics.CreateAPIView):
    serializer_class = EventSerializer
    authentication_classes = (BearerToken,) if IS_USUAL else ()
    permission_classes = (permissions.IsAuthenticated,) if IS_USUAL else ()


def nothing(request: HttpRequest) -> HttpResponse:
    """No work at all: how fast the driver can go, and whether the server is up."""
    return HttpResponse(b"ok")


urlpatterns = [path("bare", Insert.as_view()), path("health/ready", nothing)]
application = get_wsgi_application()
