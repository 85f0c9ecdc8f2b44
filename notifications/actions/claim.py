"""Claiming due deliveries: consent is judged, as it is now, in the statement that takes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from consents.policy import ACCOUNT, HELD, UNREACHABLE, VERDICT
from notifications.quiet import QUIET, QUIET_UNTIL
from notifications.telling import Changed, tell
from portal.tenancy import prepared
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

BATCH = 200
# A send may begin only this long after its claim; whoever ends a grant waits this out. Seconds.
START_WITHIN = 0.5
# Of the sender that the message goes by now: it may be another one than it was queued for
PAUSED = "sender_paused"
# A held delivery is judged again after this. Seconds.
HOLD = 15
ENDED = ("EXPIRED", "FAILED", "WITHDRAWN")

# Where to is the grant's to say: it may have moved to another account since the message was taken in.
# BATCH is written into the statement: a planner that does not know how few rows are picked reads whole tables
_CLAIM = f"""
WITH RECURSIVE banks AS (
    (SELECT partner_id FROM notifications_delivery
     WHERE lane = %(lane)s AND status = 'QUEUED' ORDER BY partner_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.partner_id FROM notifications_delivery d
            WHERE d.lane = %(lane)s AND d.status = 'QUEUED' AND d.partner_id > b.partner_id
            ORDER BY d.partner_id LIMIT 1)
    FROM banks b WHERE b.partner_id IS NOT NULL
), picked AS MATERIALIZED (
    SELECT due.id FROM banks b CROSS JOIN LATERAL (
        SELECT d.id FROM notifications_delivery d JOIN partners_sender s ON s.id = d.sender_id
        WHERE d.lane = %(lane)s AND d.status = 'QUEUED' AND d.partner_id = b.partner_id
          AND d.next_attempt_at <= now() AND s.status = 'ACTIVE'
          AND (s.breaker_open_until IS NULL OR s.breaker_open_until <= now())
        ORDER BY d.next_attempt_at
        LIMIT (SELECT ceil({BATCH}::numeric / greatest(count(partner_id), 1)) FROM banks)
        FOR NO KEY UPDATE OF d SKIP LOCKED
    ) due LIMIT {BATCH}
), judged AS MATERIALIZED (
    SELECT d.id, a.id AS account_id, a.sender_id, COALESCE(array_position(g.fallback_ids, a.id), 0) AS place,
        quiet.until AS quiet_until, CASE WHEN d.expires_at <= now() THEN 'expired'
        ELSE COALESCE({VERDICT.format(cluster="n.cluster")}, CASE WHEN y.status <> 'ACTIVE' OR y.breaker_open_until > now() THEN '{PAUSED}'
            WHEN quiet.until > now() THEN '{QUIET}' END) END AS verdict
    FROM picked JOIN notifications_delivery d ON d.id = picked.id
    JOIN notifications_notification n ON n.id = d.notification_id
    JOIN consents_grant g ON g.id = d.grant_id
    JOIN partners_partner p ON p.id = d.partner_id
    LEFT JOIN partners_agreementversion v ON v.partner_id = d.partner_id AND v.status = 'FINALIZED'
    JOIN {ACCOUNT}
    JOIN partners_sender y ON y.id = a.sender_id
    LEFT JOIN LATERAL ({QUIET_UNTIL}) quiet ON true
    FOR KEY SHARE OF g, p SKIP LOCKED
), taken AS (
    UPDATE notifications_delivery d SET
        status = CASE WHEN j.verdict IS NULL THEN 'SENDING' WHEN j.verdict = 'expired' THEN 'EXPIRED'
                      WHEN j.verdict = ANY (%(held)s) THEN 'QUEUED' WHEN j.verdict = '{UNREACHABLE}' THEN 'FAILED'
                      ELSE 'WITHDRAWN' END,
        account_id = j.account_id, sender_id = j.sender_id, place = j.place,
        reason = COALESCE(j.verdict, ''),
        attempts = d.attempts + CASE WHEN j.verdict IS NULL THEN 1 ELSE 0 END,
        start_by = now() + make_interval(secs => {START_WITHIN}),
        lease_until = now() + make_interval(secs => %(lease)s),
        quiet_until = CASE WHEN j.verdict = '{QUIET}' THEN j.quiet_until ELSE d.quiet_until END,
        next_attempt_at = CASE WHEN j.verdict = '{QUIET}' THEN j.quiet_until
                               WHEN j.verdict = ANY (%(held)s) THEN now() + make_interval(secs => {HOLD})
                               ELSE d.next_attempt_at END,
        ended_at = CASE WHEN j.verdict IS NULL OR j.verdict = ANY (%(held)s) THEN NULL ELSE now() END
    FROM judged j WHERE d.id = j.id
    RETURNING d.*
)
SELECT t.id, t.status, t.reason, t.attempts, t.expires_at, t.environment, t.partner_id, t.person_id, t.sender_id, t.account_id, t.grant_id,
       n.id, n.cluster, n.data, tv.body, tv.locale, a.address, a.last_inbound_at > now() - interval '23 hours 55 minutes',
       g.accounts, t.place, cardinality(g.fallback_ids), k.id, k.kek_id, k.wrapped, s.external_id, s.channel, s.rate_per_second, s.secrets,
       s.breaker_failures, sk.id, sk.kek_id, sk.wrapped
FROM taken t
JOIN notifications_notification n ON n.id = t.notification_id
JOIN notifications_templateversion tv ON tv.id = n.template_version_id
JOIN consents_linkedaccount a ON a.id = t.account_id
JOIN consents_grant g ON g.id = t.grant_id
JOIN partners_sender s ON s.id = t.sender_id
LEFT JOIN vault_datakey k ON k.partner_id = t.partner_id AND k.person_id = t.person_id
LEFT JOIN vault_datakey sk ON sk.partner_id = t.partner_id AND sk.person_id IS NULL
"""  # noqa: S608 (made of our own constants)


@dataclass(slots=True)
class Claimed:
    """A delivery as the claim found it, and all that sending it needs."""

    id: UUID
    status: str
    reason: str
    attempts: int
    expires_at: datetime
    environment: str
    partner_id: UUID
    person_id: UUID
    sender_id: UUID
    account_id: UUID
    grant_id: UUID
    notification_id: UUID
    cluster: str
    data: bytes
    body: str
    locale: str
    address: bytes
    in_window: bool | None
    accounts: bytes
    place: int  # of the account: 0 is the grant's own, the others follow in their order
    fallbacks: int
    key_id: UUID | None
    kek_id: str
    wrapped: bytes
    page: str
    channel: str
    rate_per_second: int
    secrets: bytes
    breaker_failures: int
    sender_key_id: UUID
    sender_kek_id: str
    sender_wrapped: bytes

    def as_changed(self, status: str, reason: str) -> Changed:
        """What its bank is told of the state it has come to."""
        return Changed(
            self.notification_id, self.grant_id, self.partner_id, self.person_id, self.environment, self.cluster,
            status, reason,
        )  # fmt: skip


def claim_due(*, lane: str) -> list[Claimed]:
    """Takes up to BATCH due deliveries of a lane, shared out between its banks. Those with status SENDING
    are to be sent within START_WITHIN seconds; the others have been ended or put off by the same statement.
    """
    lease = settings.DELIVERY_LEASE_SECONDS
    values: dict[str, Any] = {"lane": lane, "held": [*HELD, PAUSED, QUIET], "lease": lease}
    with scope(Principal.system()), transaction.atomic():
        claimed = [Claimed(*row) for row in prepared.run(_CLAIM, values)]
        tell(row.as_changed(row.status, row.reason) for row in claimed if row.status in ENDED)
    return claimed
