"""How a bank comes in, its members' pages, and the staff's about banks."""

from django.urls import path

from partners.views import (
    agreements,
    clients,
    home,
    leaving,
    production,
    register,
    senders,
    staff_agreements,
    staff_invitations,
    staff_partner,
    team,
    webhooks,
)

_WEBHOOKS = "partners/<slug:slug>/webhooks"
_CLIENTS = "partners/<slug:slug>/clients"
_CLIENT = f"{_CLIENTS}/<str:cli>"
_SENDERS = "partners/<slug:slug>/senders"
_SENDER = f"{_SENDERS}/<str:snd>"
_STAFF = "staff/partners/<slug:slug>"
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
    path(_CLIENTS, clients.clients, name="member-clients"),
    path(f"{_CLIENTS}/create/<slug:environment>", clients.create, name="member-client-create"),
    path(_CLIENT, clients.client, name="member-client"),
    path(f"{_CLIENT}/edit", clients.edit, name="member-client-edit"),
    path(f"{_CLIENT}/secret", clients.roll, name="member-client-roll"),
    path(f"{_CLIENT}/secrets/<str:secret>/end", clients.end_secret, name="member-client-secret-end"),
    path(f"{_CLIENT}/keys/add", clients.add_key, name="member-client-key-add"),
    path(f"{_CLIENT}/keys/<str:key>/end", clients.end_key, name="member-client-key-end"),
    path(f"{_CLIENT}/key-set", clients.key_set, name="member-client-key-set"),
    path(f"{_CLIENT}/revoke", clients.revoke, name="member-client-revoke"),
    path("partners/<slug:slug>/go-live", production.production, name="member-production"),
    path(_SENDERS, senders.senders, name="member-senders"),
    path(f"{_SENDERS}/add", senders.add, name="member-sender-add"),
    path(_SENDER, senders.sender, name="member-sender"),
    path(f"{_SENDER}/edit", senders.edit, name="member-sender-edit"),
    path(f"{_SENDER}/check", senders.check, name="member-sender-check"),
    path(f"{_SENDER}/pause", senders.pause, name="member-sender-pause"),
    path(f"{_SENDER}/resume", senders.resume, name="member-sender-resume"),
    path("partners/<slug:slug>/leave", leaving.leaving, name="member-leaving"),
    path("partners/<slug:slug>/leave/now", leaving.surrender, name="member-surrender"),
    path("partners/<slug:slug>/leave/certificate", leaving.certificate, name="member-certificate"),
    path("staff/partners", staff_partner.partners, name="staff-partners"),
    path(_STAFF, staff_partner.partner, name="staff-partner"),
    path(f"{_STAFF}/suspend", staff_partner.suspend, name="staff-partner-suspend"),
    path(f"{_STAFF}/reinstate", staff_partner.reinstate, name="staff-partner-reinstate"),
    path(f"{_STAFF}/revoke", staff_partner.revoke, name="staff-partner-revoke"),
    path(f"{_STAFF}/production", staff_partner.enable, name="staff-partner-enable"),
]
