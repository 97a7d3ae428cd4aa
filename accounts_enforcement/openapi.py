"""What the OpenAPI document says of the service as a whole, and how it names things."""

from typing import Any

_DESCRIPTION = """\
Detectors send evidence, registrars tell of accounts, readers ask for accounts and cases, gateways ask whether a request
may pass.

**Keys.** Every call needs `Authorization: Bearer <key>`. An operator makes one with `./run manage create_client NAME
--kind detector` (or `registrar`, `reader`, `gateway`), which prints it once. The kind decides the scopes.

**Errors** are problem documents (RFC 9457, `application/problem+json`): `detail` is a sentence for people, `errors`
names the fields that are wrong. After an error nothing of the call was done; 429 and 503 say in `Retry-After` when to
come again.

**Lists** are pages of 100: follow `next`, which is a whole address, until it is null.
"""
_TAGS = {
    "accounts": "Whom the service provider serves, and how each of them stands.",
    "cases": "What is done about an account, and why.",
    "evidence": "What detectors saw.",
    "gateway": "What is asked for each request, before it is served.",
}


def of(address: str) -> dict[str, Any]:
    """Settings of drf-spectacular for a service at this address."""
    return {
        "TITLE": "Accounts Enforcement",
        "VERSION": "1",
        "OAS_VERSION": "3.1.0",
        "DESCRIPTION": _DESCRIPTION,
        "TAGS": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "SERVERS": [{"url": address}],
        "SERVE_INCLUDE_SCHEMA": False,
        "SERVE_AUTHENTICATION": [],
        "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
        "SWAGGER_UI_DIST": "SIDECAR",
        "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
        "SCHEMA_PATH_PREFIX": "/api/v1",
        "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
        # What generated clients call them: a plain name, whichever shape it stands in first.
        "ENUM_NAME_OVERRIDES": {
            "AccountKind": "enforcement.models.Account.Kind",
            "AppealStatus": "enforcement.models.Appeal.Status",
            "CaseState": "enforcement.api.shapes.cases.STATES",
            "CaseStep": "enforcement.api.shapes.cases.STEPS",
            "ContactRole": "enforcement.models.Contact.Role",
            "DecisionStatus": "enforcement.models.Decision.Status",
            "EvidenceOutcome": "enforcement.api.shapes.evidence.OUTCOMES",
            "MemoKind": "enforcement.models.Memo.Kind",
            "NetworkClass": "enforcement.api.shapes.evidence.CLASSES",
            "PolicyStep": "enforcement.api.shapes.accounts.POLICY_STEPS",
            "ReceiptStatus": "enforcement.api.shapes.evidence.LINES",
            "RestrictionScope": "enforcement.api.shapes.accounts.SCOPES",
            "Standing": "enforcement.api.shapes.accounts.STANDINGS",
        },
    }
