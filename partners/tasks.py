"""Thin: each calls one action. Beat runs the same task as the calls after a commit do."""

from partners.actions.agreement_clock import move_agreements
from partners.actions.leaving import destroy_departed
from partners.actions.verification import remind_verifications
from partners.webhooks.actions.forget import forget_old
from partners.webhooks.engine import deliver_due
from partners.webhooks.wake import take_wake
from portal.celery import app


@app.task
def deliver_webhooks() -> int:
    """Sends the webhooks that are due; returns how many it took."""
    take_wake()
    return deliver_due()


@app.task
def forget_webhooks() -> int:
    """See `partners.webhooks.actions.forget`."""
    return forget_old()


@app.task
def keep_agreements() -> dict[str, int]:
    """See `partners.actions.agreement_clock`."""
    return move_agreements()


@app.task
def destroy_departed_data() -> int:
    """See `partners.actions.leaving`."""
    return destroy_departed()


@app.task
def ask_for_verification() -> int:
    """See `partners.actions.verification`."""
    return remind_verifications()
