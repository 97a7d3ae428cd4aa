"""The guards of the database, a line for each thing that a table refuses."""

import pgtrigger

from tests.docs.blocks import table


def draw(_: str) -> str:
    """Deleting and emptying left out: no table of these lets anybody do that."""
    refused: dict[str, dict[str, list[str]]] = {}
    for model, guard in pgtrigger.registered():
        for rule in guard.rules(model) if guard.name not in ("delete", "truncate") else ():
            writes = refused.setdefault(model._meta.db_table, {}).setdefault(rule.sentence, [])
            writes.append(str(guard.operation))
    rows = [(f"`{name}`", "; ".join(map(_line, found.items()))) for name, found in sorted(refused.items())]
    return table(("table", "what an INSERT or UPDATE is told that it refuses"), rows)


def _line(said: tuple[str, list[str]]) -> str:
    sentence, writes = said
    return f"{sentence} ({', '.join(dict.fromkeys(writes))})"
