"""What was written stays: records are added to, and never changed or taken away."""

from collections.abc import Collection, Sequence

import pgtrigger
from django.db import models

from guards.guard import Guard, RowGuard, Rule, key_of, literal, refusal


class KeptGuard(Guard):
    """Refuses whatever it is called for."""

    def get_func(self, model: models.Model) -> str:
        key = f"OLD.{key_of(model)}" if self.level == pgtrigger.Row else "'as a whole'"
        return refusal(key, literal(self._rules[0].sentence))


class RowKept(KeptGuard):
    level, when = pgtrigger.Row, pgtrigger.Before


class TableKept(KeptGuard):
    level, when = pgtrigger.Statement, pgtrigger.Before


class ColumnsKept(RowGuard):
    """All columns keep what they were inserted with, but for those named.

    `once` are set where they were empty, and stay as they are from then on; `free` are held by other guards, or by
    nobody. A column that is added later is kept, and makes a migration of this trigger.
    """

    def __init__(self, *, once: Collection[str] = (), free: Collection[str] = ()) -> None:
        super().__init__("columns", pgtrigger.Update)
        self._once, self._free = once, free

    def rules(self, model: models.Model) -> Sequence[Rule]:
        named = {*self._once, *self._free}
        fields = {each.name: str(each.column) for each in model._meta.concrete_fields}
        assert named <= fields.keys(), f"{model._meta.label} has no {sorted(named - fields.keys())}"
        kept = [column for name, column in fields.items() if name not in named]
        rules = [Rule(_differ(kept), f"{', '.join(kept)} never change")]
        if self._once:
            once = [fields[name] for name in fields if name in self._once]
            rules.append(Rule(" OR ".join(map(_set_already, once)), f"{', '.join(once)} are set once"))
        return rules


def _differ(columns: Sequence[str]) -> str:
    old, new = (", ".join(f'{row}."{each}"' for each in columns) for row in ("OLD", "NEW"))
    return f"({old}) IS DISTINCT FROM ({new})"


def _set_already(column: str) -> str:
    """Neither null nor the empty string of a text that nobody has written yet."""
    return f"""OLD."{column}"::text <> '' AND OLD."{column}" IS DISTINCT FROM NEW."{column}\""""


def closed_when(condition: str, sentence: str) -> RowGuard:
    """From here on no column changes any more."""
    return RowGuard("closed", pgtrigger.Update, [Rule(f"{condition} AND OLD.* IS DISTINCT FROM NEW.*", sentence)])


# Rows leave by retention alone, which will have a door of its own; a TRUNCATE asks no trigger of rows.
KEPT = (
    RowKept("delete", pgtrigger.Delete, [Rule("", "rows are never deleted")]),
    TableKept("truncate", pgtrigger.Truncate, [Rule("", "the table is never emptied")]),
)
UNCHANGED = RowGuard(
    "update", pgtrigger.Update, [Rule("OLD.* IS DISTINCT FROM NEW.*", "what was written never changes")]
)
