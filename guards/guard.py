"""What guards are made of: rules with a sentence each, and a trigger that refuses the write which breaks one.

Three kinds, by what they cost. A `RowGuard` compares the row with what it was in the trigger's own WHEN clause: a write
that breaks nothing calls no function. An `AskingGuard` looks into other tables for each row of the few that its
condition lets through. A `BatchGuard` does so once for all rows of an INSERT.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pgtrigger
from django.db import models
from pgtrigger import compiler

# Read once a statement, and not for each of its rows.
NOW = "(SELECT enforcement_now())"


@dataclass(frozen=True, slots=True)
class Rule:
    """`breaks` is SQL that is true of a row which breaks it; `sentence` follows the name of the table and the key."""

    breaks: str
    sentence: str


class GuardSql(compiler.UpsertTriggerSql):
    """The package's template without its `pgtrigger.ignore`: a guard that any session can switch off guards nothing."""

    def get_template(self) -> str:
        return """
            CREATE OR REPLACE FUNCTION {pgid}() RETURNS trigger LANGUAGE plpgsql AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$;
            CREATE OR REPLACE TRIGGER {pgid} {when} {operation} ON {table} {referencing}
                FOR EACH {level} {condition} EXECUTE FUNCTION {execute};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class Guard(pgtrigger.Trigger):
    """Its rules are what it refuses and what the docs list."""

    def __init__(self, name: str, operation: pgtrigger.Operation, rules: Sequence[Rule] = ()) -> None:
        super().__init__(name=name, operation=operation)
        self._rules = rules

    def rules(self, model: models.Model) -> Sequence[Rule]:
        return self._rules

    def compile(self, model: models.Model) -> compiler.Trigger:
        sql = GuardSql(
            pgid=self.get_pgid(model),
            declare=self.render_declare(model),
            func=" ".join(str(self.get_func(model)).split()),
            table=model._meta.db_table,
            when=self.when,
            operation=self.operation,
            referencing=self.referencing or "",
            level=self.level,
            condition=self.render_condition(model),
            execute=self.render_execute(model),
        )
        return compiler.Trigger(name=self.name, sql=sql)

    def broken(self, model: models.Model) -> str:
        """The sentence of the first rule that a row breaks; null where it breaks none."""
        cases = " ".join(f"WHEN {each.breaks} THEN {literal(each.sentence)}" for each in self.rules(model))
        return f"CASE {cases} END"


class RowGuard(Guard):
    """Judges each row by itself, before it is written."""

    level, when = pgtrigger.Row, pgtrigger.Before

    def render_condition(self, model: models.Model) -> str:
        return f"WHEN ({' OR '.join(f'({each.breaks})' for each in self.rules(model))})"

    def get_func(self, model: models.Model) -> str:
        row = "NEW" if self.operation == pgtrigger.Insert else "OLD"
        return refusal(f"{row}.{key_of(model)}", self.broken(model))


class AskingGuard(Guard):
    """Judges each row that `condition` lets through, after it is written, by what `source` finds."""

    level, when = pgtrigger.Row, pgtrigger.After

    def __init__(
        self, name: str, operation: pgtrigger.Operation, rules: Sequence[Rule], *, condition: str, source: str = ""
    ) -> None:
        super().__init__(name, operation, rules)
        self._condition, self._source = condition, source

    def render_condition(self, model: models.Model) -> str:
        return f"WHEN ({self._condition})"

    def get_declare(self, model: models.Model) -> list[tuple[str, str]]:
        return [("reason", "text")]

    def get_func(self, model: models.Model) -> str:
        return f"""
            SELECT {self.broken(model)} INTO reason {self._source};
            IF reason IS NOT NULL THEN {refusal(f"NEW.{key_of(model)}", "reason")} END IF;
            RETURN NULL;
        """


class BatchGuard(Guard):
    """Judges all rows of an INSERT in one query; `source` begins with them, under the name `taken`."""

    level, when, referencing = pgtrigger.Statement, pgtrigger.After, pgtrigger.Referencing(new="taken")

    def __init__(self, name: str, rules: Sequence[Rule], *, source: str) -> None:
        super().__init__(name, pgtrigger.Insert, rules)
        self._source = source

    def get_declare(self, model: models.Model) -> list[tuple[str, str]]:
        return [("found", "record")]

    def get_func(self, model: models.Model) -> str:
        return f"""
            SELECT judged.key, judged.reason INTO found
              FROM (SELECT taken.{key_of(model)} AS key, {self.broken(model)} AS reason {self._source}) AS judged
             WHERE judged.reason IS NOT NULL LIMIT 1;
            IF found.reason IS NOT NULL THEN {refusal("found.key", "found.reason")} END IF;
            RETURN NULL;
        """


def refusal(key: str, reason: str) -> str:
    """An IntegrityError for Python, with the table, the row and the rule."""
    return (
        "RAISE EXCEPTION USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,"
        f" MESSAGE = concat(TG_TABLE_NAME, ' ', {key}, ': ', {reason});"
    )


def literal(text: object) -> str:
    quoted = str(text).replace("'", "''")
    return f"'{quoted}'"


def listed(values: Sequence[object]) -> str:
    return ", ".join(literal(each) for each in values)


def key_of(model: models.Model) -> str:
    assert model._meta.pk is not None
    return str(model._meta.pk.column)
