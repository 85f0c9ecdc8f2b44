"""The API's usage: how much was sent, and what became of it."""

from datetime import timedelta

from django.utils import timezone
from rest_framework.request import Request

from notifications.serializers import USAGE, UsageCount, UsagePage, UsageQuery, usage_cursor
from notifications.usage import count_usage
from portal.api.pagination import DEFAULT_LIMIT
from portal.api.schema import operation
from portal.api.views import ApiView

DAYS = 30  # that are counted unless the caller says since when


class Usage(ApiView):
    """`GET /usage`."""

    @operation(answer_example=USAGE)
    def get(self, request: Request, query: UsageQuery) -> UsagePage:
        """Count the notifications

        By the day (UTC) they were accepted, their cluster and the state they are in now. Of the client's bank and
        environment; the newest day first.
        """
        limit, until = query.get("limit", DEFAULT_LIMIT), query.get("until") or timezone.now().date()
        since = query.get("since") or until - timedelta(days=DAYS - 1)
        found = count_usage(
            self.principal, since=since, until=until, after=query.get("cursor"), limit=limit + 1
        )
        data: list[UsageCount] = [
            {"date": one.day.isoformat(), "cluster": one.cluster, "status": one.status, "count": one.number}
            for one in found[:limit]
        ]
        return {"data": data, "next_cursor": usage_cursor(found[limit - 1]) if len(found) > limit else None}
