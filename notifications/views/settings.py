"""How a person wants their messages: when not."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from consents.views.person import person_page
from notifications.access import quiet_hours_of
from notifications.actions.quiet import Hours, clear_quiet_hours, set_quiet_hours
from notifications.forms import QuietHoursForm
from partners.refusals import Refused
from portal.tenancy.principal import Principal


@require_http_methods(["GET", "POST"])
@person_page
def quiet_hours(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Shows the quiet hours; on POST sets them, or lets everything come at once again (`off`)."""
    known = quiet_hours_of(principal)
    if request.method == "GET":
        return _page(request, QuietHoursForm.of(known), is_on=known is not None)
    if "off" in request.POST:
        clear_quiet_hours(actor=principal)
        messages.success(request, _("Everything comes at once again."))
        return redirect("person-settings")
    form = QuietHoursForm(request.POST)
    if form.is_valid():
        try:
            set_quiet_hours(hours=Hours(**form.cleaned_data), actor=principal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("person-settings")
    return _page(request, form, is_on=known is not None, status=422)


def _page(request: HttpRequest, form: QuietHoursForm, *, is_on: bool, status: int = 200) -> HttpResponse:
    return render(
        request, "notifications/person/settings.html", {"form": form, "is_on": is_on}, status=status
    )
