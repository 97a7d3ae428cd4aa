"""A key reads and changes only what its scopes name."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from enforcement.api.authentication import caller_of


class HasScope(BasePermission):
    """Views say `scopes = {"GET": "accounts:read", …}`; a method without a scope is nobody's."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user is None:
            return False
        # HEAD runs GET's code and tells whether something exists.
        wanted = view.scopes.get("GET" if request.method == "HEAD" else request.method)
        if wanted is not None and wanted not in caller_of(request).scopes:
            raise PermissionDenied(f"This key lacks the scope {wanted}.")
        return True
