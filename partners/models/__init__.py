"""A bank, its team, what was agreed with it, how it sends, and where it hears of events."""

from partners.api_client import ApiClient, ClientKey, ClientSecret
from partners.models.agreement import (
    Agreement,
    AgreementSignature,
    AgreementTemplate,
    AgreementTermination,
    AgreementVersion,
)
from partners.models.customer_sign_in import CustomerSignIn
from partners.models.invitation import BankInvitation, Invitation, JoinRequest
from partners.models.membership import Membership
from partners.models.partner import Partner, PartnerGroupPermission, PartnerUserPermission
from partners.models.production import Production, Stop
from partners.models.review import ReviewDecision, ReviewMessage, ReviewNote, Submission
from partners.models.sender import Sender
from partners.models.sso import SignOn
from partners.models.verification import Verification, VerificationDocument
from partners.models.webhook import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
    WebhookSequence,
)

__all__ = [
    "Agreement",
    "AgreementSignature",
    "AgreementTemplate",
    "AgreementTermination",
    "AgreementVersion",
    "ApiClient",
    "BankInvitation",
    "ClientKey",
    "ClientSecret",
    "CustomerSignIn",
    "Invitation",
    "JoinRequest",
    "Membership",
    "Partner",
    "PartnerGroupPermission",
    "PartnerUserPermission",
    "Production",
    "ReviewDecision",
    "ReviewMessage",
    "ReviewNote",
    "Sender",
    "SignOn",
    "Stop",
    "Submission",
    "Verification",
    "VerificationDocument",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "WebhookSequence",
]
