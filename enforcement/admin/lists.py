"""Lists that cost the same whether ten rows are there or ten million."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from enforcement.models import Account


class BoundedPaginator(Paginator):
    """Counts no further than anybody would turn pages: counting all evidence takes longer than reading some."""

    MOST = 10_000
    template_name = "admin/enforcement/pagination.html"

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        assert isinstance(rows, QuerySet)
        return rows.order_by()[: self.MOST].count()

    @property
    def is_cut(self) -> bool:
        return self.count == self.MOST


class IndexedList(ChangeList):
    """Rows in the order that an index gives, whatever the address asks for."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return list(self.model_admin.list_order(request))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count  # the heading would say "10000 results" where there are more


class ByAccount:
    """A list without bounds that is searched by an account's id, exactly, and answered from the account's index."""

    account_path = "account"
    search_help_text = "The account's id, whole"
    search_fields = ("account",)  # draws the field; the search itself is below
    newest_first: Sequence[str] = ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        # Resolved first: with a join the planner may walk the whole table backwards for an account with few rows.
        account = Account.objects.filter(external_id=search_term.strip()).first()
        return queryset.filter(**{self.account_path: account}).order_by(*self.newest_first), False


def choice_filter(name: str, words: Sequence[str]) -> type[SimpleListFilter]:
    """A filter over the values of one column."""

    class Filter(SimpleListFilter):
        title = name.replace("_", " ")
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(word, word.replace("_", " ")) for word in words]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{name: self.value()}) if self.value() in words else queryset

    return Filter
