"""A receipt as a page, as PDF and as JSON."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consents.access import get_receipt_for
from consents.receipt_words import facts, headline, receipt_pdf
from consents.receipts import as_json
from consents.views.person import grant_id, person_page
from portal.tenancy.principal import Principal


@require_safe
@person_page
def receipt(request: HttpRequest, principal: Principal, grt: str, rcp: str) -> HttpResponse:
    """To read and to print."""
    found = get_receipt_for(principal, grant_id(grt), rcp)
    context = {
        "receipt": found,
        "grant": found.grant,
        "headline": headline(found),
        "facts": facts(found),
        "environment": found.grant.environment,
    }
    return render(request, "consents/person/receipt.html", context)


@require_safe
@person_page
def receipt_as_pdf(request: HttpRequest, principal: Principal, grt: str, rcp: str) -> HttpResponse:
    """To keep."""
    found = get_receipt_for(principal, grant_id(grt), rcp)
    answer = HttpResponse(receipt_pdf(found), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="{found.reference}.pdf"'
    return answer


@require_safe
@person_page
def receipt_as_json(request: HttpRequest, principal: Principal, grt: str, rcp: str) -> HttpResponse:
    """For machines, by the names of ISO/IEC TS 27560."""
    found = get_receipt_for(principal, grant_id(grt), rcp)
    answer = JsonResponse(as_json(found), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="{found.reference}.json"'
    return answer
