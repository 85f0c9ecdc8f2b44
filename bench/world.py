"""A bank with many customers, made by the same actions as the demo's, and work for it to do."""

import itertools
import json
from collections.abc import Callable, Iterator
from uuid import UUID

from django.db import connection, transaction

from bench.load import http_request
from bench.stage import Stage
from notifications.actions.accept import data_place
from notifications.models import TemplateVersion
from partners.api_client import ApiClient
from portal.demo.http import fetch_token
from portal.demo.story import balance
from portal.demo.world import (
    Account,
    Bank,
    Client,
    CustomerStory,
    make_bank,
    make_customer,
    make_person,
    make_staff,
)
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import seal
from portal.vault.keys import data_key_for

PASSWORD = "measures only"
CUSTOMERS = 1000  # so many that no recipient's own limit is met
NO_LIMIT = 1_000_000  # a second; the limits are checked and counted, and never reached
TEMPLATE = "balance_update"

_QUEUE = """
WITH x AS (
    SELECT * FROM unnest(%(id)s::uuid[], %(delivery)s::uuid[], %(data)s::bytea[], %(person)s::uuid[],
        %(grant)s::uuid[], %(record)s::uuid[], %(account)s::uuid[])
        AS x(id, delivery, data, person, grant_id, record, account)
), n AS (
    INSERT INTO notifications_notification (id, partner_id, environment, person_id, client_id, grant_id,
        record_id, agreement_version_id, template_version_id, cluster, data, collapse_key, created_at)
    SELECT x.id, %(partner)s, 'live', x.person, %(client)s, x.grant_id, x.record, %(agreement)s, %(template)s,
        'BALANCES', x.data, '', now() FROM x
)
INSERT INTO notifications_delivery (id, notification_id, partner_id, environment, person_id, grant_id,
    account_id, sender_id, lane, status, reason, attempts, next_attempt_at, expires_at, provider_id)
SELECT x.delivery, x.id, %(partner)s, 'live', x.person, x.grant_id, x.account, %(sender)s, 'standard',
    'QUEUED', '', 0, now(), now() + interval '12 hours', '' FROM x
"""


class World:
    """One bank, live, and its customers, each with an active grant."""

    def __init__(self, customers: int = CUSTOMERS) -> None:
        self.bank = _bank()
        for number in range(customers):
            _customer(self.bank, number)
        with scope(Principal.system()), transaction.atomic():
            ApiClient.objects.filter(pk=self.client.id).update(rate_per_second=NO_LIMIT)
            self.keys = {
                one.person_id: data_key_for(self.bank.partner.id, one.person_id) for one in self.customers
            }
            self.template_id = TemplateVersion.objects.get(template__name=TEMPLATE).pk
        self._next = itertools.cycle(self.customers)

    @property
    def customers(self) -> list[CustomerStory]:
        return self.bank.customers

    @property
    def client(self) -> Client:
        return self.bank.clients["live"]

    def token(self, base_url: str) -> str:
        """An access token of the bank's live client, fetched now; good for ten minutes."""
        return fetch_token(base_url, self.client.client_id, self.client.client_secret)

    def event(self) -> bytes:
        """The body of an event for the next customer."""
        one = next(self._next)
        data = balance(one.accounts[0].ref, "1234.50")
        return json.dumps({"customer_ref": one.customer_ref, "template": TEMPLATE, "data": data}).encode()

    def events(self, base_url: str, *, with_key: bool = False) -> Callable[[], bytes]:
        """Requests to `POST /notifications`, one customer after the other."""
        token = self.token(base_url)
        bodies = itertools.cycle([self.event() for _ in self.customers])

        def request() -> bytes:
            headers = [f"Authorization: Bearer {token}"]
            if with_key:
                headers.append(f"Idempotency-Key: {uuid7()}")
            return http_request("POST", "/api/v1/notifications", *headers, body=next(bodies))

        return request

    def clear(self, stage: Stage) -> None:
        """Removes all notifications, those that were accepted and never sent too."""
        stage.as_owner(
            "TRUNCATE notifications_notification, notifications_delivery, notifications_attempt CASCADE"
        )

    def queue(self, count: int) -> None:
        """Puts notifications and their deliveries into the tables at once, in one statement that no product
        code has: accepting them one by one would take longer than delivering them.
        """
        chosen = list(itertools.islice(self._next, count))
        ids = [uuid7() for _ in chosen]
        grants = [one.grant for one in chosen]
        values = {
            "id": ids,
            "delivery": [uuid7() for _ in chosen],
            "data": list(self._sealed(chosen, ids)),
            "person": [one.person_id for one in chosen],
            "grant": [grant.id for grant in grants],
            "record": [grant.record_id for grant in grants],
            "account": [grant.account_id for grant in grants],
            "partner": self.bank.partner.id,
            "client": self.client.id,
            "agreement": grants[0].agreement_version_id,
            "template": self.template_id,
            "sender": self.bank.sender.id,
        }
        with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_QUEUE, values)

    def statuses(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT status, count(*) FROM notifications_delivery GROUP BY status")
            return dict(cursor.fetchall())

    def _sealed(self, chosen: list[CustomerStory], ids: list[UUID]) -> Iterator[bytes]:
        for one, notification_id in zip(chosen, ids, strict=True):
            content = json.dumps(balance(one.accounts[0].ref, "1234.50")).encode()
            yield seal(self.keys[one.person_id], content, aad=data_place(notification_id))


def _bank() -> Bank:
    secrets = {"access_token": "bench-token", "app_secret": "bench-secret", "verify_token": "bench-verify"}
    return make_bank(
        name="Bench Bank",
        slug="bench",
        staff=make_staff("parley.example", PASSWORD),
        password=PASSWORD,
        page="1001",
        secrets=secrets,
        rate_per_second=NO_LIMIT,
    )


def _customer(bank: Bank, number: int) -> None:
    make_customer(
        bank,
        customer_ref=f"CUST-{number}",
        address=str(10_000_000 + number),
        accounts=[Account(f"acc-{number}", f"•• {number % 10_000:04}", "Current account")],
        clusters=["BALANCES", "TRANSACTIONS"],  # what is sent, and what stays when that is taken out
        person=make_person(f"person-{number}@people.example", f"Person {number}", PASSWORD),
    )
