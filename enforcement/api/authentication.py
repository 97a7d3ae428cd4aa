"""Bearer keys. A real DRF authentication class, so that OpenAPI and its tools see it."""

from dataclasses import dataclass
from typing import cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from enforcement.models import Client
from enforcement.services import keys


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what the kind of client may do."""

    client: Client
    is_authenticated: bool = True

    @property
    def scopes(self) -> frozenset[str]:
        return keys.SCOPES[self.client.kind]


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        scheme, _, presented = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            return Caller(keys.find(presented.strip().decode("latin-1"))), None
        except keys.KeyRejected as rejected:
            raise AuthenticationFailed(str(rejected)) from None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def caller_of(request: Request) -> Caller:
    """Who calls; only for requests that the permission has let through."""
    return cast(Caller, request.user)


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key that `create_client` printed. Its kind decides its scopes.",
        }
