"""Everything comes from the environment (docs/settings.md has the table); what is missing stops the start.

Importing this module starts nothing and connects to nothing.
"""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

import faultpoints
from accounts_enforcement import browser_policy, logs, openapi

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def required(name: str) -> str:
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. `./run` sets it for a laptop; docs/settings.md tells what it is."
        )
    return value


def broker_url(redis_url: str) -> str:
    """kombu refuses `unix://path?db=0` and wants `redis+socket://path?virtual_host=0`."""
    parts = urlsplit(redis_url)
    if parts.scheme not in ("redis", "rediss", "unix"):  # kombu reads more of them than what counts against limits
        raise ImproperlyConfigured("REDIS_URL begins with redis://, rediss:// or unix://.")
    if parts.scheme != "unix":
        return redis_url
    return f"redis+socket://{parts.path}?virtual_host={parts.query.removeprefix('db=') or '0'}"


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(each.strip()) for each in env.list(name, default=[])]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is a list of networks such as 10.0.0.0/8,::1/128: {error}.") from None


def per_minute(name: str, default: int) -> int:
    limit: int = env.int(name, default=default)
    if not 0 <= limit <= 60_000_000:
        raise ImproperlyConfigured(f"{name} is a number a minute from 0 (no limit) to 60,000,000, not {limit}.")
    return limit


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = required("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", urlsplit(PUBLIC_URL).hostname or ""]
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# -- the service -------------------------------------------------------------------------------------------------
TEST_CLOCK = env.bool("ENFORCEMENT_TEST_CLOCK", default=False)
if FAULTS := env.str("FAULTS", default=""):
    if not TEST_CLOCK:
        raise ImproperlyConfigured("FAULTS makes processes die on purpose: it needs ENFORCEMENT_TEST_CLOCK=1.")
    faultpoints.arm(FAULTS, record=env.str("FAULTS_RECORD", default=""), seed=env.int("FAULTS_SEED", default=0))
GEOIP_MMDB = env.str("GEOIP_MMDB", default="")
PROVIDER_NAME = env.str("PROVIDER_NAME", default="Example API")
PROVIDER_TEAM = env.str("PROVIDER_TEAM", default="Policy Enforcement")
PROVIDER_LEGAL_LINE = env.str("PROVIDER_LEGAL_LINE", default="Example API, 1 Example Street, Example City")

# -- applications ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",  # before django.contrib.admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "notifications",
    "enforcement",
    "accounts_enforcement",
]
MIDDLEWARE = [
    "accounts_enforcement.request_log.RequestLog",  # first, so that it sees whatever answers
    # These stand before what answers static files, which carry the headers too.
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts_enforcement.security.ContentSecurityPolicy",
    "accounts_enforcement.security.AnswerHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "accounts_enforcement.urls"
WSGI_APPLICATION = "accounts_enforcement.wsgi.application"
APPEND_SLASH = False
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
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True  # a laptop never runs collectstatic

# -- PostgreSQL: the only truth ----------------------------------------------------------------------------------
required("DATABASE_URL")
DATABASES = {"default": env.db("DATABASE_URL", engine="django.db.backends.postgresql")}
# A session that dies holding a lock must not hold it for ever, and nobody waits for a lock longer than a person
# would: who cannot lock skips or answers 503. Migrations obey the same limits.
SESSION_LIMITS = "-c lock_timeout=5s -c statement_timeout=60s -c idle_in_transaction_session_timeout=15s"
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # one that died with its server is replaced before it is used
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {
        "options": SESSION_LIMITS,
        "connect_timeout": 5,
        # One pool per process: processes times size stays below max_connections.
        "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL_SIZE", default=8), "timeout": 5},
    }
)

# -- Redis: a doorbell; settings and their reasons in docs/adr/0001 -------------------------------------------------
REDIS_URL = required("REDIS_URL")
CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,  # without it a frozen Redis hangs the publisher for ever
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "retry_on_timeout": False,
}
CELERY_VISIBILITY_TIMEOUT = 3600
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # True would run a poison task in a tight loop
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_DEFAULT_QUEUE = "decide"
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.2}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
TICK = env.float("ENFORCEMENT_TICK", default=1.0)
CELERY_BEAT_SCHEDULER = "accounts_enforcement.beat:BoundedScheduler"
CELERY_BEAT_SCHEDULE = {
    name: {"task": f"enforcement.tasks.{name}", "schedule": TICK, "options": {"expires": 10 * TICK, "queue": queue}}
    for name, queue in (("assess", "decide"), ("sweep", "decide"), ("deliver", "mail"))  # slow mail starves no decision
}
# The home page's figures: half a second of reading at two million items of evidence.
CELERY_BEAT_SCHEDULE["figures"] = {
    "task": "enforcement.tasks.figures",
    "schedule": 60.0,
    "options": {"expires": 60.0, "queue": "decide"},
}
CELERY_BEAT_SCHEDULE["check_invariants"] = {
    "task": "enforcement.tasks.check_invariants",
    "schedule": 60.0,
    "options": {"expires": 60.0, "queue": "decide"},
}

# -- mail --------------------------------------------------------------------------------------------------------
EMAIL_URL = env.str("EMAIL_URL", default="smtp://localhost:1025")
MEMO_FROM = env.str("MEMO_FROM", default="policy@localhost")

# -- REST --------------------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 2**20  # one batch of evidence
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["enforcement.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["enforcement.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["enforcement.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "enforcement.api.documented.CallSchema",
    "EXCEPTION_HANDLER": "enforcement.api.problems.handle",
    "DEFAULT_THROTTLE_CLASSES": ["enforcement.api.limits.ClientLimit"],
    "UNAUTHENTICATED_USER": None,
}
# What a client may ask for in a minute, by its kind: calls, or items of evidence. Somebody's loop, not somebody's day:
# two cores take in about 1,200,000 items.
RATE_LIMITS = {
    "detector": per_minute("RATE_LIMIT_DETECTOR", default=1_800_000),
    "gateway": per_minute("RATE_LIMIT_GATEWAY", default=600_000),
    "reader": per_minute("RATE_LIMIT_READER", default=30_000),
    "registrar": per_minute("RATE_LIMIT_REGISTRAR", default=30_000),
}
SPECTACULAR_SETTINGS = openapi.of(PUBLIC_URL)

# -- security ----------------------------------------------------------------------------------------------------
HTTPS = PUBLIC_URL.startswith("https://")
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=365 * 86400 if HTTPS else 0)
SECURE_SSL_REDIRECT = False  # the proxy in front terminates TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"  # no-referrer would make browsers send `Origin: null`, which CSRF refuses
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
if HTTPS:  # browsers take cookies of these names only from this host and over TLS
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"

CONTENT_SECURITY_POLICY = browser_policy.CONTENT_SECURITY_POLICY
CONTENT_SECURITY_POLICY_RELAXED = browser_policy.CONTENT_SECURITY_POLICY_RELAXED
ANSWER_HEADERS = browser_policy.ANSWER_HEADERS

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of earlier releases: hashed anew at the next log-in
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Who guesses at one name from one address has to wait; neither shuts the person out elsewhere, nor others here. Keys
# of the API are no log-in: nothing that happens there counts.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_CALLABLE = "enforcement.admin.lockout.turn_away"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or a robot that goes on would keep the person out for ever
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "accounts_enforcement.security.client_address"
AXES_DISABLE_ACCESS_LOG = True  # addresses of people who did nothing wrong
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# -- logs: one JSON object a line (accounts_enforcement/logs.py) ---------------------------------------------------
LOGGING = logs.configuration(env.str("LOG_LEVEL", default="INFO"))
logs.configure_structlog()

# -- watching ----------------------------------------------------------------------------------------------------
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_NETWORKS = networks("METRICS_NETWORKS")
METRICS_DIRECTORY = env.str("PROMETHEUS_MULTIPROC_DIR", default="")  # enforcement.metrics reads it, too
SENTRY_DSN = env.str("SENTRY_DSN", default="")
OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
# Seconds of age beyond which /readyz calls something late; alerts have limits of their own.
LATE_AFTER = {
    "assess": env.float("LATE_ASSESS_SECONDS", default=60.0),
    "sweep": env.float("LATE_SWEEP_SECONDS", default=120.0),
    "render": env.float("LATE_RENDER_SECONDS", default=120.0),
    "deliver": env.float("LATE_DELIVER_SECONDS", default=300.0),
    "heartbeat": env.float("LATE_HEARTBEAT_SECONDS", default=30.0),
}

# -- the brake: where the automation rests until people have caught up ------------------------------------------------
MAX_OPEN_APPEALS_PER_REVIEWER = env.int("ENFORCEMENT_MAX_OPEN_APPEALS_PER_REVIEWER", default=25)
MAX_OVERTURN_RATE = env.float("ENFORCEMENT_MAX_OVERTURN_RATE", default=0.25)

# -- the staff console -------------------------------------------------------------------------------------------
LOGIN_REDIRECT_URL = "admin:index"
UNFOLD = {
    "SITE_TITLE": "Accounts Enforcement",
    "SITE_HEADER": "Accounts Enforcement",
    "SITE_SYMBOL": "gavel",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "enforcement.admin.navigation.icon"}],
    "SITE_URL": None,
    "SHOW_HISTORY": False,  # decisions are the history; the console edits nothing that it could log
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["enforcement.admin.navigation.style"],
    "SCRIPTS": ["enforcement.admin.navigation.script"],
    "COLORS": {"primary": {"500": "oklch(71.4% .203 305.504)"}},  # dark pages write with it; the theme's is too dark
    "ENVIRONMENT": "enforcement.admin.navigation.environment",
    "DASHBOARD_CALLBACK": "enforcement.admin.overview.overview",
    "TABS": "enforcement.admin.navigation.tabs",
    "SIDEBAR": {"navigation": "enforcement.admin.navigation.sidebar"},
}
