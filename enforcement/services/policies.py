"""Handing in policy documents, and putting one into force."""

import hashlib
from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection, transaction

from enforcement.models import PolicyVersion
from enforcement.rules.policy import parse_policy
from enforcement.services.roles import NotAllowed, Role, roles_of, same_person

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('enforcement.policy.activation'))"
# Everybody with evidence is looked at with the new rules. In id order, as intake raises marks.
_MARK_ALL = """
INSERT INTO enforcement_assessmentmark (account_id, count, attempts, look_at)
SELECT DISTINCT account_id, 1, 0, %s::timestamptz FROM enforcement_daytally ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE
   SET count = enforcement_assessmentmark.count + 1, look_at = excluded.look_at
"""


class PolicyNotFound(Exception):
    def __init__(self, version: int) -> None:
        super().__init__(f"There is no policy version {version}.")


def draft(document: str, *, now: datetime) -> PolicyVersion:
    """Store a document as a draft, or answer with the version that holds the same words. Raises PolicyRefused."""
    policy = parse_policy(document)
    digest = hashlib.sha256(document.encode()).digest()
    ladder = policy.ladder
    said = {
        "name": policy.name,
        "document": document,
        "notice": ladder.warn.notice,
        "restriction_after": ladder.restriction and ladder.restriction.after,
        "suspension_after": ladder.suspension and ladder.suspension.after,
        "created_at": now,
    }
    version, _ = PolicyVersion.objects.get_or_create(digest=digest, defaults=said)
    return version


@transaction.atomic
def activate(version_id: int, *, proposed_by: User, approved_by: User, now: datetime) -> PolicyVersion:
    """Put a version into force in the name of two people, one of them a lead; raises NotAllowed or PolicyNotFound."""
    _check_two_people(proposed_by, approved_by)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)
    version = PolicyVersion.objects.filter(pk=version_id).first()
    if version is None:
        raise PolicyNotFound(version_id)
    if version.status == PolicyVersion.Status.ACTIVE:
        return version
    PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).update(
        status=PolicyVersion.Status.RETIRED, retired_at=now
    )
    version.status, version.retired_at = PolicyVersion.Status.ACTIVE, None
    version.proposed_by, version.approved_by, version.activated_at = proposed_by, approved_by, now
    version.save()
    with connection.cursor() as cursor:
        cursor.execute(_MARK_ALL, [now])
    return version


def _check_two_people(proposed_by: User, approved_by: User) -> None:
    if same_person(proposed_by, approved_by):
        raise NotAllowed("A policy is put into force by two different people.")
    if not roles_of(proposed_by) & {Role.OFFICER, Role.LEAD, Role.COUNSEL}:
        raise NotAllowed(f"{proposed_by} may not propose a policy: that takes an officer, a lead or counsel.")
    if Role.LEAD not in roles_of(approved_by):
        raise NotAllowed(f"{approved_by} may not approve a policy: that takes a lead.")
