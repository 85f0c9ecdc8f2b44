"""The API's sandbox: test customers, who are nobody, and whose phones are simulated."""

from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from consents.actions.sandbox import Wanted, address_of, make_test_customer, remove_test_customer
from consents.models import Grant
from consents.records import Account
from consents.serializers import (
    NEW_CUSTOMER,
    TEST_CUSTOMER,
    TEST_CUSTOMER_DELETED,
    CustomerRef,
    NewTestCustomer,
    TestCustomerDeleted,
    TestCustomerShown,
)
from notifications.actions.sandbox import find_simulated_sender, simulated_sender
from notifications.channels.messenger.simulator import Away, close_phone, open_phone
from partners.clusters import Environment
from partners.models import Sender
from partners.refusals import Refused
from portal.api.account_numbers import find_full_account_number
from portal.api.errors import Problem
from portal.api.schema import operation
from portal.api.shapes import read
from portal.api.times import rfc3339
from portal.api.views import ApiView
from portal.ids import public_id

log = structlog.get_logger(__name__)


class SandboxView(ApiView):
    """For sandbox clients only."""

    def handle_exception(self, exc: Exception) -> Any:
        """What the actions say, as the API says it."""
        return super().handle_exception(Problem("conflict", str(exc)) if isinstance(exc, Refused) else exc)

    def _run(self, request: Request, handler: Any) -> Response:
        if self.principal.environment != Environment.SANDBOX:
            raise Problem("sandbox_only")
        return super()._run(request, handler)


class SandboxCustomers(SandboxView):
    """`POST /sandbox/customers`."""

    sender: Sender

    def _run(self, request: Request, handler: Any) -> Response:
        """The phone comes first: setting it up talks to the simulated platform, which no transaction waits for."""
        if self.principal.environment == Environment.SANDBOX:
            self._open_phone(read(NewTestCustomer, request.data))
        return super()._run(request, handler)

    def _open_phone(self, body: NewTestCustomer) -> None:
        if pointer := find_full_account_number(body["accounts"], "/accounts"):
            error = {"pointer": pointer, "code": "full_account_number", "detail": "Send a mask instead."}
            raise Problem("full_account_number", errors=[error])
        partner_id, channel = self.principal.partner_id, body.get("channel") or "messenger"
        self.sender, secrets = simulated_sender(partner_id=partner_id, channel=channel)
        address = address_of(partner_id, body["customer_ref"])
        try:
            open_phone(sender=self.sender, secrets=secrets, address=address, name=body["customer_ref"][:80])
        except Away as error:
            raise Problem("unavailable", "The simulated phones do not answer just now.") from error

    @operation(
        status=201,
        problems=("sandbox_only", "conflict", "full_account_number", "unavailable"),
        examples={"customer": NEW_CUSTOMER},
        answer_example=TEST_CUSTOMER,
    )
    def post(self, request: Request, body: NewTestCustomer) -> TestCustomerShown:
        """Make a test customer

        With an active grant for a year and a simulated phone, whose inbox shows what you send them. For sandbox
        clients, with any scope.
        """
        accounts = [Account(**account) for account in body["accounts"]]
        wanted = Wanted(body["customer_ref"], body["clusters"], accounts)
        return _shown(
            make_test_customer(sender=self.sender, wanted=wanted, actor=self.principal), body, self.sender
        )


class SandboxCustomerDetail(SandboxView):
    """`DELETE /sandbox/customers/{customer_ref}`."""

    @operation(problems=("sandbox_only",), answer_example=TEST_CUSTOMER_DELETED)
    def delete(
        self, request: Request, customer_ref: Annotated[CustomerRef, "As it was made."]
    ) -> TestCustomerDeleted:
        """Delete a test customer

        Their grant ends, what is queued is withdrawn, their phone goes, and the reference is free again.
        """
        remove_test_customer(customer_ref=customer_ref, actor=self.principal)
        partner_id = self.principal.partner_id
        if sender := find_simulated_sender(partner_id, "messenger"):
            address = address_of(partner_id, customer_ref)
            transaction.on_commit(partial(_close_phone, sender.external_id, address))
        return {"customer_ref": customer_ref, "deleted": True}


def _close_phone(page: str, address: str) -> None:
    """A phone that stays behind harms nobody: it gets nothing any more."""
    try:
        close_phone(page=page, address=address)
    except Away:
        log.warning("phone_not_closed")


def _shown(grant: Grant, body: NewTestCustomer, sender: Sender) -> TestCustomerShown:
    address = address_of(grant.partner_id, body["customer_ref"])
    where = {"channel": sender.channel, "sender": sender.external_id, "address": address}
    return {
        "customer_ref": body["customer_ref"],
        "grant_id": public_id("grt", grant.id),
        "status": grant.status,
        "clusters": grant.clusters,
        "accounts": [
            {"ref": one["ref"], "mask": one["mask"], "type": one["type"]} for one in body["accounts"]
        ],
        "channel": sender.channel,
        "address": address,
        "sender": sender.external_id,
        "inbox_url": f"{settings.SANDBOX_URL}/inbox?{urlencode(where)}",
        "environment": grant.environment,
        "expires_at": rfc3339(grant.expires_at),
    }
