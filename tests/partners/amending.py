"""An amendment of Norden's agreement, through all its actions."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from partners.access import member_principal
from partners.actions.agreements import (
    Signing,
    Terms,
    accept_agreement,
    countersign_agreement,
    offer_agreement,
    put_agreement_in_force,
)
from partners.models import AgreementVersion


def agree_on(world: Any, *, new: Sequence[str] = (), **more: int) -> AgreementVersion:
    """An amendment, in force at once; `new` are kinds of messages that come in."""
    terms = Terms(["BALANCES", "FRAUD_ALERTS", *new], ["messenger"], ["US"], **more)
    offer = {"partner_id": world.bank.partner.id, "terms": terms}
    one = offer_agreement(**offer, actor=world.staff.reviewer)
    with transaction.atomic():
        owner, _ = member_principal(world.bank.members[0].user, "norden")
    accept_agreement(version_id=one.id, signing=Signing(one.text_sha256), actor=owner)
    countersign_agreement(
        version_id=one.id, signing=Signing(one.text_sha256), actor=world.staff.second_reviewer
    )
    return put_agreement_in_force(version_id=one.id)
