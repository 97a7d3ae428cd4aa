"""`among`: what `in` says, with one parameter however many keys there are.

Django writes a placeholder for each key of an `in` and prepares each by itself, which costs a batch more than the
query; and a statement of a new length is a new statement to PostgreSQL's statistics.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Lookup
from django.db.models.fields.related import ForeignObject
from django.db.models.sql.compiler import SQLCompiler


@Field.register_lookup
@ForeignObject.register_lookup
class Among(Lookup):
    """The key is one of these: integers, or rows that have one."""

    lookup_name = "among"

    def get_prep_lookup(self) -> list[int]:
        return [getattr(each, "pk", each) for each in self.rhs]

    def get_db_prep_lookup(self, value: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        return "%s", (value,)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        key, key_parameters = self.process_lhs(compiler, connection)
        given, given_parameters = self.process_rhs(compiler, connection)
        kind = self.lhs.output_field.rel_db_type(connection)
        return f"{key} = ANY({given}::{kind}[])", (*key_parameters, *given_parameters)
