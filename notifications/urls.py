"""A person's connections with their messages, a bank's deliveries and templates, and the review of wording."""

from django.urls import path

from notifications.views import activity, member, person, rights, settings, staff_templates, templates, why

_TEMPLATES = "partners/<slug:slug>/templates"
_VERSION = f"{_TEMPLATES}/versions/<str:tpv>"
urlpatterns = [
    path("me/", person.home, name="person-home"),
    path("me/activity", activity.activity, name="person-activity"),
    path("me/activity.<slug:shape>", activity.activity_file, name="person-activity-file"),
    path("why/<str:dlv>", why.why, name="why"),
    path("me/settings", settings.quiet_hours, name="person-settings"),
    path("me/grants/<str:grt>", person.grant, name="person-grant"),
    path("me/privacy", rights.privacy, name="person-privacy"),
    path("me/privacy/discreet", rights.discreet, name="person-discreet"),
    path("me/privacy/export", rights.export, name="person-export"),
    path("me/privacy/erase", rights.erase, name="person-erase"),
    path("erased/<str:token>", rights.erased, name="erased"),
    path("erased/<str:token>/pdf", rights.erased_as_pdf, name="erased-pdf"),
    path("partners/<slug:slug>/deliveries", member.deliveries, name="member-deliveries"),
    path("partners/<slug:slug>/deliveries/<str:ntf>", member.delivery, name="member-delivery"),
    path(_TEMPLATES, templates.templates, name="member-templates"),
    path(f"{_TEMPLATES}/add", templates.add, name="member-template-add"),
    path(f"{_TEMPLATES}/preview", templates.preview, name="member-template-preview"),
    path(f"{_TEMPLATES}/<str:tpl>", templates.template, name="member-template"),
    path(f"{_TEMPLATES}/<str:tpl>/new", templates.new_version, name="member-template-new-version"),
    path(_VERSION, templates.version, name="member-template-version"),
    path(f"{_VERSION}/edit", templates.edit, name="member-template-edit"),
    path(f"{_VERSION}/submit", templates.submit, name="member-template-submit"),
    path(f"{_VERSION}/withdraw", templates.withdraw, name="member-template-withdraw"),
    path(f"{_VERSION}/retire", templates.retire, name="member-template-retire"),
    path("staff/templates", staff_templates.queue, name="staff-templates"),
    path("staff/templates/<str:tpv>", staff_templates.review, name="staff-template-review"),
]
