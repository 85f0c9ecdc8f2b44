"""Metrics are for the machine itself: a proxy on it must not hand them to the world."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_machine_itself_reads_metrics():
    answer = Client().get("/metrics")

    assert answer.status_code == 200
    assert b'parley_queue_depth{lane="urgent"} 0.0' in answer.content


@pytest.mark.parametrize(
    "how",
    [{"REMOTE_ADDR": "198.51.100.7"}, {"headers": {"X-Forwarded-For": "127.0.0.1"}}],
    ids=["network", "proxy"],
)
def test_nobody_else_does(how):
    assert Client().get("/metrics", **how).status_code == 404
