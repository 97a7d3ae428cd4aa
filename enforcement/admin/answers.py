"""How far an appeal is, who may answer it, and why somebody may not."""

from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html

from enforcement.admin.confirmation import may_decide
from enforcement.admin.display import label, plain
from enforcement.admin.reading import who
from enforcement.models import Appeal
from enforcement.services.appeals import involved
from enforcement.services.roles import is_among


def standing_of(appeal: Appeal) -> Any:
    """Its status, and that it is late where it is."""
    late = appeal.status == Appeal.Status.OPEN and appeal.escalated_at is not None
    return format_html("{} {}", label(appeal.status), label("overdue", "danger")) if late else label(appeal.status)


def who_may_decide(appeal: Appeal) -> str:
    """In a sentence (the decisions of its case loaded, with their people)."""
    names = sorted(_names(appeal))
    if not names:
        return "Any officer or lead: nobody on the staff has put their name to a step of this case."
    return f"Any officer or lead but {', '.join(names)}, who put their names to a step of this case."


def why_not(request: HttpRequest, appeal: Appeal) -> str:
    """Why the reader may not decide it; "" for who may."""
    if appeal.status != Appeal.Status.OPEN:
        return ""
    if not may_decide(request):
        return "You may read it. An officer or a lead decides."
    if is_among(who(request), involved(appeal.case.decisions.all())):
        return "You put your name to a step of this case, so somebody else decides."
    return ""


def _names(appeal: Appeal) -> set[str]:
    decisions = list(appeal.case.decisions.all())
    ids = involved(decisions)
    people = (person for each in decisions for person in (each.proposed_by, each.approved_by, each.seconded_by))
    return {plain(person.get_username()) for person in people if person is not None and person.pk in ids}
