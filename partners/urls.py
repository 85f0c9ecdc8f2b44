"""How a bank comes in, its members' pages, and the staff's about banks."""

from django.urls import path

from partners.views import agreements, home, register, staff_agreements, staff_invitations, team, webhooks

_WEBHOOKS = "partners/<slug:slug>/webhooks"
_ENDPOINT = f"{_WEBHOOKS}/<str:whk>"
_TEAM = "partners/<slug:slug>/team"
_STAFF_INVITATION = "staff/invitations/<str:biv>"
_AGREEMENT = "partners/<slug:slug>/agreement"
_VERSION = f"{_AGREEMENT}/<str:agv>"
_STAFF_VERSION = "staff/agreements/<str:agv>"
_STAFF_TEMPLATE = "staff/agreement-templates/<str:agt>"
_AGREEMENTS = [
    path(_AGREEMENT, agreements.agreement, name="member-agreement"),
    path(_VERSION, agreements.version, name="member-agreement-version"),
    path(f"{_VERSION}/compare", agreements.compare, name="member-agreement-compare"),
    path(f"{_VERSION}/pdf", agreements.pdf, name="member-agreement-pdf"),
    path(f"{_VERSION}/counter", agreements.counter, name="member-agreement-counter"),
    path(f"{_VERSION}/sign", agreements.sign, name="member-agreement-sign"),
    path(f"{_VERSION}/decline", agreements.decline, name="member-agreement-decline"),
    path(f"{_VERSION}/withdraw", agreements.withdraw, name="member-agreement-withdraw"),
    path("staff/agreements", staff_agreements.agreements, name="staff-agreements"),
    path("staff/agreements/offer", staff_agreements.new_offer, name="staff-agreement-new"),
    path("staff/agreements/offer/<str:ptn>", staff_agreements.offer, name="staff-agreement-offer"),
    path(_STAFF_VERSION, staff_agreements.version, name="staff-agreement-version"),
    path(f"{_STAFF_VERSION}/compare", staff_agreements.compare, name="staff-agreement-compare"),
    path(f"{_STAFF_VERSION}/pdf", staff_agreements.pdf, name="staff-agreement-pdf"),
    path(f"{_STAFF_VERSION}/countersign", staff_agreements.countersign, name="staff-agreement-countersign"),
    path(f"{_STAFF_VERSION}/decline", staff_agreements.decline, name="staff-agreement-decline"),
    path(f"{_STAFF_VERSION}/terminate", staff_agreements.terminate, name="staff-agreement-terminate"),
    path(f"{_STAFF_VERSION}/decide", staff_agreements.decide, name="staff-agreement-decide"),
    path("staff/agreement-templates", staff_agreements.templates, name="staff-agreement-templates"),
    path("staff/agreement-templates/new", staff_agreements.new_template, name="staff-agreement-template-new"),
    path(_STAFF_TEMPLATE, staff_agreements.template, name="staff-agreement-template"),
    path(f"{_STAFF_TEMPLATE}/edit", staff_agreements.edit_template, name="staff-agreement-template-edit"),
]
urlpatterns = [
    *_AGREEMENTS,
    path("register", register.register, name="register"),
    path("register/workspace", register.workspace, name="register-workspace"),
    path("register/ask", register.ask, name="register-ask"),
    path("register/invited/<str:token>", register.invitation, name="bank-invitation"),
    path("register/invited/<str:token>/decline", register.decline, name="bank-invitation-decline"),
    path("invitations/<str:token>", team.invitation, name="invitation"),
    path("partners", home.banks, name="member-banks"),
    path("partners/<slug:slug>/", home.home, name="member-home"),
    path(_TEAM, team.members, name="member-team"),
    path(f"{_TEAM}/invite", team.invite, name="member-team-invite"),
    path(f"{_TEAM}/invitations/<str:inv>/renew", team.renew, name="member-team-renew"),
    path(f"{_TEAM}/invitations/<str:inv>/withdraw", team.withdraw, name="member-team-withdraw"),
    path(f"{_TEAM}/requests/<str:joi>/dismiss", team.dismiss, name="member-team-dismiss"),
    path(f"{_TEAM}/members/<str:mem>", team.member, name="member-team-member"),
    path(f"{_TEAM}/members/<str:mem>/remove", team.remove, name="member-team-remove"),
    path("staff/invitations", staff_invitations.invitations, name="staff-invitations"),
    path("staff/invitations/new", staff_invitations.invite, name="staff-invitation-new"),
    path(f"{_STAFF_INVITATION}/renew", staff_invitations.renew, name="staff-invitation-renew"),
    path(f"{_STAFF_INVITATION}/withdraw", staff_invitations.withdraw, name="staff-invitation-withdraw"),
    path("docs/webhooks", webhooks.guide, name="docs-webhooks"),
    path(_WEBHOOKS, webhooks.endpoints, name="member-webhooks"),
    path(f"{_WEBHOOKS}/add", webhooks.add, name="member-webhook-add"),
    path(f"{_WEBHOOKS}/inbox", webhooks.open_inbox, name="member-webhook-inbox"),
    path(_ENDPOINT, webhooks.endpoint, name="member-webhook"),
    path(f"{_ENDPOINT}/arrivals", webhooks.arrivals, name="member-webhook-arrivals"),
    path(f"{_ENDPOINT}/challenge", webhooks.challenge, name="member-webhook-challenge"),
    path(f"{_ENDPOINT}/edit", webhooks.edit, name="member-webhook-edit"),
    path(f"{_ENDPOINT}/secret", webhooks.rotate, name="member-webhook-secret"),
    path(f"{_ENDPOINT}/test", webhooks.send_test, name="member-webhook-test"),
    path(f"{_ENDPOINT}/switch", webhooks.switch, name="member-webhook-switch"),
    path(f"{_ENDPOINT}/recover", webhooks.recover, name="member-webhook-recover"),
    path(f"{_ENDPOINT}/delete", webhooks.delete, name="member-webhook-delete"),
    path(f"{_ENDPOINT}/deliveries/<str:dlv>", webhooks.delivery, name="member-webhook-delivery"),
    path(f"{_ENDPOINT}/deliveries/<str:dlv>/resend", webhooks.resend, name="member-webhook-resend"),
]
