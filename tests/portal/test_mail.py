"""What a reader finds in their inbox."""

import pytest
from django.core import mail
from django.db import transaction

from portal.mail.outbox import queue_mail, send_due_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "template", ["agreement_offered", "agreement_accepted", "agreement_ended", "standing"]
)
def test_only_the_html_part_is_escaped(template: str) -> None:
    context = dict.fromkeys(["partner", "number", "headline", "text", "reason"], "Fish & Sons' <Bank>")
    with scope(Principal.system()), transaction.atomic():
        queue_mail(to="ana@norden.example", template=f"partners/{template}", context=context)
    assert send_due_mail() == 1
    (sent,) = mail.outbox
    (html,) = (part.content for part in sent.alternatives)
    assert "Fish & Sons' <Bank>" in sent.subject
    assert "Fish & Sons' <Bank>" in sent.body
    assert "Fish &amp; Sons" in html
    assert "<Bank>" not in html
