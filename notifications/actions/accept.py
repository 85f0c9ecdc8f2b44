"""Accepting a notification: every check, then the notification, its delivery and the audit event in one
statement. Two round trips between BEGIN and COMMIT.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.utils import timezone

from consents.actions.give import account_index
from consents.policy import ACCOUNT, UNREACHABLE, VERDICT
from notifications.lanes import EXPIRY, lane_of
from notifications.nudge import nudge
from notifications.promotion import PROMOTIONAL
from notifications.typed_data import find_advertising, find_errors
from notifications.volume import count_against_cap
from partners.agreement_text import CLAUSES
from partners.clusters import Cluster, Environment
from portal.api.account_numbers import find_full_account_number
from portal.api.errors import Problem
from portal.audit.codes import Code
from portal.ids import public_id, uuid7
from portal.tenancy import prepared
from portal.tenancy.principal import Principal
from portal.vault.crypto import blind_index, seal, unwrap


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for, already of the right shape."""

    template: str
    data: dict[str, Any]
    customer_ref: str = ""
    grant_id: UUID | None = None
    locale: str = "en"
    send_at: datetime | None = None
    expires_at: datetime | None = None
    collapse_key: str = ""


@dataclass(slots=True)
class Facts:
    """All that decides, as it is at this moment."""

    cluster: str | None
    template_version_id: UUID | None
    agreement_version_id: UUID | None
    agreement_clusters: list[str] | None
    volume_cap: int | None
    retention_days: int | None
    grant_id: Any  # a UUID, or None when there is no grant at all
    person_id: UUID
    record_id: UUID
    account_id: UUID
    account_indexes: list[bytes]
    sender_id: UUID
    key_id: Any  # a UUID, or None once the key is destroyed
    kek_id: str
    wrapped: bytes
    verdict: str | None  # see consents.policy


_FACTS = f"""
SELECT t.cluster, tv.id, v.id, v.clusters, v.monthly_volume_cap, v.retention_days, g.id, g.person_id, g.record_id,
       a.id, g.account_indexes, a.sender_id, k.id, k.kek_id, k.wrapped, {VERDICT.format(cluster="t.cluster")}
FROM partners_partner p
LEFT JOIN notifications_template t ON t.partner_id = p.id AND t.name = %(template)s
LEFT JOIN LATERAL (
    SELECT id FROM notifications_templateversion WHERE template_id = t.id AND status = 'APPROVED'
    ORDER BY locale = %(locale)s DESC, locale = 'en' DESC LIMIT 1) tv ON true
LEFT JOIN partners_agreementversion v ON v.partner_id = p.id AND v.status = 'FINALIZED'
LEFT JOIN LATERAL (SELECT * FROM consents_grant c WHERE {{grant}}
    ORDER BY c.status IN ('ACTIVE', 'PAUSED') DESC, c.id DESC LIMIT 1) g ON true
LEFT JOIN {ACCOUNT}
LEFT JOIN vault_datakey k ON k.partner_id = p.id AND k.person_id = g.person_id
WHERE p.id = %(partner)s
"""  # noqa: S608 (made of our own constants)
FACTS_BY_ID = _FACTS.format(
    grant="c.id = %(grant)s AND c.partner_id = %(partner)s AND c.environment = %(environment)s"
)
FACTS_BY_REF = _FACTS.format(
    grant="""c.customer_id = (SELECT id FROM consents_customer WHERE partner_id = %(partner)s
             AND environment = %(environment)s AND ref_index = %(ref)s)"""
)
_WRITE = """
WITH n AS (
    INSERT INTO notifications_notification (id, partner_id, environment, person_id, client_id, grant_id,
        record_id, agreement_version_id, template_version_id, cluster, data, collapse_key, created_at)
    VALUES (%(id)s, %(partner)s, %(environment)s, %(person)s, %(client)s, %(grant)s, %(record)s,
        %(agreement)s, %(template)s, %(cluster)s, %(data)s, %(collapse)s, %(now)s)
), d AS (
    INSERT INTO notifications_delivery (id, notification_id, partner_id, environment, person_id, grant_id,
        account_id, sender_id, lane, status, reason, attempts, next_attempt_at, expires_at, provider_id)
    VALUES (%(delivery)s, %(id)s, %(partner)s, %(environment)s, %(person)s, %(grant)s, %(account)s, %(sender)s,
        %(lane)s, 'QUEUED', '', 0, %(due)s, %(expires)s, '')
)
INSERT INTO audit_auditevent (code, actor_kind, actor_id, partner_id, person_id, target_type, target_id,
    request_id, data)
VALUES (%(code)s, 'client', %(client)s, %(partner)s, %(person)s, 'Notification', %(id)s, %(request_id)s,
    '{}'::jsonb)
"""
_COLLAPSE = """
UPDATE notifications_delivery d SET status = 'CANCELLED', reason = 'collapsed', ended_at = now()
FROM notifications_notification n
WHERE n.id = d.notification_id AND d.status = 'QUEUED' AND d.grant_id = %s AND n.collapse_key = %s
"""
EXPLANATIONS = {
    "no_active_grant": "This person has no active grant that covers {cluster}.",
    "grant_paused": "The person has paused messages from your bank.",
    "reconfirmation_due": "The person has to reconfirm before more can be sent.",
    "partner_suspended": "Your bank is not active, so nothing can be sent.",
    "partner_ended": "Your bank has left Parley, so nothing can be sent.",
    "agreement_not_in_force": "Your bank has no agreement in force.",
}


def accept_notification(*, request: Request, actor: Principal) -> dict[str, Any]:
    """Takes it in and returns the API's answer; raises Problem, and then nothing was written.

    Runs in the caller's transaction, under the client's scope.
    """
    facts = _read_facts(request, actor)
    check_may_send(facts, request, actor)
    check_data(facts, request, actor)
    now = timezone.now()
    due, expires = times_of(request, facts, now)
    notification_id = uuid7()
    answer = {
        "id": public_id("ntf", notification_id),
        "status": "SCHEDULED" if due > now else "ACCEPTED",
        "grant_id": public_id("grt", facts.grant_id),
        "cluster": facts.cluster,
        "created_at": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    count_against_cap(facts.volume_cap, actor)
    if request.collapse_key:
        _collapse(facts, request)
    _write(facts, request, actor, notification_id, now, due, expires)
    if due <= now:
        lane = lane_of(str(facts.cluster))
        transaction.on_commit(lambda: nudge(lane))
    return answer


def _read_facts(request: Request, actor: Principal) -> Facts:
    values: dict[str, Any] = {
        "partner": actor.partner_id,
        "environment": actor.environment,
        "template": request.template,
        "locale": request.locale,
        "grant": request.grant_id,
    }
    if request.grant_id is None:
        values["ref"] = blind_index("customer_ref", actor.partner_id, request.customer_ref)
    rows = prepared.run(FACTS_BY_REF if request.grant_id is None else FACTS_BY_ID, values)
    if not rows:
        raise Problem("partner_suspended", EXPLANATIONS["partner_suspended"])
    return Facts(*rows[0])


def check_may_send(facts: Facts, request: Request, actor: Principal) -> None:
    """Template, agreement, scope and grant, in this order; raises Problem."""
    if facts.cluster is None or facts.template_version_id is None:
        raise Problem("template_not_approved", f"There is no approved template “{request.template}”.")
    scope = Cluster(facts.cluster).scope
    if facts.grant_id is not None and facts.verdict == "outside_agreement":
        is_kind = facts.cluster not in (facts.agreement_clusters or [])
        clause, what = CLAUSES["clusters" if is_kind else "channels"], scope if is_kind else "This channel"
        raise Problem("insufficient_scope", f"{what} is outside your agreement: see clause {clause}.")
    if scope not in actor.scopes:
        detail = f"This needs the scope {scope}, which the token does not have."
        if actor.environment == Environment.LIVE and facts.cluster not in (facts.agreement_clusters or []):
            detail += f" It is outside your agreement in force: see clause {CLAUSES['clusters']}."
        raise Problem("insufficient_scope", detail)
    if facts.grant_id is None:
        raise Problem("no_active_grant", EXPLANATIONS["no_active_grant"].format(cluster=facts.cluster))
    if facts.verdict not in (None, UNREACHABLE):  # who cannot be reached is told by the delivery
        code = "partner_suspended" if facts.verdict == "partner_ended" else facts.verdict
        raise Problem(code, EXPLANATIONS[facts.verdict].format(cluster=facts.cluster))
    if facts.key_id is None:
        raise Problem("no_active_grant", "This person’s data has been erased.")


def check_data(facts: Facts, request: Request, actor: Principal) -> None:
    """What is sent has to be typed, without full numbers or advertising, and about a granted account; raises
    Problem.
    """
    errors = find_errors(str(facts.cluster), request.data)
    if errors:
        raise Problem(
            "invalid_data",
            f"The data is not what {facts.cluster} asks for.",
            errors=[vars(e) for e in errors],
        )
    if pointer := find_full_account_number(request.data):
        raise Problem(
            "full_account_number",
            "A full card or account number may never be sent.",
            errors=[{"pointer": pointer, "code": "full_account_number", "detail": "Send a mask instead."}],
        )
    if pointer := find_advertising(str(facts.cluster), request.data):
        raise Problem(
            "invalid_data",
            "Advertising may never be sent.",
            errors=[{"pointer": pointer, "code": PROMOTIONAL, "detail": "This reads like an offer."}],
        )
    if "account" in request.data:
        index = account_index(actor.partner_id, request.data["account"])
        if index not in map(bytes, facts.account_indexes):
            raise Problem(
                "account_not_in_grant",
                "The person’s grant does not include this account.",
                errors=[
                    {"pointer": "/data/account", "code": "account_not_in_grant", "detail": "Not granted."}
                ],
            )


def times_of(request: Request, facts: Facts, now: datetime) -> tuple[datetime, datetime]:
    """When it is due and when it expires; raises Problem."""
    due = max(request.send_at or now, now)
    expires = request.expires_at or due + EXPIRY[Cluster(str(facts.cluster))]
    if expires <= due:
        raise Problem(
            "invalid_request",
            "It would expire before it is sent.",
            errors=[{"pointer": "/expires_at", "code": "invalid", "detail": "Must be later than send_at."}],
        )
    if due > now + timedelta(days=30):
        raise Problem(
            "invalid_request",
            "It can be scheduled at most 30 days ahead.",
            errors=[{"pointer": "/send_at", "code": "invalid", "detail": "At most 30 days ahead."}],
        )
    if facts.retention_days is not None and due >= now + timedelta(days=facts.retention_days):
        raise Problem(
            "invalid_request",
            f"Its data would be destroyed before it is sent: see clause {CLAUSES['retention_days']} of your agreement.",
            errors=[
                {
                    "pointer": "/send_at",
                    "code": "invalid",
                    "detail": f"Less than {facts.retention_days} days ahead.",
                }
            ],
        )
    return due, expires


def data_place(notification_id: UUID) -> bytes:
    """Where a notification's sealed data belongs."""
    return b"notification.data" + notification_id.bytes


def _collapse(facts: Facts, request: Request) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_COLLAPSE, [facts.grant_id, request.collapse_key])


def _write(
    facts: Facts,
    request: Request,
    actor: Principal,
    notification_id: UUID,
    now: datetime,
    due: datetime,
    expires: datetime,
) -> None:
    data_key = unwrap(facts.wrapped, key_id=facts.key_id, kek_id=facts.kek_id)
    sealed = seal(data_key, json.dumps(request.data).encode(), aad=data_place(notification_id))
    prepared.run(
        _WRITE,
        {
            "id": notification_id,
            "delivery": uuid7(),
            "partner": actor.partner_id,
            "environment": actor.environment,
            "person": facts.person_id,
            "client": actor.id,
            "grant": facts.grant_id,
            "record": facts.record_id,
            "agreement": facts.agreement_version_id,
            "template": facts.template_version_id,
            "cluster": facts.cluster,
            "data": sealed,
            "collapse": request.collapse_key,
            "now": now,
            "account": facts.account_id,
            "sender": facts.sender_id,
            "lane": lane_of(str(facts.cluster)),
            "due": due,
            "expires": expires,
            "code": Code.NOTIFICATION_ACCEPTED.value,
            "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        },
    )
