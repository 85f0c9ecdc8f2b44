"""The routes of version 1."""

from django.urls import path

from consents.views import api as consents
from consents.views import requests_api as requests
from notifications.views import api as notifications
from notifications.views import audit_api as audit
from notifications.views import batch_api as batch
from notifications.views import recover_api as recover
from notifications.views import sandbox_api as sandbox
from notifications.views import templates_api as templates
from notifications.views import usage_api as usage
from partners.views import api as partners
from partners.views import webhooks_api as webhooks

urlpatterns = [
    path("audit-events", audit.AuditEvents.as_view()),
    path("me", partners.MeView.as_view()),
    path("grants", consents.Grants.as_view()),
    path("grants/<str:grt>", consents.GrantDetail.as_view()),
    path("grants/<str:grt>/revoke", consents.GrantRevoke.as_view()),
    path("grant-requests", requests.GrantRequests.as_view()),
    path("grant-requests/<str:req>", requests.GrantRequestDetail.as_view()),
    path("notifications", notifications.Notifications.as_view()),
    path("notifications/batch", batch.NotificationBatch.as_view()),
    path("notifications/recover", recover.NotificationRecover.as_view()),
    path("notifications/<str:ntf>", notifications.NotificationDetail.as_view()),
    path("notifications/<str:ntf>/cancel", notifications.NotificationCancel.as_view()),
    path("notifications/<str:ntf>/resend", recover.NotificationResend.as_view()),
    path("sandbox/customers", sandbox.SandboxCustomers.as_view()),
    path("sandbox/customers/<path:customer_ref>", sandbox.SandboxCustomerDetail.as_view()),
    path("tasks/<str:tsk>", recover.TaskDetail.as_view()),
    path("templates", templates.Templates.as_view()),
    path("templates/<str:name>", templates.TemplateDetail.as_view()),
    path("templates/<str:name>/versions", templates.TemplateVersions.as_view()),
    path("templates/<str:name>/submit", templates.TemplateSubmit.as_view()),
    path("templates/<str:name>/preview", templates.TemplatePreview.as_view()),
    path("usage", usage.Usage.as_view()),
    path("webhook-endpoints", webhooks.WebhookEndpoints.as_view()),
    path("webhook-endpoints/<str:whk>", webhooks.WebhookEndpointDetail.as_view()),
    path("webhook-endpoints/<str:whk>/rotate-secret", webhooks.WebhookEndpointRotateSecret.as_view()),
    path("webhook-endpoints/<str:whk>/test", webhooks.WebhookEndpointTest.as_view()),
    path("webhook-endpoints/<str:whk>/recover", webhooks.WebhookEndpointRecover.as_view()),
    path("webhook-endpoints/<str:whk>/deliveries", webhooks.WebhookDeliveries.as_view()),
    path("webhook-endpoints/<str:whk>/deliveries/<str:dlv>", webhooks.WebhookDeliveryDetail.as_view()),
    path("webhook-endpoints/<str:whk>/deliveries/<str:dlv>/resend", webhooks.WebhookDeliveryResend.as_view()),
]
