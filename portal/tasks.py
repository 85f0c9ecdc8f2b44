"""The portal's own timed work."""

from django.db import connection, transaction

from portal.celery import app
from portal.mail.outbox import send_due_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_AT_ONCE = 5_000  # the LIMIT of those that may find many
# What is past its use. An idempotency key is promised for 24 hours.
_CLEAN_UP = {
    "idempotency_keys": "DELETE FROM api_idempotencykey WHERE created_at < now() - interval '48 hours'",
    "access_tokens": "DELETE FROM oauth2_provider_accesstoken WHERE expires < now()",
    "link_tokens": "DELETE FROM consents_linktoken WHERE expires_at < now() - interval '1 day'",
    "grant_requests": "UPDATE consents_grantrequest SET content = '' WHERE content <> '' AND expires_at < now() - interval '1 hour'",
    "recoveries": "DELETE FROM notifications_recovery WHERE ended_at < now() - interval '30 days'",
    "inbound_events": """DELETE FROM notifications_inboundevent WHERE id IN (
        SELECT id FROM notifications_inboundevent WHERE processed_at < now() - interval '30 days' LIMIT 5000)""",
    # An id begins with its time, in milliseconds
    "readings": """DELETE FROM consents_reading WHERE id IN (SELECT id FROM consents_reading WHERE id < (
        lpad(to_hex((extract(epoch FROM now() - interval '365 days') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
        LIMIT 5000)""",
    "sessions": "DELETE FROM django_session WHERE expire_date < now()",
}


@app.task
def clean_up() -> dict[str, int]:
    """Deletes or empties what is past its use; returns how many rows of each kind."""
    return {kind: _all_of(statement) for kind, statement in _CLEAN_UP.items()}


def _all_of(statement: str) -> int:
    """Again, in a transaction of its own, while it finds as many as it takes at once."""
    total, count = 0, _AT_ONCE
    while count >= _AT_ONCE:
        with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            count = cursor.rowcount
        total += count
    return total


@app.task
def send_mail() -> int:
    """See `portal.mail.outbox`."""
    return send_due_mail()
