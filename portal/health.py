"""Is it alive, is it ready, and how is it doing."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

QUEUE_AGE = Gauge("parley_queue_age_seconds", "Age of the oldest delivery that is due", ["lane"])
QUEUE_DEPTH = Gauge("parley_queue_depth", "Deliveries that are due", ["lane"])
STOP_SECONDS = Gauge(
    "parley_stop_confirmation_seconds", "From a stop to its bank's confirmation, over a day", ["quantile"]
)
STATE = Gauge("parley_state", "What should be zero, or soon be zero again", ["what"])
_QUEUE = """
SELECT lane, count(*), extract(epoch FROM now() - min(next_attempt_at)) FROM notifications_delivery
WHERE status = 'QUEUED' AND next_attempt_at <= now() GROUP BY lane
"""
_STATE = """
SELECT 'deliveries_past_their_lease', count(*) FROM notifications_delivery
    WHERE status = 'SENDING' AND lease_until <= now()
UNION ALL SELECT 'inbound_events_waiting', count(*) FROM notifications_inboundevent WHERE processed_at IS NULL
UNION ALL SELECT 'words_unheard', count(*) FROM notifications_inboundevent
    WHERE processed_at IS NULL AND NOT kind IN ('delivery', 'read', 'echo') AND next_attempt_at < now() - interval '5 s'
UNION ALL SELECT 'replies_waiting', count(*) FROM notifications_reply WHERE ended_at IS NULL
UNION ALL SELECT 'webhooks_due', count(*) FROM partners_webhookdelivery
    WHERE status = 'PENDING' AND next_attempt_at <= now()
UNION ALL SELECT 'senders_paused', count(*) FROM partners_sender WHERE status = 'PAUSED'
UNION ALL SELECT 'senders_with_open_breaker', count(*) FROM partners_sender WHERE breaker_open_until > now()
UNION ALL SELECT 'stops_unconfirmed', count(*) FROM consents_grantstop
    WHERE alerted_at IS NOT NULL AND look_at IS NOT NULL
UNION ALL SELECT 'grants_not_tended', count(*) FROM consents_grant
    WHERE tend_failures > 0 AND status IN ('ACTIVE', 'PAUSED')
UNION ALL SELECT 'banks_with_messages_past_their_time', count(*) FROM notifications_retention
    WHERE done_at < now() - interval '1 day'
"""
_STOPS = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM confirmed_at - stopped_at))
FROM consents_grantstop
WHERE environment = 'live' AND confirmed_at IS NOT NULL AND stopped_at > now() - interval '1 day'
"""


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers, without which nothing works; the broker's absence only slows things down."""
    checks = {"database": _database(), "broker": _broker()}
    return JsonResponse({"status": "ok", "checks": checks}, status=200 if checks["database"] == "ok" else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, measured from rows; only for whoever asks on this machine itself, not through a proxy."""
    if request.META.get("REMOTE_ADDR") not in ("127.0.0.1", "::1") or "X-Forwarded-For" in request.headers:
        return HttpResponseNotFound()
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_QUEUE)
        found = {lane: (depth, age) for lane, depth, age in cursor.fetchall()}
        cursor.execute(_STATE)
        for what, count in cursor.fetchall():
            STATE.labels(what).set(count)
        cursor.execute(_STOPS)
        STOP_SECONDS.clear()  # without stops there is nothing to say
        for quantile, seconds in zip(("0.5", "0.95"), cursor.fetchone()[0] or (), strict=False):
            STOP_SECONDS.labels(quantile).set(seconds)
    for lane in ("urgent", "standard"):
        depth, age = found.get(lane, (0, 0))
        QUEUE_DEPTH.labels(lane).set(depth)
        QUEUE_AGE.labels(lane).set(age)
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connection.close()
        return "down"
    return "ok"


def _broker() -> str:
    try:
        url = settings.REDIS_URL.replace("redis+socket://", "unix://")
        with redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5) as client:
            client.ping()
    except redis.RedisError:
        return "down"
    return "ok"
