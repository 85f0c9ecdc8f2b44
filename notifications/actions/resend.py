"""Sending again what failed or expired: judged as it stands now, and then on its way as if it had just come in."""

from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from consents.policy import ACCOUNT, UNREACHABLE, VERDICT
from notifications.lanes import EXPIRY
from notifications.models import Delivery
from notifications.nudge import nudge
from partners.agreement_text import CLAUSES
from portal.api.errors import Problem
from portal.audit.codes import Code
from portal.tenancy import prepared
from portal.tenancy.principal import Principal

AGAIN = (Delivery.Status.FAILED, Delivery.Status.EXPIRED)
ERASED = "erased"
_LIFE = " ".join(
    f"WHEN '{cluster}' THEN interval '{life.total_seconds():.0f} seconds'" for cluster, life in EXPIRY.items()
)
_RESEND = f"""
WITH picked AS MATERIALIZED (
    SELECT d.id FROM notifications_delivery d JOIN notifications_notification n ON n.id = d.notification_id
    WHERE d.partner_id = %(partner)s AND d.environment = %(environment)s AND d.status IN ('FAILED', 'EXPIRED')
      AND {{which}}
    ORDER BY d.id LIMIT %(limit)s FOR NO KEY UPDATE OF d
), judged AS MATERIALIZED (
    SELECT d.id, n.cluster, a.id AS account_id, a.sender_id,
        CASE WHEN k.id IS NULL OR n.data = '' THEN '{ERASED}' ELSE {VERDICT.format(cluster="n.cluster")} END AS verdict
    FROM picked JOIN notifications_delivery d ON d.id = picked.id
    JOIN notifications_notification n ON n.id = d.notification_id
    JOIN consents_grant g ON g.id = d.grant_id
    JOIN partners_partner p ON p.id = d.partner_id
    LEFT JOIN partners_agreementversion v ON v.partner_id = d.partner_id AND v.status = 'FINALIZED'
    JOIN {ACCOUNT}
    LEFT JOIN vault_datakey k ON k.partner_id = d.partner_id AND k.person_id = d.person_id
), again AS (
    UPDATE notifications_delivery d SET status = 'QUEUED', reason = '', attempts = 0, provider_id = '',
        account_id = j.account_id, sender_id = j.sender_id, sent_at = NULL, ended_at = NULL, resent_at = now(), next_attempt_at = now(),
        expires_at = now() + CASE j.cluster {_LIFE} END
    FROM judged j WHERE d.id = j.id AND (j.verdict IS NULL OR j.verdict = '{UNREACHABLE}')
    RETURNING d.id, d.notification_id, d.person_id, d.lane
), noted AS (
    INSERT INTO audit_auditevent (code, actor_kind, actor_id, partner_id, person_id, target_type, target_id,
        request_id, data)
    SELECT %(code)s, 'client', %(client)s, %(partner)s, person_id, 'Notification', notification_id, %(request_id)s,
        '{{{{}}}}'::jsonb FROM again
)
SELECT j.id, j.verdict, again.lane FROM judged j LEFT JOIN again ON again.id = j.id ORDER BY j.id
"""  # noqa: S608 (made of our own constants)
_ONE = _RESEND.format(which="d.id = %(id)s")
_MANY = _RESEND.format(
    which="d.id > %(after)s AND d.ended_at >= %(since)s AND d.ended_at <= %(until)s AND n.cluster = ANY (%(clusters)s)"
)
_EXPLANATIONS = {
    "no_active_grant": "The grant that allowed it has ended.",
    "grant_paused": "The person has paused messages from your bank.",
    "reconfirmation_due": "The person has to reconfirm before more can be sent.",
    "partner_suspended": "Your bank is not active, so nothing can be sent.",
    "agreement_not_in_force": "Your bank has no agreement in force.",
}


def resend_notification(*, delivery: Delivery, actor: Principal) -> Delivery:
    """Puts one back into the queue, with all its tries and the time its cluster has; raises Problem when it has
    neither failed nor expired, or may not be sent now.

    Runs in the caller's transaction, under the client's scope.
    """
    rows = _run(_ONE, actor, id=delivery.id, limit=1)
    if not rows:
        raise Problem("not_resendable")
    _, verdict, lane = rows[0]
    if lane is None:
        raise _refusal(verdict, delivery.notification.cluster)
    return Delivery.objects.select_related("notification").get(pk=delivery.pk)


def resend_some(*, on_behalf_of: Principal, limit: int, **which: Any) -> list[UUID]:
    """The next `limit` that ended between `since` and `until`, in order of their ids from behind `after`, in these
    `clusters`: those that may be sent now are queued. Returns the ids of all that were judged.
    """
    return [row[0] for row in _run(_MANY, on_behalf_of, limit=limit, **which)]


def _run(statement: str, actor: Principal, **values: Any) -> list[tuple[Any, ...]]:
    rows = prepared.run(
        statement,
        {
            "partner": actor.partner_id,
            "environment": actor.environment,
            "client": actor.id,
            "code": Code.NOTIFICATION_REQUEUED.value,
            "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
            **values,
        },
    )
    for lane in {row[2] for row in rows if row[2]}:
        transaction.on_commit(partial(nudge, lane))
    return rows


def _refusal(verdict: str, cluster: str) -> Problem:
    """Why it may not be sent now, as accepting it would say."""
    if verdict == "outside_agreement":
        detail = f"{cluster}, or the channel, is outside your agreement: see clause {CLAUSES['clusters']}."
        return Problem("insufficient_scope", detail)
    if verdict == ERASED:
        return Problem("no_active_grant", "What this message said has been erased.")
    code = "partner_suspended" if verdict == "partner_ended" else verdict
    return Problem(code, _EXPLANATIONS[code])
