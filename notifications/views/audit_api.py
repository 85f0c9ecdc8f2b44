"""The API's audit trail."""

from rest_framework.request import Request

from notifications.serializers import TRAIL, AuditEventShown, AuditEventsQuery
from notifications.trail import Entry, read_trail
from portal.api.pagination import DEFAULT_LIMIT, Page, cursor_after
from portal.api.schema import operation
from portal.api.times import rfc3339
from portal.api.views import ApiView
from portal.audit.event_ids import hide, reveal
from portal.ids import public_id

_NEWEST = 2**63 - 1


class AuditEvents(ApiView):
    """`GET /audit-events`."""

    required_scopes = "audit:read"

    @operation(answer_example=TRAIL)
    def get(self, request: Request, query: AuditEventsQuery) -> Page[AuditEventShown]:
        """Read the audit trail

        Your bank's own part, newest first: what its clients and members, the people who gave it a grant, and
        Parley did. It holds no personal data. What belongs to the other environment is left out.
        """
        limit = query.get("limit", DEFAULT_LIMIT)
        found = read_trail(
            self.principal,
            before=reveal(query["cursor"]) if "cursor" in query else _NEWEST,
            limit=limit + 1,
            code=query.get("code", ""),
            after=query.get("created_after"),
        )
        more = len(found) > limit
        return {
            "data": [_shown(one) for one in found[:limit]],
            "next_cursor": cursor_after(hide(found[limit - 1].number)) if more else None,
        }


def _shown(entry: Entry) -> AuditEventShown:
    return {
        "id": public_id("evt", hide(entry.number)),
        "at": rfc3339(entry.at),
        "code": entry.code,
        "actor": {"kind": entry.actor_kind, "id": entry.actor},
        "target": {"kind": entry.kind, "id": entry.target},
        "request_id": entry.request_id or None,
        "data": entry.details,
    }
