"""The baseline of intake: what one writes first, a serializer for each item, the ORM, and a Celery task for each item.

It stores the same rows in the same tables (evidence, tally, mark) and refuses what it knows already. It checks less: no
conflicts, no unassigned codes, no strict JSON.
"""

import json
import os
from hashlib import sha256
from typing import Any

import redis
from celery import signals
from django.db import transaction
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts_enforcement import health
from benchmarks.intake_baseline_worker import app
from enforcement.api.authentication import caller_of
from enforcement.models import Account, AssessmentMark, DayTally, Evidence

DONE = "intake-baseline:done"  # how many tasks have ended, in Redis
_KEY = ("account", "detector", "kind", "network_class", "country", "subdivision", "credential", "source", "refused")


class EvidenceSerializer(serializers.ModelSerializer[Evidence]):
    id = serializers.CharField(source="external_id", max_length=128)
    account = serializers.SlugRelatedField(slug_field="external_id", queryset=Account.objects.all())
    outcome = serializers.ChoiceField(["served", "refused"], default="served", write_only=True)

    class Meta:
        model = Evidence
        fields = (
            "id", "account", "kind", "observed_at", "observed_until", "country", "subdivision", "network_class",
            "outcome", "requests", "confidence", "credential", "source", "ip", "asn", "end_user", "details",
        )  # fmt: skip


class EvidenceView(APIView):
    scopes = {"POST": "evidence:write"}

    def post(self, request: Request) -> Response:
        checked = EvidenceSerializer(data=request.data, many=True)
        checked.is_valid(raise_exception=True)
        items = checked.validated_data
        with transaction.atomic():
            mine = Evidence.objects.filter(detector=caller_of(request).client)
            known = set(mine.filter(external_id__in=[item["external_id"] for item in items]).values_list("external_id"))
            rows = [_row(request, item) for item in items if (item["external_id"],) not in known]
            Evidence.objects.bulk_create(rows)
        for row in rows:
            tally.delay(row.pk)
        return Response({"accepted": len(rows), "duplicates": len(items) - len(rows)}, status=202)


def _row(request: Request, item: dict[str, Any]) -> Evidence:
    refused = item.pop("outcome") == "refused"
    digest = sha256(json.dumps(item, default=str, sort_keys=True).encode()).digest()
    return Evidence(detector=caller_of(request).client, refused=refused, body_digest=digest, **item)


@app.task
def tally(pk: int) -> None:
    """Add one item to its day, under its account's lock, and mark the account."""
    with transaction.atomic():
        item = Evidence.objects.get(pk=pk)
        account = Account.objects.select_for_update(no_key=True).get(pk=item.account_id)
        key = {name: getattr(item, name) for name in _KEY}
        until = item.observed_until or item.observed_at
        found, made = DayTally.objects.get_or_create(
            **key,
            day=item.observed_at.date(),
            defaults={
                "items": 1,
                "requests": item.requests,
                "weighted_items": item.confidence,
                "weighted_requests": item.confidence * item.requests,
                "confidence": item.confidence,
                "first_at": item.observed_at,
                "last_at": until,
            },
        )
        if not made:
            found.items += 1
            found.requests += item.requests
            found.weighted_items += item.confidence
            found.weighted_requests += item.confidence * item.requests
            found.confidence = max(found.confidence, item.confidence)
            found.first_at, found.last_at = min(found.first_at, item.observed_at), max(found.last_at, until)
            found.save()
        mark, made = AssessmentMark.objects.get_or_create(account=account)
        if not made:
            mark.count += 1
            mark.save()


def counter() -> "redis.Redis[str]":
    return redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


@signals.worker_process_init.connect
def _count_tasks(**_: object) -> None:
    """Only so that the benchmark knows when all are through."""
    link = counter()
    signals.task_postrun.connect(lambda **_: link.incr(DONE), weak=False)


urlpatterns = [path("api/v1/evidence", EvidenceView.as_view()), path("readyz", health.ready)]
