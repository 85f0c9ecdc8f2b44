"""A bank leaves: what stands behind it is counted first; afterwards its page tells what becomes of the data."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from partners.actions.leaving import surrender_partner
from partners.consequences import consequences_of
from partners.deletion_certificate import write_certificate
from partners.forms.leaving import SurrenderForm
from partners.models import AgreementVersion, Partner, Stop
from partners.pages import ask_again, member_page, posted
from partners.refusals import Refused
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

CAN_LEAVE = (Partner.Status.ACTIVE, Partner.Status.SUSPENDED)


@require_GET
@member_page()
def leaving(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """How the bank stands, and what leaving would mean; for everybody in its team."""
    in_force = AgreementVersion.Status.FINALIZED
    context = {
        "partner": partner,
        "stop": _open_stop(partner),
        "can_leave": partner.status in CAN_LEAVE,
        "may_leave": Permission.PARTNER_SURRENDER.value in principal.permissions,
        "version": AgreementVersion.objects.filter(partner=partner, status=in_force).first(),
    }
    return render(request, "partners/leaving/leaving.html", context)


@require_http_methods(["GET", "POST"])
@member_page(Permission.PARTNER_SURRENDER)
def surrender(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """The consequences, counted; on POST, with the bank's name typed, the bank leaves."""
    ask_again(request)
    form = SurrenderForm(posted(request))
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"] or "The bank decided to leave."
        try:
            surrender_partner(
                partner_id=partner.id, name=form.cleaned_data["name"], reason=reason, actor=principal
            )
        except Refused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, "Your bank has left Parley. Nothing more is sent.")
            return redirect("member-leaving", partner.slug)
    if partner.status not in CAN_LEAVE:
        return redirect("member-leaving", partner.slug)
    context = {"partner": partner, "form": form, "consequences": consequences_of(partner)}
    status = 422 if form.errors else 200
    return render(request, "partners/leaving/surrender.html", context, status=status)


@require_GET
@member_page()
def certificate(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """The certificate of deletion, as text to keep; 404 until the data is destroyed."""
    stop = _open_stop(partner)
    if stop is None or stop.destroyed_at is None:
        raise Http404
    answer = HttpResponse(write_certificate(partner, stop), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="deletion-{partner.slug}.txt"'
    return answer


def _open_stop(partner: Partner) -> Stop | None:
    return Stop.objects.filter(partner=partner, lifted_at=None).first()
