"""What delivering is measured against: one Celery task a message, each with a kept HTTP client."""

import os
import threading

import httpx
from celery import Celery

QUEUE = "bench-plain"
app = Celery("plain", broker=os.environ.get("BROKER_URL", "").replace("unix://", "redis+socket://"))
app.conf.update(task_ignore_result=True, task_default_queue=QUEUE, broker_connection_retry_on_startup=True)
_kept = threading.local()


@app.task(name="bench.plain.post")
def post(url: str, body: str) -> None:
    if not hasattr(_kept, "client"):
        _kept.client = httpx.Client(timeout=10, trust_env=False)
    answer = _kept.client.post(url, content=body, headers={"Content-Type": "application/json"})
    answer.raise_for_status()
