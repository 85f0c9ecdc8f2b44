"""What a person does to a connected bank, how they link a messaging account, receipts and complaints."""

from django.urls import path

from consents.views import (
    authorize,
    change,
    complaints,
    directory,
    link,
    person,
    receipts,
    staff,
    stop,
    terms,
)

_RECEIPT = "me/grants/<str:grt>/receipts/<str:rcp>"
urlpatterns = [
    path("authorize/<str:req>", authorize.authorize, name="authorize"),
    path("me/grants/<str:grt>/pause", person.pause, name="person-pause"),
    path("me/grants/<str:grt>/resume", person.resume, name="person-resume"),
    path("me/grants/<str:grt>/reconfirm", person.reconfirm, name="person-reconfirm"),
    path("me/grants/<str:grt>/chats", person.chats, name="person-chats"),
    path("me/grants/<str:grt>/terms", terms.terms, name="person-terms"),
    path("me/grants/<str:grt>/change", change.change, name="person-change"),
    path("me/grants/<str:grt>/renew", change.renew, name="person-renew"),
    path("me/grants/<str:grt>/unused", change.unused, name="person-unused"),
    path("me/grants/<str:grt>/disconnect", person.disconnect, name="person-disconnect"),
    path("me/grants/<str:grt>/stop", stop.state, name="person-stop"),
    path("me/stop-everything", stop.everything, name="person-stop-everything"),
    path("staff/stops", staff.stops, name="staff-stops"),
    path("me/banks", directory.banks, name="bank-directory"),
    path("me/banks/callback/<slug:slug>", directory.come_back, name="bank-return"),
    path("me/banks/<str:csi>", directory.start, name="bank-start"),
    path("me/banks/<str:csi>/go", directory.go, name="bank-go"),
    path(_RECEIPT, receipts.receipt, name="person-receipt"),
    path(f"{_RECEIPT}/pdf", receipts.receipt_as_pdf, name="person-receipt-pdf"),
    path(f"{_RECEIPT}/json", receipts.receipt_as_json, name="person-receipt-json"),
    path("me/complaints", complaints.complaints, name="person-complaints"),
    path("me/complaints/new", complaints.new, name="person-complaint-new"),
    path("me/complaints/<str:cmp>", complaints.complaint, name="person-complaint"),
    path("me/complaints/<str:cmp>/close", complaints.close, name="person-complaint-close"),
    path("staff/complaints", complaints.queue, name="staff-complaints"),
    path("staff/complaints/<str:cmp>", complaints.case, name="staff-complaint"),
    path("staff/complaints/<str:cmp>/close", complaints.close_case, name="staff-complaint-close"),
    path("link/messenger/<uuid:sender_id>", link.from_chat, name="link-messenger"),
    path("me/link/", link.home, name="link-home"),
    path("me/link/chats/<str:lac>/unlink", link.unlink, name="link-unlink"),
    path("me/link/<uuid:sender_id>", link.start, name="link-start"),
    path("me/link/<uuid:sender_id>/state", link.state, name="link-state"),
    path("me/link/<uuid:sender_id>/<slug:outcome>", link.outcome, name="link-outcome"),
]
