"""The platform's own templates of agreements: each save is a new version, what was made from the last one stays."""

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from partners.actions.agreements import SYSTEM, staff_only
from partners.agreement_text import find_wording_errors
from partners.models import AgreementTemplate
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


@transaction.atomic
def save_agreement_template(
    *, name: str, clauses: Mapping[str, str], terms: Mapping[str, Any], based_on: int, actor: Principal
) -> AgreementTemplate:
    """The next version of that name. `based_on` is the number of the one that was changed, 0 for a new template:
    raises Refused when a colleague saved another meanwhile.
    """
    staff_only(actor)
    if errors := find_wording_errors(clauses):
        raise Refused(" ".join(errors))
    with scope(SYSTEM):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"agreement template {name}"])
        last = AgreementTemplate.objects.filter(name=name).aggregate(last=Max("number"))["last"] or 0
        if last != based_on:
            raise Refused(
                f"A colleague saved version {last} of “{name}” meanwhile: open that one and change it."
                if based_on
                else f"There is a template “{name}” already: open it and change it."
            )
        template = AgreementTemplate.objects.create(
            name=name, number=last + 1, clauses=dict(clauses), terms=dict(terms), made_by=actor.id
        )
        record(Code.AGREEMENT_TEMPLATE_SAVED, actor=actor, target=template, data={"number": template.number})
    return template
