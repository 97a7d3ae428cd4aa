"""What the OpenAPI document says of the service as a whole, and how it names things."""

from typing import Any

_DESCRIPTION = """
Detectors send evidence, registrars tell of accounts, readers ask for accounts and cases, gateways ask whether a request
may pass. `create_client` makes a key of one of these kinds. Every error is a problem document (RFC 9457).
"""


def of(address: str) -> dict[str, Any]:
    """Settings of drf-spectacular for a service at this address."""
    return {
        "TITLE": "Accounts Enforcement",
        "VERSION": "1",
        "OAS_VERSION": "3.1.0",
        "DESCRIPTION": _DESCRIPTION,
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
