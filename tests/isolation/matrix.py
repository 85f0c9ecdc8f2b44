"""Who may call which route. A route without a row fails the build, and so does a row without a route."""

from dataclasses import dataclass, field
from enum import Enum, auto

# What comes back. A number is the status itself.
SIGN_IN, SECOND_STEP = "redirect to sign-in", "redirect to the second step"
OPEN = "as the row says"
MINE = "as the row says for what is theirs, else 404"
ROLE = "403 unless the role includes the permission, else like MINE"
SCOPE = "403 for want of the scope, or 404 for what is not theirs where the route looks first"


class Door(Enum):
    """How a route learns who calls."""

    PUBLIC = auto()  # it does not ask
    LOCAL = auto()  # by the address: only the machine itself
    PERSON = auto()  # by the session: anybody who is signed in, for what is their own
    MEMBER = auto()  # by the session and the bank in the path
    STAFF = auto()  # by the session and the platform role of whoever it is
    API = auto()  # by the access token
    OAUTH = auto()  # by the client's secret or assertion in the body
    HOOK = auto()  # by the platform's signature


PEOPLE = ("ana", "ben", "charlie")
STAFF = ("reviewer", "auditor", "operator")
ROLES = ("owner", "integration_admin", "compliance", "developer", "analyst", "analyst here, owner there")
OUTSIDERS = ("member of another bank", *STAFF)
CLIENTS = ("live", "sandbox", "other bank's live", "other bank's sandbox")
NOBODY = ("nobody", "the machine itself", "deactivated member")
SESSIONS = (*PEOPLE, *ROLES, *OUTSIDERS, "member without a second step")
TOKENS = (
    *CLIENTS,
    *(f"{name}, without the scope" for name in CLIENTS),
    "revoked",
    "expired",
    "a made-up token",
)
EVERYBODY = (*NOBODY, *SESSIONS, *TOKENS)


def _each(names: tuple[str, ...], answer: str | int) -> dict[str, str | int]:
    return dict.fromkeys(names, answer)


DOORS: dict[Door, dict[str, str | int]] = {
    Door.PUBLIC: _each(EVERYBODY, OPEN),
    Door.LOCAL: _each(EVERYBODY, 404) | _each(("the machine itself",), OPEN),
    Door.PERSON: _each(NOBODY + TOKENS, SIGN_IN) | _each(SESSIONS, MINE),
    Door.MEMBER: _each(NOBODY + TOKENS, SIGN_IN)
    | _each((*PEOPLE, "member without a second step"), SECOND_STEP)
    | _each(ROLES, ROLE)
    | _each(OUTSIDERS, 404),
    Door.STAFF: _each(NOBODY + TOKENS, SIGN_IN)
    | _each((*PEOPLE, "member without a second step"), SECOND_STEP)
    | _each((*ROLES, "member of another bank"), 404)
    | _each(STAFF, ROLE),
    Door.API: _each(EVERYBODY, 401)
    | _each(CLIENTS, MINE)
    | _each(tuple(f"{name}, without the scope" for name in CLIENTS), SCOPE),
    Door.OAUTH: _each(EVERYBODY, 401),
    Door.HOOK: _each(EVERYBODY, 403),
}


# What each role may, as its bank's pages and the staff's promise it. Written down a second time on purpose.
_READ = {"deliveries:read", "grants:read", "agreements:read"}
_BUILD = {"clients:manage", "templates:edit", "senders:manage", "webhooks:manage"}
PERMISSIONS: dict[str, set[str]] = {
    "owner": _READ
    | _BUILD
    | {
        "partner:edit",
        "partner:surrender",
        "agreements:negotiate",
        "agreements:sign",
        "team:manage",
        "audit:read",
    },
    "integration_admin": _READ | _BUILD,
    "compliance": _READ | {"partner:edit", "agreements:negotiate", "audit:read"},
    "developer": {"deliveries:read", "templates:edit", "webhooks:manage"},
    "analyst": {"deliveries:read"},
    "auditor": {"staff:partners:read"},
}
PERMISSIONS["reviewer"] = PERMISSIONS["auditor"] | {
    "staff:partners:review",
    "staff:agreements:offer",
    "staff:agreements:countersign",
    "staff:templates:review",
    "staff:complaints:answer",
}
PERMISSIONS["operator"] = PERMISSIONS["reviewer"] | {"staff:partners:suspend"}


@dataclass(frozen=True)
class Row:
    """One route: its pattern as Django has it, its methods, its door, and what opens it.

    `needs` is a scope (API) or a permission (MEMBER, STAFF); `thing` is what the ids in the path name; `sends` is
    a body (or a query) that is accepted; `answers` are the statuses of success where they are not 200;
    `looks_first` tells that the scope depends on the thing, so what is not theirs is 404 before it can be 403;
    `not_theirs` is what is answered instead of 404 by a page that says the same of what is gone; `environment` is
    the only one whose clients it serves: others get 403, and are told so; `is_wide` tells that another scope of its
    kind opens it as well.
    """

    route: str
    methods: str
    door: Door
    needs: str = ""
    thing: str = ""
    sends: dict[str, object] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    looks_first: bool = False
    not_theirs: int = 404
    environment: str = ""
    is_wide: bool = False


# What stands in a path beside the ids of things.
WORDS = {
    "slug": "norden", "token": "made-up", "environment": "sandbox", "code": "not_found", "outcome": "declined",
    "decision": "recommend", "shape": "csv",
}  # fmt: skip
NOWHERE = {"GET": 404, "POST": 404}  # what a made-up link leads to
_INVENTED: dict[str, object] = {
    "customer_ref": "TEST-1",
    "clusters": ["BALANCES"],
    "accounts": [{"ref": "acc-test", "mask": "•• 0001", "type": "Current account"}],
}
_ASKED = _INVENTED | {
    "customer_ref": "CUST-9",
    "duration_days": 90,
    "redirect_uri": "{back}",
    "state": "s-1",
}
_SENT = {
    "template": "balance_update",
    "customer_ref": "CUST-1",
    "data": {
        "account": "{account}",
        "available": {"value": "12.50", "currency": "USD"},
        "as_of": "2026-11-23T09:30:00Z",
    },
}
_URL = "https://hooks.norden.example/new"
_ENDPOINT: dict[str, object] = {"url": _URL, "rate_per_second": 50}
_HOOKS = "partners/<slug:slug>/webhooks"
_HOOK = f"{_HOOKS}/<str:whk>"
_BODY = "You have {{ available }} on {{ account }} now."
_TEMPLATE: dict[str, object] = {"name": "new_words", "cluster": "BALANCES", "locale": "en", "body": _BODY}
_TEMPLATES = "partners/<slug:slug>/templates"
_VERSION = f"{_TEMPLATES}/versions/<str:tpv>"
_API_TEMPLATE = "api/v1/templates/<str:name>"
_API_HOOK = "api/v1/webhook-endpoints/<str:whk>"
_AGV = "agreement version"
_VERIFICATION = "partners/<slug:slug>/verification"
_CUSTOMER_SIGN_IN = "partners/<slug:slug>/customer-sign-in"
_REVIEW = "staff/reviews/<slug:slug>"
# fmt: off
ROWS = (
    Row("", "GET", Door.PUBLIC),
    Row("start", "GET", Door.PERSON, answers={"GET": 302}),
    Row("language", "POST", Door.PUBLIC, sends={"language": "en"}, answers={"POST": 302}),
    Row("privacy", "GET", Door.PUBLIC),
    Row("docs/api", "GET", Door.PUBLIC),
    Row("docs/design", "GET", Door.PUBLIC),
    Row("docs/errors/<slug:code>", "GET", Door.PUBLIC),
    Row("docs/webhooks", "GET", Door.PUBLIC),
    Row("api/v1/openapi.json", "GET", Door.PUBLIC),
    Row("health/live", "GET", Door.PUBLIC),
    Row("health/ready", "GET", Door.PUBLIC),
    Row("metrics", "GET", Door.LOCAL),

    Row(".well-known/oauth-authorization-server", "GET", Door.PUBLIC),
    Row("oauth/token", "POST", Door.OAUTH, sends={"grant_type": "client_credentials"}),
    Row("oauth/revoke", "POST", Door.OAUTH, sends={"token": "somebody's"}),
    Row("oauth/introspect", "POST", Door.OAUTH, sends={"token": "somebody's"}),
    Row("hooks/messenger/<uuid:sender_id>", "GET POST", Door.HOOK, thing="sender"),

    Row("me/", "GET", Door.PERSON),
    Row("me/activity", "GET", Door.PERSON),
    Row("me/activity.<slug:shape>", "GET", Door.PERSON),
    Row("why/<str:dlv>", "GET", Door.PERSON, thing="message"),
    Row("me/settings", "GET POST", Door.PERSON, answers={"POST": 422}),
    Row("me/grants/<str:grt>", "GET", Door.PERSON, thing="grant"),
    Row("me/grants/<str:grt>/pause", "POST", Door.PERSON, thing="grant", answers={"POST": 302}),
    Row("me/grants/<str:grt>/resume", "POST", Door.PERSON, thing="grant", answers={"POST": 302}),
    Row("me/grants/<str:grt>/reconfirm", "POST", Door.PERSON, thing="grant", answers={"POST": 302}),
    Row("me/grants/<str:grt>/chats", "POST", Door.PERSON, thing="grant", answers={"POST": 302}),
    Row("me/grants/<str:grt>/terms", "GET POST", Door.PERSON, thing="grant", answers={"GET": 302, "POST": 302}),
    Row("me/grants/<str:grt>/change", "GET POST", Door.PERSON, thing="grant", answers={"POST": 422}),
    Row("me/grants/<str:grt>/renew", "GET POST", Door.PERSON, thing="grant", answers={"GET": 302, "POST": 302}),
    Row("me/grants/<str:grt>/unused", "POST", Door.PERSON, thing="grant", answers={"POST": 302}),
    Row("me/grants/<str:grt>/stop", "GET", Door.PERSON, thing="grant", answers={"GET": 204}),
    Row("me/stop-everything", "GET POST", Door.PERSON, answers={"POST": 302}),
    Row("staff/stops", "GET", Door.STAFF, "staff:partners:read"),
    Row("me/grants/<str:grt>/disconnect", "GET POST", Door.PERSON, thing="grant", answers={"POST": 302}),
    Row("me/grants/<str:grt>/receipts/<str:rcp>", "GET", Door.PERSON, thing="receipt"),
    Row("me/grants/<str:grt>/receipts/<str:rcp>/pdf", "GET", Door.PERSON, thing="receipt"),
    Row("me/grants/<str:grt>/receipts/<str:rcp>/json", "GET", Door.PERSON, thing="receipt"),

    Row("me/privacy", "GET", Door.PERSON),
    Row("me/privacy/discreet", "POST", Door.PERSON, sends={"mode": "on"}, answers={"POST": 302}),
    Row("me/privacy/export", "POST", Door.PERSON),
    Row("me/privacy/erase", "GET POST", Door.PERSON, answers={"POST": 422}),
    Row("erased/<str:token>", "GET", Door.PUBLIC, answers=NOWHERE),
    Row("erased/<str:token>/pdf", "GET", Door.PUBLIC, answers=NOWHERE),
    Row("me/complaints", "GET", Door.PERSON),
    Row("me/complaints/new", "GET POST", Door.PERSON, sends={"about": "us", "text": "Too late."}, answers={"POST": 302}),
    Row("me/complaints/<str:cmp>", "GET POST", Door.PERSON, thing="complaint", sends={"text": "Still."},
        answers={"POST": 302}),
    Row("me/complaints/<str:cmp>/close", "POST", Door.PERSON, thing="complaint", answers={"POST": 302}),
    Row("staff/complaints", "GET", Door.STAFF, "staff:complaints:answer"),
    Row("staff/complaints/<str:cmp>", "GET POST", Door.STAFF, "staff:complaints:answer", "complaint",
        {"text": "We looked."}, {"POST": 302}),
    Row("staff/complaints/<str:cmp>/close", "POST", Door.STAFF, "staff:complaints:answer", "complaint",
        answers={"POST": 302}),

    Row("authorize/<str:req>", "GET POST", Door.PERSON, thing="grant request", sends={"answer": "decline"},
        answers={"POST": 302}),
    Row("me/banks", "GET", Door.PERSON),
    Row("me/banks/callback/<slug:slug>", "GET", Door.PERSON, answers={"GET": 403}),
    Row("me/banks/<str:csi>", "GET", Door.PERSON, thing="customer sign-in"),
    Row("me/banks/<str:csi>/go", "GET", Door.PERSON, thing="customer sign-in", answers={"GET": 502}),

    Row("link/messenger/<uuid:sender_id>", "GET POST", Door.PERSON, thing="sender", answers={"GET": 302, "POST": 302}),
    Row("me/link/", "GET", Door.PERSON),
    Row("me/link/chats/<str:lac>/unlink", "GET POST", Door.PERSON, thing="linked chat", answers={"POST": 302}),
    Row("me/link/<uuid:sender_id>", "GET", Door.PERSON, thing="sender", sends={"again": "1"}),
    Row("me/link/<uuid:sender_id>/state", "GET", Door.PERSON, thing="link", not_theirs=302),
    Row("me/link/<uuid:sender_id>/<slug:outcome>", "GET", Door.PERSON, thing="sender"),

    Row("register", "GET", Door.PUBLIC),
    Row("register/workspace", "GET POST", Door.PERSON, answers={"POST": 422}),
    Row("register/ask", "POST", Door.PERSON, answers={"POST": 302}),
    Row("register/invited/<str:token>", "GET POST", Door.PUBLIC, answers=NOWHERE),
    Row("register/invited/<str:token>/decline", "GET POST", Door.PUBLIC, answers=NOWHERE),
    Row("invitations/<str:token>", "GET POST", Door.PUBLIC, answers=NOWHERE),
    Row("invitations/<str:token>/bank", "GET POST", Door.PUBLIC, answers=NOWHERE),
    Row("sign-in/bank", "GET POST", Door.PUBLIC, answers={"POST": 422}),
    Row("partners/<slug:slug>/sign-on", "GET", Door.MEMBER),
    Row("partners/<slug:slug>/sign-on/set-up", "GET POST", Door.MEMBER, "team:manage", answers={"POST": 422}),
    Row("partners/<slug:slug>/sign-on/set-up/saml", "GET POST", Door.MEMBER, "team:manage", answers={"POST": 422}),
    Row("partners/<slug:slug>/sign-on/check", "POST", Door.MEMBER, "team:manage", answers={"POST": 302}),
    Row("partners/<slug:slug>/sign-on/mode", "GET POST", Door.MEMBER, "team:manage",
        answers={"GET": 302, "POST": 302}),
    Row("partners/<slug:slug>/sign-on/link", "GET POST", Door.MEMBER, answers={"GET": 302, "POST": 302}),
    Row("partners/<slug:slug>/sign-on/unlink", "POST", Door.MEMBER, answers={"POST": 302}),
    Row("devices/<int:session>/end", "POST", Door.PERSON, thing="session", answers={"POST": 302}),
    Row("partners", "GET", Door.PERSON),
    Row("partners/<slug:slug>/", "GET", Door.MEMBER),
    Row("partners/<slug:slug>/team", "GET", Door.MEMBER),
    Row("partners/<slug:slug>/team/invite", "GET POST", Door.MEMBER, "team:manage",
        sends={"email": "new@norden.example", "role": "analyst"}, answers={"POST": 302}),
    Row("partners/<slug:slug>/team/members/<str:mem>", "GET POST", Door.MEMBER, "team:manage", "member",
        {"role": "compliance", "was": "developer"}, {"POST": 302}),
    Row("partners/<slug:slug>/team/members/<str:mem>/remove", "GET POST", Door.MEMBER, "team:manage", "member",
        answers={"POST": 302}),
    Row("partners/<slug:slug>/team/invitations/<str:inv>/renew", "POST", Door.MEMBER, "team:manage",
        "invitation", answers={"POST": 302}),
    Row("partners/<slug:slug>/team/invitations/<str:inv>/withdraw", "POST", Door.MEMBER, "team:manage",
        "invitation", answers={"POST": 302}),
    Row("partners/<slug:slug>/team/requests/<str:joi>/dismiss", "POST", Door.MEMBER, "team:manage",
        "join request", answers={"POST": 302}),
    Row("staff/invitations", "GET", Door.STAFF, "staff:partners:read"),
    Row("staff/invitations/new", "GET POST", Door.STAFF, "staff:partners:review",
        sends={"email": "new@bank.example", "bank_name": "New"}, answers={"POST": 302}),
    Row("staff/invitations/<str:biv>/renew", "POST", Door.STAFF, "staff:partners:review", "bank invitation",
        answers={"POST": 302}),
    Row("staff/invitations/<str:biv>/withdraw", "POST", Door.STAFF, "staff:partners:review", "bank invitation",
        answers={"POST": 302}),

    Row("partners/<slug:slug>/deliveries", "GET", Door.MEMBER, "deliveries:read"),
    Row("partners/<slug:slug>/deliveries/<str:ntf>", "GET", Door.MEMBER, "deliveries:read", "notification"),
    Row(_HOOKS, "GET", Door.MEMBER, "webhooks:manage"),
    Row(f"{_HOOKS}/add", "GET POST", Door.MEMBER, "webhooks:manage", sends=_ENDPOINT | {"environment": "live"}),
    Row(f"{_HOOKS}/inbox", "POST", Door.MEMBER, "webhooks:manage", sends={"environment": "live"}, answers={"POST": 302}),
    Row(_HOOK, "GET", Door.MEMBER, "webhooks:manage", "endpoint"),
    Row(f"{_HOOK}/arrivals", "GET", Door.MEMBER, "webhooks:manage", "endpoint"),
    Row(f"{_HOOK}/challenge", "GET", Door.MEMBER, "webhooks:manage", "endpoint"),
    Row(f"{_HOOK}/edit", "GET POST", Door.MEMBER, "webhooks:manage", "endpoint", _ENDPOINT, {"POST": 302}),
    Row(f"{_HOOK}/secret", "GET POST", Door.MEMBER, "webhooks:manage", "endpoint", {"expire_old_in": 0}),
    Row(f"{_HOOK}/test", "POST", Door.MEMBER, "webhooks:manage", "endpoint", {"event_type": "grant.revoked"}, {"POST": 302}),
    Row(f"{_HOOK}/switch", "POST", Door.MEMBER, "webhooks:manage", "endpoint", {"to": "DISABLED"}, {"POST": 302}),
    Row(f"{_HOOK}/recover", "POST", Door.MEMBER, "webhooks:manage", "endpoint", {"hours": 24}, {"POST": 302}),
    Row(f"{_HOOK}/delete", "GET POST", Door.MEMBER, "webhooks:manage", "endpoint", answers={"POST": 302}),
    Row(f"{_HOOK}/deliveries/<str:dlv>", "GET", Door.MEMBER, "webhooks:manage", "webhook delivery"),
    Row(f"{_HOOK}/deliveries/<str:dlv>/resend", "POST", Door.MEMBER, "webhooks:manage", "webhook delivery", answers={"POST": 302}),

    Row(_VERIFICATION, "GET", Door.MEMBER, "partner:edit"),
    Row(f"{_VERIFICATION}/profile", "GET POST", Door.MEMBER, "partner:edit", answers={"POST": 422}),
    Row(f"{_VERIFICATION}/contacts", "GET POST", Door.MEMBER, "partner:edit", answers={"POST": 422}),
    Row(f"{_VERIFICATION}/questions", "GET POST", Door.MEMBER, "partner:edit", answers={"POST": 422}),
    Row(f"{_VERIFICATION}/domain", "GET POST", Door.MEMBER, "partner:edit", answers={"POST": 404}),
    Row(f"{_VERIFICATION}/documents", "GET POST", Door.MEMBER, "partner:edit", answers={"POST": 422}),
    Row(f"{_VERIFICATION}/documents/<str:doc>", "GET", Door.MEMBER, "partner:edit", "document"),
    Row(f"{_VERIFICATION}/documents/<str:doc>/remove", "POST", Door.MEMBER, "partner:edit", "document",
        answers={"POST": 302}),
    Row(f"{_VERIFICATION}/submit", "GET POST", Door.MEMBER, "partner:edit", answers={"POST": 422}),
    Row(f"{_VERIFICATION}/message", "POST", Door.MEMBER, "partner:edit", answers={"POST": 422}),
    Row(f"{_VERIFICATION}/reopen", "POST", Door.MEMBER, "partner:edit", answers={"POST": 302}),
    Row("staff/reviews", "GET", Door.STAFF, "staff:partners:read"),
    Row(_REVIEW, "GET", Door.STAFF, "staff:partners:read"),
    Row(f"{_REVIEW}/take", "POST", Door.STAFF, "staff:partners:review", answers={"POST": 302}),
    Row(f"{_REVIEW}/decide/<slug:decision>", "GET POST", Door.STAFF, "staff:partners:review", answers={"POST": 422}),
    Row(f"{_REVIEW}/domain", "POST", Door.STAFF, "staff:partners:review", answers={"POST": 404}),
    Row(f"{_REVIEW}/domain/by-hand", "GET POST", Door.STAFF, "staff:partners:review", answers={"POST": 422}),
    Row(f"{_REVIEW}/documents/<str:doc>", "GET", Door.STAFF, "staff:partners:review", "case's document"),
    Row(f"{_REVIEW}/message", "POST", Door.STAFF, "staff:partners:review", answers={"POST": 422}),
    Row(f"{_REVIEW}/note", "POST", Door.STAFF, "staff:partners:review", answers={"POST": 422}),

    Row("partners/<slug:slug>/agreement", "GET", Door.MEMBER, "agreements:read"),
    Row("partners/<slug:slug>/agreement/<str:agv>", "GET", Door.MEMBER, "agreements:read", _AGV),
    Row("partners/<slug:slug>/agreement/<str:agv>/compare", "GET", Door.MEMBER, "agreements:read", _AGV),
    Row("partners/<slug:slug>/agreement/<str:agv>/pdf", "GET", Door.MEMBER, "agreements:read", _AGV),
    Row("partners/<slug:slug>/agreement/<str:agv>/counter", "GET POST", Door.MEMBER, "agreements:negotiate", _AGV,
        answers={"POST": 422}),
    Row("partners/<slug:slug>/agreement/<str:agv>/decline", "GET POST", Door.MEMBER, "agreements:negotiate", _AGV,
        answers={"POST": 422}),
    Row("partners/<slug:slug>/agreement/<str:agv>/sign", "GET POST", Door.MEMBER, "agreements:sign", _AGV,
        answers={"POST": 422}),
    Row("partners/<slug:slug>/agreement/<str:agv>/withdraw", "GET POST", Door.MEMBER, "agreements:sign", _AGV,
        answers={"POST": 422}),
    Row("staff/agreements", "GET", Door.STAFF, "staff:partners:read"),
    Row("staff/agreements/offer", "GET", Door.STAFF, "staff:agreements:offer"),
    Row("staff/agreements/offer/<str:ptn>", "GET POST", Door.STAFF, "staff:agreements:offer", "bank",
        answers={"POST": 422}),
    Row("staff/agreements/<str:agv>", "GET", Door.STAFF, "staff:partners:read", _AGV),
    Row("staff/agreements/<str:agv>/compare", "GET", Door.STAFF, "staff:partners:read", _AGV),
    Row("staff/agreements/<str:agv>/pdf", "GET", Door.STAFF, "staff:partners:read", _AGV),
    Row("staff/agreements/<str:agv>/decline", "GET POST", Door.STAFF, "staff:agreements:offer", _AGV,
        answers={"POST": 422}),
    Row("staff/agreements/<str:agv>/countersign", "GET POST", Door.STAFF, "staff:agreements:countersign", _AGV,
        answers={"POST": 422}),
    Row("staff/agreements/<str:agv>/terminate", "GET POST", Door.STAFF, "staff:agreements:countersign", _AGV,
        answers={"POST": 422}),
    Row("staff/agreements/<str:agv>/decide", "POST", Door.STAFF, "staff:agreements:countersign", _AGV,
        answers={"POST": 302}),
    Row("staff/agreement-templates", "GET", Door.STAFF, "staff:partners:read"),
    Row("staff/agreement-templates/new", "GET POST", Door.STAFF, "staff:agreements:offer", answers={"POST": 422}),
    Row("staff/agreement-templates/<str:agt>", "GET", Door.STAFF, "staff:partners:read", "agreement template"),
    Row("staff/agreement-templates/<str:agt>/edit", "GET POST", Door.STAFF, "staff:agreements:offer",
        "agreement template", answers={"POST": 422}),

    Row("partners/<slug:slug>/clients", "GET", Door.MEMBER, "clients:manage"),
    Row("partners/<slug:slug>/clients/create/<slug:environment>", "GET POST", Door.MEMBER, "clients:manage",
        answers={"POST": 422}),
    Row("partners/<slug:slug>/clients/<str:cli>", "GET", Door.MEMBER, "clients:manage", "client"),
    Row("partners/<slug:slug>/clients/<str:cli>/edit", "GET POST", Door.MEMBER, "clients:manage", "client",
        answers={"POST": 422}),
    Row("partners/<slug:slug>/clients/<str:cli>/secret", "GET POST", Door.MEMBER, "clients:manage", "client",
        answers={"POST": 422}),
    Row("partners/<slug:slug>/clients/<str:cli>/secrets/<str:secret>/end", "GET POST", Door.MEMBER,
        "clients:manage", "client secret", answers={"POST": 302}),
    Row("partners/<slug:slug>/clients/<str:cli>/keys/add", "GET POST", Door.MEMBER, "clients:manage", "client",
        answers={"POST": 422}),
    Row("partners/<slug:slug>/clients/<str:cli>/keys/<str:key>/end", "GET POST", Door.MEMBER,
        "clients:manage", "client key", answers={"POST": 302}),
    Row("partners/<slug:slug>/clients/<str:cli>/key-set", "GET POST", Door.MEMBER, "clients:manage", "client",
        answers={"POST": 302}),
    Row("partners/<slug:slug>/clients/<str:cli>/revoke", "GET POST", Door.MEMBER, "clients:manage", "client",
        answers={"POST": 302}),
    Row("partners/<slug:slug>/senders", "GET", Door.MEMBER, "senders:manage"),
    Row("partners/<slug:slug>/senders/add", "GET POST", Door.MEMBER, "senders:manage", answers={"POST": 422}),
    Row("partners/<slug:slug>/senders/<str:snd>", "GET", Door.MEMBER, "senders:manage", "member's sender"),
    Row("partners/<slug:slug>/senders/<str:snd>/edit", "GET POST", Door.MEMBER, "senders:manage",
        "member's sender", answers={"POST": 422}),
    Row("partners/<slug:slug>/senders/<str:snd>/check", "POST", Door.MEMBER, "senders:manage",
        "member's sender", answers={"POST": 302}),
    Row("partners/<slug:slug>/senders/<str:snd>/pause", "GET POST", Door.MEMBER, "senders:manage",
        "member's sender", answers={"POST": 422}),
    Row("partners/<slug:slug>/senders/<str:snd>/resume", "POST", Door.MEMBER, "senders:manage",
        "member's sender", answers={"POST": 302}),
    Row(_CUSTOMER_SIGN_IN, "GET", Door.MEMBER, "senders:manage"),
    Row(f"{_CUSTOMER_SIGN_IN}/<slug:environment>/set-up", "GET POST", Door.MEMBER, "senders:manage", answers={"POST": 422}),
    Row(f"{_CUSTOMER_SIGN_IN}/<slug:environment>/check", "POST", Door.MEMBER, "senders:manage", answers={"POST": 302}),
    Row(f"{_CUSTOMER_SIGN_IN}/<slug:environment>/switch", "POST", Door.MEMBER, "senders:manage", answers={"POST": 302}),
    Row("partners/<slug:slug>/go-live", "GET POST", Door.MEMBER, "clients:manage", answers={"POST": 302}),
    Row("partners/<slug:slug>/leave", "GET", Door.MEMBER, "deliveries:read"),
    Row("partners/<slug:slug>/leave/now", "GET POST", Door.MEMBER, "partner:surrender", answers={"POST": 422}),
    Row("partners/<slug:slug>/leave/certificate", "GET", Door.MEMBER, "deliveries:read", answers={"GET": 404}),
    Row("staff/partners", "GET", Door.STAFF, "staff:partners:read"),
    Row("staff/partners/<slug:slug>", "GET", Door.STAFF, "staff:partners:read"),
    Row("staff/partners/<slug:slug>/suspend", "GET POST", Door.STAFF, "staff:partners:suspend",
        answers={"POST": 422}),
    Row("staff/partners/<slug:slug>/reinstate", "GET POST", Door.STAFF, "staff:partners:suspend",
        answers={"POST": 422}),
    Row("staff/partners/<slug:slug>/revoke", "GET POST", Door.STAFF, "staff:partners:suspend",
        answers={"POST": 422}),
    Row("staff/partners/<slug:slug>/production", "GET POST", Door.STAFF, "staff:partners:review",
        answers={"POST": 422}),
    Row(_TEMPLATES, "GET", Door.MEMBER, "templates:edit"),
    Row(f"{_TEMPLATES}/add", "GET POST", Door.MEMBER, "templates:edit", sends=_TEMPLATE, answers={"POST": 302}),
    Row(f"{_TEMPLATES}/preview", "POST", Door.MEMBER, "templates:edit", sends=_TEMPLATE),
    Row(f"{_TEMPLATES}/<str:tpl>", "GET", Door.MEMBER, "templates:edit", "template"),
    Row(f"{_TEMPLATES}/<str:tpl>/new", "GET POST", Door.MEMBER, "templates:edit", "template",
        {"locale": "en", "body": _BODY}, {"POST": 302}),
    Row(_VERSION, "GET", Door.MEMBER, "templates:edit", "draft"),
    Row(f"{_VERSION}/edit", "GET POST", Door.MEMBER, "templates:edit", "draft", {"body": _BODY}, {"POST": 302}),
    Row(f"{_VERSION}/submit", "POST", Door.MEMBER, "templates:edit", "draft", answers={"POST": 302}),
    Row(f"{_VERSION}/withdraw", "POST", Door.MEMBER, "templates:edit", "submitted wording", answers={"POST": 302}),
    Row(f"{_VERSION}/retire", "GET POST", Door.MEMBER, "templates:edit", "approved wording", answers={"POST": 302}),

    Row("staff/templates", "GET", Door.STAFF, "staff:templates:review"),
    Row("staff/templates/<str:tpv>", "GET POST", Door.STAFF, "staff:templates:review", "submitted wording",
        {"decision": "reject", "reason": "It names no account.", "seen": "{digest}"}, {"POST": 302}),

    Row("api/v1/me", "GET", Door.API),
    Row("api/v1/grants", "GET", Door.API, "grants:read"),
    Row("api/v1/grants/<str:grt>", "GET", Door.API, "grants:read", "grant"),
    Row("api/v1/grants/<str:grt>/revoke", "POST", Door.API, "grants:request", "grant", {"reason": "closed"}),
    Row("api/v1/grant-requests", "POST", Door.API, "grants:request", sends=_ASKED, answers={"POST": 201}),
    Row("api/v1/grant-requests/<str:req>", "GET", Door.API, "grants:read", "grant request"),
    Row("api/v1/notifications", "GET", Door.API, "notifications:read"),
    Row("api/v1/notifications", "POST", Door.API, "notify:balances", sends=_SENT, answers={"POST": 202}),
    Row("api/v1/notifications/batch", "POST", Door.API, sends={"notifications": [{}]}),
    Row("api/v1/notifications/recover", "POST", Door.API, "notify:balances",
        sends={"since": "2026-11-23T00:00:00Z"}, answers={"POST": 202}, is_wide=True),
    Row("api/v1/notifications/<str:ntf>/resend", "POST", Door.API, "notify:balances", "failed notification",
        answers={"POST": 202}, looks_first=True),
    Row("api/v1/tasks/<str:tsk>", "GET", Door.API, thing="task"),
    Row("api/v1/notifications/<str:ntf>", "GET", Door.API, "notifications:read", "notification"),
    Row("api/v1/notifications/<str:ntf>/cancel", "POST", Door.API, "notify:balances", "notification",
        looks_first=True),
    Row("api/v1/sandbox/customers", "POST", Door.API, sends=_INVENTED, answers={"POST": 201}, environment="sandbox"),
    Row("api/v1/sandbox/customers/<path:customer_ref>", "DELETE", Door.API, thing="test customer", environment="sandbox"),
    Row("api/v1/templates", "GET", Door.API),
    Row("api/v1/templates", "POST", Door.API, "templates:write", sends=_TEMPLATE, answers={"POST": 201}),
    Row(_API_TEMPLATE, "GET", Door.API, thing="template by name"),
    Row(f"{_API_TEMPLATE}/versions", "POST", Door.API, "templates:write", "template by name", {"body": _BODY}, {"POST": 201}),
    Row(f"{_API_TEMPLATE}/submit", "POST", Door.API, "templates:write", "template by name"),
    Row(f"{_API_TEMPLATE}/preview", "POST", Door.API, "templates:write", "template by name"),
    Row("api/v1/audit-events", "GET", Door.API, "audit:read"),
    Row("api/v1/usage", "GET", Door.API),
    Row("api/v1/webhook-endpoints", "GET POST", Door.API, "webhooks:write", sends={"url": _URL}, answers={"POST": 201}),
    Row(_API_HOOK, "GET PATCH DELETE", Door.API, "webhooks:write", "endpoint", {"description": "x", "status": "DISABLED"}),
    Row(f"{_API_HOOK}/rotate-secret", "POST", Door.API, "webhooks:write", "endpoint", {"expire_old_in": 0}),
    Row(f"{_API_HOOK}/test", "POST", Door.API, "webhooks:write", "endpoint", answers={"POST": 202}),
    Row(f"{_API_HOOK}/recover", "POST", Door.API, "webhooks:write", "endpoint", {"since": "2026-11-23T00:00:00Z"}, {"POST": 202}),
    Row(f"{_API_HOOK}/deliveries", "GET", Door.API, "webhooks:write", "endpoint"),
    Row(f"{_API_HOOK}/deliveries/<str:dlv>", "GET", Door.API, "webhooks:write", "webhook delivery"),
    Row(f"{_API_HOOK}/deliveries/<str:dlv>/resend", "POST", Door.API, "webhooks:write", "webhook delivery", answers={"POST": 202}),
)
# fmt: on
# Routes that others wrote and test: whole prefixes, each with the reason.
THIRD_PARTY = {
    "accounts/": "django-allauth: sign-up, sign-in, e-mail, second steps; it shows and changes the signed-in user alone",
}
