"""Bodies and answers as they stand in the OpenAPI document. A test holds every one against its shape."""

from typing import Any

from enforcement.api.problems import document

_UNKNOWN = document(404, "There is nothing at this address.")
# By status: what a call shows that has no example of its own. 403 names the scope of the call.
USUAL: dict[int, dict[str, Any]] = {
    400: document(400, "The question cannot be answered.", {"colour": "is not a parameter of this call"}),
    401: document(401, "Authentication credentials were not provided."),
    404: _UNKNOWN,
    406: document(406, "Could not satisfy the request Accept header."),
    413: document(413, "The body is larger than 8388608 bytes."),
    415: document(415, "Compressed bodies are not read; send it as it is."),
    429: document(429, "books has 30,000 calls or items of evidence a minute, and this is 1: come again in 1 s."),
    503: document(503, "The database is away or too busy; try again soon."),
}

ITEM = {
    "id": "log-7/2026-06-10/acme/key-1/CN",
    "account": "acme",
    "kind": "ip_geolocation",
    "observed_at": "2026-06-10T00:00:12Z",
    "observed_until": "2026-06-10T23:58:01Z",
    "country": "CN",
    "network_class": "business",
    "requests": 1700,
    "credential": "sk-…a1b2",
    "source": "registry 2026-06-01",
}
_DUPLICATE = {"index": 1, "id": ITEM["id"], "status": "duplicate", "errors": []}
_REJECTED = {
    "index": 2,
    "id": "log-7/2026-06-10/acme/key-2/CHN",
    "status": "rejected",
    "errors": [{"field": "country", "reason": "must be two characters of the form [A-Z][A-Z0-9], such as DE"}],
}
SEND_EVIDENCE: dict[str, Any] = {
    "request A day of one key": ITEM,  # the generator makes it an array
    "One taken, one sent twice, one rejected": {
        "accepted": 1,
        "duplicates": 1,
        "conflicts": 0,
        "rejected": 1,
        "unknown_territory": 0,
        "items": [_DUPLICATE, _REJECTED],
    },
    "400 The body is no JSON": document(400, "The body cannot be read: NaN is not JSON."),
    "409 The id stands for another body": document(
        409, "The id log-7/2026-06-10/acme/key-1/CN was used for another body before; nothing was changed."
    ),
    "422 A single item that is wrong": document(
        422,
        "The item was rejected.",
        {"observed_at": "must be an RFC 3339 time with an offset, such as 2026-07-09T12:00:00Z"},
    ),
    "429 Too much at once": document(
        429, "edge-logs has 1,800,000 calls or items of evidence a minute, and this is 1,000: come again in 2 s."
    ),
}

CHANGE = {
    "name": "Acme GmbH",
    "kind": "organisation",
    "language": "de",
    "timezone": "Europe/Berlin",
    "contacts": [{"email": "owner@acme.example", "role": "owner"}],
    "terms": {"min_notice": "P60D"},
}
STANDING = {
    "external_id": "acme",
    "standing": "warned",
    "score": {
        "points": 23.5,
        "lines": ["ip_geolocation over business: 24 days from CN: 23.50 points"],
    },
    "capabilities": {
        "requests": "answered",
        "jobs": "run",
        "results": None,
        "self_service": None,
        "top_up": True,
        "credit": "usable",
    },
    "case": "AE-7K3M-9QXD",
    "restrictions": [],
    "exemptions": [],
    "notice": {"case": "AE-7K3M-9QXD", "step": "suspend", "due_at": "2026-07-09T00:00:00Z", "stopped": False},
}
READ_ACCOUNT: dict[str, Any] = {"A warned account": STANDING, "404 Nobody told us of it": _UNKNOWN}
PUT_ACCOUNT: dict[str, Any] = {
    "request What is known": CHANGE,
    "As it stands now": STANDING,
    "422 Two fields are wrong": document(
        422,
        "The account was rejected.",
        {"timezone": "must be an IANA time zone such as Europe/Berlin", "colour": "is not a field of an account"},
    ),
}
POST_ACCOUNTS: dict[str, Any] = {
    "request One of several": {"external_id": "acme"} | CHANGE,
    "One taken, one rejected": {
        "accepted": 1,
        "rejected": 1,
        "items": [
            {
                "index": 1,
                "external_id": "shop",
                "status": "rejected",
                "errors": [{"field": "kind", "reason": "must be one of organisation, person"}],
            }
        ],
    },
    "422 One account that is no array": document(422, "The body must be an array of 1 to 1,000 accounts."),
}
READ_TIMELINE: dict[str, Any] = {
    "Warned": {
        "results": [
            {"at": "2026-06-20T08:00:00Z", "what": "case.opened", "case": "AE-7K3M-9QXD", "reason": ""},
            {
                "at": "2026-06-20T08:00:00Z",
                "what": "case.warned",
                "case": "AE-7K3M-9QXD",
                "reason": "Rule sustained holds.",
            },
        ],
        "next": None,
    },
    "404 Nobody told us of it": _UNKNOWN,
}

_SUMMARY = {
    "case": "AE-7K3M-9QXD",
    "account": "acme",
    "state": "warned",
    "outcome": None,
    "rule": "sustained",
    "policy": {"version": 2, "name": "supported-territories-2024-07"},
    "opened_at": "2026-06-20T08:00:00Z",
    "accepted_at": "2026-06-20T08:00:09Z",
    "due_at": "2026-07-09T00:00:00Z",
    "narrowed_at": None,
    "closed_at": None,
}
LIST_CASES: dict[str, Any] = {
    "One of many": {"results": [_SUMMARY], "next": "https://enforcement.example/api/v1/cases?state=warned&cursor=4711"},
    "400 An unknown parameter": document(
        400, "The question cannot be answered.", {"colour": "is not a parameter of this call"}
    ),
}
READ_CASE: dict[str, Any] = {
    "A warned case": _SUMMARY
    | {
        "decisions": [
            {
                "id": 81,
                "step": "warn",
                "status": "applied",
                "rule": "sustained",
                "reason": "Rule sustained holds.",
                "automated": True,
                "people": 0,
                "decided_at": "2026-06-20T08:00:00Z",
                "settled_at": "2026-06-20T08:00:00Z",
                "override_of": None,
            }
        ],
        "memos": [
            {
                "kind": "warning",
                "language": "de",
                "subject": "Action needed by 9 July 2026: AE-7K3M-9QXD",
                "rendered_at": "2026-06-20T08:00:04Z",
                "told_due_at": "2026-07-09T00:00:00Z",
                "accepted_at": "2026-06-20T08:00:09Z",
                "unreachable": False,
                "cancelled_at": None,
            }
        ],
        "appeals": [],
        "statement_of_reasons": {
            "decision": 81,
            "step": "warn",
            "decided_at": "2026-06-20T08:00:00Z",
            "restrictions": [],
            "ground": {
                "policy": "supported-territories-2024-07",
                "version": 2,
                "reference_url": "https://example.com/supported-countries",
                "rule": "sustained",
                "basis": None,
                "legal_basis": None,
            },
            "facts": {
                "territories": [["CN", 1700]],
                "requests": 1900,
                "unsupported_requests": 1700,
                "share": "0.8947",
                "kinds": ["ip_geolocation"],
                "first_seen": "2026-05-01T00:00:12+00:00",
                "last_seen": "2026-06-10T23:58:01+00:00",
            },
            "reason": "Rule sustained holds.",
            "automated_decision": True,
            "redress": {
                "kind": "appeal",
                "until": "2026-12-21T08:00:09Z",
                "how": "Reply to the memo, in any language, or use the address in it.",
            },
        },
    },
    "404 No such case": _UNKNOWN,
}
GATEWAY_DECISION: dict[str, Any] = {
    "It may pass; a warning runs": {
        "allow": True,
        "reason_code": None,
        "scope": None,
        "since": None,
        "case": None,
        "notice": {"case": "AE-7K3M-9QXD", "due_at": "2026-07-09T00:00:00Z"},
        "seq": 0,
    },
    "It is refused": {
        "allow": False,
        "reason_code": "account_suspended",
        "scope": "account",
        "since": "2026-07-09T00:00:41Z",
        "case": "AE-7K3M-9QXD",
        "notice": None,
        "seq": 0,
    },
    "400 The account is missing": document(400, "The question cannot be answered.", {"account": "is required"}),
}
