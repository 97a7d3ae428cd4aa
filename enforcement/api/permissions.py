"""A key reads and changes only what its scopes name."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class HasScope(BasePermission):
    """Views say `scopes = {"GET": "accounts:read", …}`; a method without a scope is nobody's."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user is None:
            return False
        wanted = view.scopes.get(request.method)
        if wanted is not None and wanted not in request.user.scopes:
            raise PermissionDenied(f"This key lacks the scope {wanted}.")
        return True
