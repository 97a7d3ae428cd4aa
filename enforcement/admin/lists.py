"""Lists that cost the same whether ten rows are there or ten million."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.views import ChangeList

from enforcement.admin.display import plain
from enforcement.admin.keyset import BadPage, Column, Order, Page, Stretch, page, read_place
from enforcement.models import Account

NEWEST: tuple[Column, ...] = (F("pk"),)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What stands below a list: the ways to its other pages."""

    page: Page
    is_first: bool
    is_last: bool
    template_name = "admin/enforcement/pagination.html"


class KeysetList(ChangeList):
    """A page of ids from an index, then the rows of these ids: no count, no offset, whatever the address asks for."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return []  # the order is read with the page

    def get_results(self, request: HttpRequest) -> None:
        order: Order = self.model_admin.order_of(request, self.queryset.order_by(), self.query)
        try:
            place = read_place(request.GET.get(PAGE_VAR), order)
        except BadPage as bad:
            raise IncorrectLookupParameters(str(bad)) from bad
        found = page(order, place, self.list_per_page)
        self.result_list = self._rows(found.ids)
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = Leaf(found, is_first=not found.previous, is_last=not found.next)

    def _rows(self, ids: Sequence[int]) -> list[Any]:
        if not ids:
            return []
        rows = self.root_queryset.order_by()
        found = (rows if rows.query.select_related else self.apply_select_related(rows)).in_bulk(ids)
        return [found[each] for each in ids if each in found]

    @property
    def headings(self) -> list[str]:
        return [each.short_description for each in self.list_display]

    @property
    def rows(self) -> Iterator[tuple[str, SafeString, list[tuple[str, SafeString]]]]:
        """Each row's address, what names it, and its other cells with their headings, which a narrow screen shows."""
        for row in self.result_list:
            head, *cells = ((each.short_description, each(row)) for each in self.list_display)
            yield self.url_for_result(row), head[1], cells

    @property
    def ways(self) -> list[tuple[str, str]]:
        """Words and addresses of the pages around this one; an empty address leads nowhere."""
        leaf, here = self.paginator, self.get_query_string
        return [
            ("First", "" if leaf.is_first else here(remove=[PAGE_VAR])),
            ("Previous", here({PAGE_VAR: leaf.page.previous}) if leaf.page.previous else ""),
            ("Next", here({PAGE_VAR: leaf.page.next}) if leaf.page.next else ""),
            ("Last", "" if leaf.is_last else here({PAGE_VAR: "last"})),
        ]

    @property
    def whole(self) -> str:
        """How many rows there are, where all of them stand on this page."""
        if not (self.paginator.is_first and self.paginator.is_last):
            return ""
        one, many = self.opts.verbose_name, self.opts.verbose_name_plural
        return f"{self.result_count} {one if self.result_count == 1 else many}"

    @property
    def narrowed(self) -> list[tuple[str, str, str]]:
        """What the list is narrowed to: title, value, and the address without it."""
        return [
            (spec.title, plain(spec.value()), self.get_query_string({spec.parameter_name: None}))
            for spec in self.filter_specs
            if spec.value()
        ]

    @property
    def sorting(self) -> list[tuple[str, str, bool]]:
        """Words, address, and whether it is the order at hand, of each order that the list offers."""
        chosen = self.model_admin.chosen_sort(self.params.get(SortChoice.parameter_name, ""))
        return [
            (words, self.get_query_string({SortChoice.parameter_name: name or None}), name == chosen)
            for name, words in self.model_admin.sorts.items()
        ]


class SortChoice(SimpleListFilter):
    """`?sort=…`: drawn above the list, so not among the filters."""

    title = "order"
    parameter_name = "sort"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


class Ordered:
    """In which order a noun is listed; newest first unless the noun knows better."""

    sorts: Mapping[str, str] = {}  # value of `sort` -> words; the first is the one that nobody has to ask for

    def chosen_sort(self, asked: str | None) -> str:
        return asked if asked and asked in self.sorts else next(iter(self.sorts), "")

    def order_of(self, request: HttpRequest, rows: QuerySet[Any], search: str) -> Order:
        return Order([Stretch(rows, NEWEST)])


class ByAccount(Ordered):
    """A list without bounds that is searched by an account's id, exactly, and answered from the account's index."""

    account_path = "account"
    search_help_text = "The account's id, whole"
    search_fields = ("account",)  # draws the field; the search itself is below
    newest_of_account: tuple[Column, ...] = NEWEST

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        # Resolved first: with a join the planner may walk the whole table backwards for an account with few rows.
        account = Account.objects.filter(external_id=search_term.strip()).first()
        return queryset.filter(**{self.account_path: account}) if account else queryset.none(), False

    def order_of(self, request: HttpRequest, rows: QuerySet[Any], search: str) -> Order:
        return (
            Order([Stretch(rows, self.newest_of_account)], name="account")
            if search
            else super().order_of(request, rows, search)
        )


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
