"""The API's batches of notifications."""

from typing import Any

from rest_framework.request import Request as ApiRequest

from notifications.actions.accept_batch import accept_batch
from notifications.actions.templates import record_promotion
from notifications.promotion import PROMOTIONAL
from notifications.serializers import BATCH, BATCHED, SCOPES, BatchAnswer, BatchItem, NewBatch
from notifications.views.api import as_request
from portal.api.errors import Problem, request_id
from portal.api.idempotency import Key
from portal.api.idempotency_items import finish_items, item_key, repeats, replay_items
from portal.api.schema import operation
from portal.api.shapes import read
from portal.api.views import ApiView


class NotificationBatch(ApiView):
    """`POST /notifications/batch`."""

    @operation(scopes=SCOPES, examples={"night run": BATCH}, answer_example=BATCHED)
    def post(self, request: ApiRequest, body: NewBatch) -> BatchAnswer:
        """Send many notifications

        Up to 1,000, in one megabyte. Each item is taken or refused as if it came alone, and needs the scope of its
        own cluster; the answer has them in the order they came. With an `idempotency_key` of its own an item can
        be sent again in any batch.
        """
        answers = self._answers(body["notifications"])
        told, number = [], request_id(request)
        for index, answer in enumerate(answers):
            if isinstance(answer, Problem):
                self._note_promotion(answer)
                told.append({"index": index, "problem": answer.body(number)})
            else:
                told.append({"index": index, **answer})
        return {"data": told}  # type: ignore[typeddict-item]

    def _answers(self, items: list[Any]) -> list[Any]:
        """Of each item in its place: {"id", "status"}, or its Problem."""
        bodies, found = _read_all(items)
        keys = {place: key for place, body in bodies.items() if (key := _key(body, items[place]))}
        found |= replay_items(principal=self.principal, keys=keys)
        again = {place: first for place, first in repeats(keys).items() if place not in found}
        asked = {place: as_request(body) for place, body in bodies.items() if place not in found | again}
        accepted = accept_batch(requests=asked, actor=self.principal)
        found |= accepted
        found |= {place: found[first] for place, first in again.items()}
        kept = [(keys[place], found[place]) for place in accepted if place in keys]
        finish_items(
            principal=self.principal,
            answers=[(key, answer) for key, answer in kept if not isinstance(answer, Problem)],
            status=202,
        )
        return [found[place] for place in range(len(items))]

    def _note_promotion(self, problem: Problem) -> None:
        """Advertising that was tried is noted in the trail."""
        for error in problem.errors:
            if error["code"] == PROMOTIONAL:
                record_promotion(actor=self.principal, pointer=error["pointer"])


def _read_all(items: list[Any]) -> tuple[dict[int, BatchItem], dict[int, Any]]:
    """Those that have the right shape, and the problems of the others."""
    bodies, problems = {}, dict[int, Any]()
    for place, item in enumerate(items):
        try:
            bodies[place] = _read(item)
        except Problem as problem:
            problems[place] = problem
    return bodies, problems


def _read(item: Any) -> BatchItem:
    if not isinstance(item, dict):
        raise Problem("invalid_request", "This must be an object.")
    return read(BatchItem, item)


def _key(body: BatchItem, item: dict[str, Any]) -> Key | None:
    value = body.get("idempotency_key")
    content = {name: part for name, part in item.items() if name != "idempotency_key"}
    return item_key("POST /api/v1/notifications/batch", value, content) if value else None
