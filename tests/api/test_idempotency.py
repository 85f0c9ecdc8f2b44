"""`Idempotency-Key`: one effect, one answer."""

from itertools import count
from typing import ClassVar

import pytest
from django.urls import include, path
from rest_framework.response import Response

from portal.api import idempotency
from portal.api.errors import Problem
from portal.api.views import ApiView


class Counting(ApiView):
    """Answers with a number of its own each time it really runs."""

    numbers: ClassVar[count] = count(1)

    def post(self, request):
        if request.data.get("fail"):
            raise Problem("conflict")
        return Response({"number": next(self.numbers)}, status=201)


urlpatterns = [path("", include("partners.urls_oauth")), path("api/v1/counting", Counting.as_view())]
pytestmark = pytest.mark.urls(__name__)


def post(caller, key, **body):
    headers = caller.bearer() | ({"Idempotency-Key": key} if key else {})
    return caller.http.post("/api/v1/counting", body, "application/json", headers=headers)


def test_the_same_request_again_gives_the_first_answer(caller):
    first, second = post(caller, "one", a=1), post(caller, "one", a=1)

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"


def test_another_body_is_refused(caller):
    post(caller, "one", a=1)
    answer = post(caller, "one", a=2)

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")


def test_without_a_key_each_request_counts(caller):
    assert post(caller, "").json() != post(caller, "").json()


def test_keys_belong_to_their_client(caller, make_caller):
    assert post(caller, "one").json() != post(make_caller("second"), "one").json()


def test_a_refused_request_can_be_sent_again(caller):
    assert post(caller, "one", fail=True).status_code == 409
    assert "Idempotent-Replayed" not in post(caller, "one", a=1)


def test_a_lost_race_replays_the_winners_answer(caller, monkeypatch):
    winner, look = post(caller, "one", a=1), idempotency.replay_or_begin
    looks = count(1)
    monkeypatch.setattr(
        idempotency, "replay_or_begin", lambda **known: None if next(looks) == 1 else look(**known)
    )
    answer = post(caller, "one", a=1)

    assert answer.json() == winner.json()
    assert answer["Idempotent-Replayed"] == "true"
