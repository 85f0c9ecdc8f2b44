"""A person's rights: what there is about them to take along, and the end of all of it."""

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consents.actions.discreet import set_discreet
from consents.actions.erase import certificate_path, erase_person, get_erasure
from consents.erasure_certificate import certificate_pdf, facts, sentences
from consents.forms import EraseForm
from consents.models import Complaint, Grant, LinkedAccount, Person
from consents.views.person import person_page
from notifications.access import deliveries_for
from notifications.actions.export import export_person
from partners.pages import ask_again, posted
from partners.refusals import Refused
from portal.tenancy.principal import Principal


@require_safe
@person_page
def privacy(request: HttpRequest, principal: Principal) -> HttpResponse:
    """What can be done, each with the page that does it."""
    person = Person.objects.get(pk=principal.person_id)
    return render(request, "consents/rights/privacy.html", {"person": person})


@require_POST
@person_page
def discreet(request: HttpRequest, principal: Principal) -> HttpResponse:
    """On or off."""
    done = {"on": _("Discreet mode is on."), "off": _("Discreet mode is off.")}
    mode = request.POST.get("mode", "")
    if mode in done:
        set_discreet(is_discreet=mode == "on", actor=principal)
        messages.success(request, done[mode])
    else:
        messages.error(request, _("Choose whether discreet mode is to be on or off. Nothing has changed."))
    return redirect("person-privacy")


@require_POST
@person_page
def export(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Everything, as one file; no more often than it is worth the work."""
    ask_again(request)
    if not ratelimit.consume(request, action="export"):
        messages.error(
            request, _("You have taken your data along twice within an hour. Try again in an hour.")
        )
        return redirect("person-privacy")
    answer = HttpResponse(export_person(actor=principal), content_type="application/zip")
    name = f"parley-{timezone.now():%Y-%m-%d}.zip"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_http_methods(["GET", "POST"])
@person_page
def erase(request: HttpRequest, principal: Principal) -> HttpResponse:
    """What would go, counted; on POST, with the word typed, all of it goes."""
    ask_again(request)
    form = EraseForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            erasure = erase_person(actor=principal)
        except Refused as refusal:
            form.add_error("word", str(refusal))
        else:
            if not erasure.is_sign_in_kept:
                logout(request)
            return redirect(certificate_path(erasure))
    context = {"form": form, **_counts(principal)}
    return render(request, "consents/rights/erase.html", context, status=422 if form.errors else 200)


def _counts(principal: Principal) -> dict[str, int]:
    person_id = principal.person_id
    linked = LinkedAccount.objects.filter(person_id=person_id).exclude(status=LinkedAccount.Status.UNLINKED)
    return {
        "connections": Grant.objects.open().filter(person_id=person_id).count(),
        "chats": linked.count(),
        "sent": deliveries_for(principal).count(),
        "complaints": Complaint.objects.filter(person_id=person_id).count(),
    }


@require_safe
def erased(request: HttpRequest, token: str) -> HttpResponse:
    """The certificate, to whoever has its link."""
    erasure = get_erasure(token)
    context = {"facts": facts(erasure), "sentences": sentences(erasure), "token": token}
    return render(request, "consents/rights/erased.html", context)


@require_safe
def erased_as_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """To keep."""
    erasure = get_erasure(token)
    answer = HttpResponse(certificate_pdf(erasure), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="erasure-{erasure.id.hex}.pdf"'
    return answer
