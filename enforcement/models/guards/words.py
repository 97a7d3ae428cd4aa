"""The words of a memo are those that its reader has."""

import pgtrigger

from guards.guard import AskingGuard, Rule

WORDS_KEPT = AskingGuard(
    "words",
    pgtrigger.Update,
    [
        Rule(
            "EXISTS (SELECT FROM enforcement_memocopy AS copy JOIN notifications_message AS message"
            " ON message.id = copy.message_id WHERE copy.memo_id = NEW.id AND message.accepted_at IS NOT NULL"
            " AND message.bounced_at IS NULL)",
            "somebody has it with other words",
        )
    ],
    condition=(
        "OLD.rendered_at IS NOT NULL AND"
        " (OLD.rendered_at, OLD.told_due_at, OLD.language, OLD.subject, OLD.text, OLD.html) IS DISTINCT FROM"
        " (NEW.rendered_at, NEW.told_due_at, NEW.language, NEW.subject, NEW.text, NEW.html)"
    ),
)
