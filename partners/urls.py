"""How a bank comes in, its members' pages, and the staff's about banks."""

from django.urls import path

from partners.views import home, register, staff_invitations, team, webhooks

_WEBHOOKS = "partners/<slug:slug>/webhooks"
_ENDPOINT = f"{_WEBHOOKS}/<str:whk>"
_TEAM = "partners/<slug:slug>/team"
_STAFF_INVITATION = "staff/invitations/<str:biv>"
urlpatterns = [
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
