"""The shape of every error."""

from typing import Any

from rest_framework import serializers as s


class FieldError(s.Serializer[Any]):
    field = s.CharField(
        allow_blank=True, help_text="Dotted, as in terms.min_notice; empty where the whole document is meant."
    )
    reason = s.CharField()


class Problem(s.Serializer[Any]):
    """RFC 9457. `detail` is for people; `status` and the fields are for programs."""

    type = s.CharField()
    title = s.CharField()
    status = s.IntegerField()
    detail = s.CharField()
    errors = FieldError(many=True, required=False)  # type: ignore[assignment]
