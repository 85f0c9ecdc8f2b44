"""The page on which a person is asked again, once their bank's agreement goes further than what they allowed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from consents.access import get_grant_for
from consents.actions.again import check_can_agree
from consents.actions.ask_again import TermsChanged, agree_to_terms, keep_terms
from consents.disclosure import Disclosure
from consents.models import Grant
from consents.terms import Changes, changes_for, is_asked
from consents.views.person import grant_id, person_page
from partners.refusals import Refused
from portal.tenancy.principal import Principal


@never_cache
@require_http_methods(["GET", "POST"])
@person_page
def terms(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """All that would hold, with what is new of it; on POST they allow it, or keep what they have."""
    grant, form = get_grant_for(principal, grant_id(grt)), request.POST
    changes = changes_for(grant) if is_asked(grant) else None
    answer = {"grant_id": grant.id, "seen": form.get("seen", ""), "actor": principal}
    try:
        if form.get("answer") == "decline":
            keep_terms(**answer)  # type: ignore[arg-type]
            messages.success(request, _("Everything stays as it was."))
        elif changes and (request.method == "GET" or (missing := _missing(form, changes))):
            check_can_agree(grant)
            return _read(request, grant, changes.shown, missing if request.method == "POST" else [])
        elif request.method == "POST":
            agree_to_terms(kinds=form.getlist("kinds"), **answer)  # type: ignore[arg-type]
            messages.success(request, _("Thank you. The new terms hold from now on."))
    except TermsChanged as refusal:
        messages.warning(request, str(refusal))
        return redirect("person-terms", grt=grt)
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("person-grant", grt=grt)


def _missing(form: QueryDict, changes: Changes) -> list[tuple[str, str]]:
    """What still has to be chosen, each with the place to choose it."""
    if form.get("answer") != "allow":
        return [("answer", _("Choose Allow or Decline."))]
    if (changes.has_terms and changes.kept_with([])) or form.get("kinds"):
        return []
    return [("kinds", _("Choose at least one kind of message, or decline."))]


def _read(
    request: HttpRequest, grant: Grant, shown: Disclosure, errors: list[tuple[str, str]]
) -> HttpResponse:
    context = {
        "grant": grant,
        "environment": grant.environment,
        "shown": shown,
        "errors": errors,
        "ticked": {"kinds": request.POST.getlist("kinds")},
    }
    return render(request, "consents/person/terms.html", context, status=422 if errors else 200)
