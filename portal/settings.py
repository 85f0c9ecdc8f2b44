"""All settings, from the environment. `portal/checks.py` refuses what is unsafe in production."""

import os
from pathlib import Path

from csp.constants import NONE, SELF

from portal.environment import Environment
from portal.schedule import BEAT_SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = env = Environment(os.environ)
PARLEY_ENV = env.choice("PARLEY_ENV", ("production", "development", "test"), "development")
IS_PRODUCTION = PARLEY_ENV == "production"
DEBUG = False

SECRET_KEY = env.text("SECRET_KEY", "" if IS_PRODUCTION else "for development and tests only")
PARLEY_KEK = env.text("PARLEY_KEK")
PARLEY_INDEX_KEY = env.text("PARLEY_INDEX_KEY")
PARLEY_PEPPER = env.text("PARLEY_PEPPER")

BASE_URL = env.text("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
SANDBOX_URL = env.text("SANDBOX_URL", "http://127.0.0.1:8001").rstrip("/")
MESSENGER_GRAPH_URL = env.text(
    "MESSENGER_GRAPH_URL", "https://graph.facebook.com" if IS_PRODUCTION else SANDBOX_URL
).rstrip("/")
MESSENGER_GRAPH_VERSION = env.text("MESSENGER_GRAPH_VERSION", "v26.0")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if IS_PRODUCTION else "*")

DATABASE_URL = env.text("DATABASE_URL", "postgresql://parley_app@/parley")
DATABASE_OWNER_URL = env.text("DATABASE_OWNER_URL", DATABASE_URL)
DATABASE_ASSUME_ROLE = env.text("DATABASE_ASSUME_ROLE")
ACTS_AS_OWNER = env.choice("PARLEY_DB_AS", ("app", "owner"), "app") == "owner"
DATABASES = {
    "default": (
        env.database("DATABASE_OWNER_URL", DATABASE_URL)
        if ACTS_AS_OWNER
        else env.database("DATABASE_URL", DATABASE_URL, assume_role=DATABASE_ASSUME_ROLE)
    )
}
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
BROKER_URL = env.text("BROKER_URL", REDIS_URL)

INSTALLED_APPS = [
    "portal",
    "portal.accounts",
    "portal.tenancy",
    "portal.vault",
    "portal.audit",
    "portal.mail",
    "portal.api",
    "portal.demo",
    "portal.design",
    "partners",
    "consents",
    "notifications",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "guardian",
    "oauth2_provider",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "lucide",
    "csp",
]

MIDDLEWARE = [
    "portal.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.api.front.ApiFrontMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.accounts.language.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.accounts.kept.KeptFormMiddleware",
    "portal.accounts.bank_session.BankSessionMiddleware",
    "portal.accounts.middleware.SecondFactorMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ANONYMOUS_USER_NAME = None  # guardian would otherwise keep a user nobody is
GUARDIAN_MONKEY_PATCH_USER = False
LOGIN_REDIRECT_URL = "/me/"
LOGIN_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_ADAPTER = "portal.accounts.adapters.AccountAdapter"
ACCOUNT_RATE_LIMITS = {  # beside allauth's own
    "bank_sign_in": "20/m/user",  # how often one is sent to a bank
    "authorize": "60/m/user",  # opens or answers what a bank asks
    "export": "2/h/user",  # everything about oneself, which takes long to gather
}
SOCIALACCOUNT_ADAPTER = "partners.sso.adapter.BankSocialAccountAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"provider_class": "partners.sso.provider.BankProvider"}}
MFA_ADAPTER = "portal.accounts.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_PRODUCTION
MFA_TOTP_ISSUER = "Parley"
MFA_TOTP_TOLERANCE = 1  # a code that was right 30 s ago is taken once more (RFC 6238 §5.2)

EMAIL_BACKEND = env.text(
    "EMAIL_BACKEND",
    "django.core.mail.backends.smtp.EmailBackend"
    if IS_PRODUCTION
    else "django.core.mail.backends.filebased.EmailBackend",
)
EMAIL_FILE_PATH = Path(env.text("DEMO_DIR", str(BASE_DIR / "var"))) / "mail"
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25, least=1, most=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.is_on("EMAIL_USE_TLS")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Parley <no-reply@localhost>")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
FORMAT_MODULE_PATH = "portal.formats"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
# Outside production served from the sources
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(BASE_DIR / "var/static"))) if IS_PRODUCTION else None
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
if IS_PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

IS_HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
# With this prefix a browser refuses a cookie that a sibling domain has set
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
LANGUAGE_COOKIE_NAME = "__Host-language" if IS_HTTPS else "language"
LANGUAGE_COOKIE_SECURE = IS_HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_AGE = 31_536_000
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no cookie of its own
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # asked for on the machine itself, past the proxy
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # bytes; a larger body is refused before it is read
# Proxies of ours before the web: so many addresses at the end of X-Forwarded-For are theirs to tell
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 0, least=0, most=9)
if ALLAUTH_TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "portal.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "portal.api.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Parley",
    "DESCRIPTION": "Send people the messages they opted in to.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["portal.documentation.complete"],
}
OAUTH2_PROVIDER_APPLICATION_MODEL = "partners.ApiClient"
OAUTH2_PROVIDER = {
    "OAUTH2_VALIDATOR_CLASS": "partners.oauth.ClientValidator",
    "SCOPES_BACKEND_CLASS": "partners.oauth.ClientScopes",
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # client credentials only
    "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
    "DEFAULT_SCOPES": [],
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # only a token's hash is kept
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,  # never in a query
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
}

# A send whose answer, echo or receipt has not come by then stays unconfirmed (twice that after a timeout)
DELIVERY_ANSWER_SECONDS = env.number("DELIVERY_ANSWER_SECONDS", 10, least=1, most=60)
DELIVERY_LEASE_SECONDS = env.number("DELIVERY_LEASE_SECONDS", 60, least=1, most=3600)
# Lets what a bank names (webhooks, its domain's proof) lead to this machine: for the demo and the tests
OUTBOUND_ALLOW_LOOPBACK = env.is_on("OUTBOUND_ALLOW_LOOPBACK") and not IS_PRODUCTION
# Seconds for all exchanges of an OutboundSession, whatever the other side does meanwhile
OUTBOUND_PATIENCE = 5.0
DNS_SERVER = env.text("DNS_SERVER")  # "address" or "address:port"; empty: those of the machine
# Files are taken on one page only, and never more than one document's worth (see there)
FILE_UPLOAD_HANDLERS = ["partners.uploads.DocumentUploadHandler"]

CELERY = {
    # Tasks that one connection to the database serves; without a number, each task opens its own
    "CELERY_DB_REUSE_MAX": 10_000,
    "broker_url": BROKER_URL.replace("unix://", "redis+socket://"),
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {
        "socket_timeout": 2,
        "socket_connect_timeout": 1,
        "visibility_timeout": 300,
    },
    "broker_connection_timeout": 1,
    "task_default_queue": "events",
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "timezone": "UTC",
    "beat_schedule": BEAT_SCHEDULE,
}

LOGGING_CONFIG = "portal.logs.configure"
LOG_FORMAT = env.choice("LOG_FORMAT", ("json", "console"), "json" if IS_PRODUCTION else "console")
LOGGING = {"format": LOG_FORMAT}  # Django calls the hook only where this holds something
SILENCED_SYSTEM_CHECKS = [
    "guardian.W001",
    "auth.W004",  # unique regardless of case, which the check does not see
    "security.W005",  # HSTS for the domains below ours, and its preload list, are the operator's to decide
    "security.W021",
]

if PARLEY_ENV == "test":
    # A world has a dozen users; strong hashing would be most of the tests' time
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
