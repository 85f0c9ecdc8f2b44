"""Thin: each calls one action. Beat runs the same task as the calls after a commit do."""

from typing import Any

from celery import shared_task

from partners.actions.agreement_clock import move_agreements
from partners.actions.leaving import destroy_departed
from partners.webhooks.actions.forget import forget_old
from partners.webhooks.engine import deliver_due
from partners.webhooks.wake import take_wake
from portal.celery import app


@shared_task
def deliver_webhooks() -> int:
    """Sends the webhooks that are due; returns how many it took."""
    take_wake()
    return deliver_due()


@shared_task
def forget_webhooks() -> int:
    """See `partners.webhooks.actions.forget`."""
    return forget_old()


@shared_task
def keep_agreements() -> dict[str, int]:
    """See `partners.actions.agreement_clock`."""
    return move_agreements()


@shared_task
def destroy_departed_data() -> int:
    """See `partners.actions.leaving`."""
    return destroy_departed()


@app.on_after_finalize.connect
def _schedule(sender: Any, **_: Any) -> None:
    sender.add_periodic_task(2.0, deliver_webhooks.s(), queue="events", expires=2, name="webhooks")
    sender.add_periodic_task(30.0, keep_agreements.s(), queue="events", expires=30, name="agreements")
    sender.add_periodic_task(
        3600.0, forget_webhooks.s(), queue="events", expires=3600, name="forget-webhooks"
    )
    sender.add_periodic_task(
        600.0, destroy_departed_data.s(), queue="events", expires=600, name="destroy-departed"
    )
