"""What all pages of the console share: everybody on the staff reads, nobody edits a row, lists stay bounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from enforcement.admin.display import plain, shown, visible
from enforcement.models import Account
from enforcement.services.roles import Role, roles_of


def roles_at(request: HttpRequest) -> set[Role]:
    """The person's roles, read once a request: a page asks for permissions dozens of times."""
    roles: set[Role] | None = getattr(request, "enforcement_roles", None)
    if roles is None:
        roles = roles_of(who(request))
        request.enforcement_roles = roles  # type: ignore[attr-defined]
    return roles


def who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the site lets nobody else in
    return request.user


def may_read(request: HttpRequest) -> bool:
    """Every role reads. A superuser runs the place and reads too, but decides nothing without a role."""
    person = request.user
    if not (isinstance(person, User) and person.is_active and person.is_staff):
        return False
    return person.is_superuser or bool(roles_at(request))


# -- lists ---------------------------------------------------------------------------------------------------


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


# -- pages ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are values of any kind; they are drawn when they are put in."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def cells(self) -> list[list[tuple[str, Any]]]:
        """Every cell with its header, which a narrow screen shows beside it."""
        return [[(header, shown(cell)) for header, cell in zip(self.headers, row, strict=True)] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page: pairs, or a table, or a template of its own."""

    title: str
    pairs: Sequence[tuple[str, Any]] = ()
    table: Table | None = None
    note: Any = ""
    aside: bool = False

    @property
    def drawn(self) -> list[tuple[str, Any]]:
        return [(name, shown(value)) for name, value in self.pairs]

    @property
    def remark(self) -> Any:
        return shown(self.note) if self.note else ""


def given(*pairs: tuple[str, Any]) -> list[tuple[str, Any]]:
    """The pairs that say something."""
    return [(name, value) for name, value in pairs if value not in (None, "", [])]


def table_section(title: str, headers: Sequence[str], rows: Sequence[Sequence[Any]], *, none: str) -> Section:
    """A table, or the sentence that says there is nothing in it."""
    return Section(title, table=Table(headers, rows)) if rows else Section(title, note=none)


@dataclass(frozen=True, slots=True)
class Button:
    """A way to a confirmation page. It decides nothing itself."""

    words: str
    address: str
    tone: str = "default"  # as the console's buttons: default, primary, danger


class ReadOnlyAdmin(ModelAdmin):
    """A noun that staff read. Rows come and go by decisions and by the API, never by a form."""

    why_read_only = "These rows are a record. Nothing here is edited."
    change_form_template = "admin/enforcement/page.html"
    list_before_template = "admin/enforcement/why_read_only.html"
    actions = None
    fields = ()  # pages draw sections, not form fields
    ordering: Sequence[str] = ("-pk",)
    sortable_by = ()
    show_full_result_count = False
    list_fullwidth = True
    paginator = BoundedPaginator
    list_per_page = 50

    # -- what a page says

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        """The parts of the row's page, in order."""
        raise NotImplementedError

    def name_of(self, row: Any) -> str:
        """What the page is called."""
        return str(row)

    def heading(self, row: Any) -> Any:
        return visible(self.name_of(row))

    def buttons(self, request: HttpRequest, row: Any) -> list[Button]:
        """The steps that this person may take from here."""
        return []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Model | None = None, **more: Any
    ) -> Any:
        context |= {
            "sections": self.sections(request, obj),
            "buttons": self.buttons(request, obj),
            "why_read_only": self.why_read_only,
            "heading": self.heading(obj),
            "title": plain(self.name_of(obj)),
            "subtitle": None,
            # The theme's header would print the row's name as it came from outside.
            "original": None,
        }
        return super().render_change_form(request, context, *args, obj=obj, **more)

    # -- who may what

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_read(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_read(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # -- lists

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        found: HttpResponse = super().changelist_view(request, {"title": title, **(extra_context or {})})
        return found

    def list_order(self, request: HttpRequest) -> Sequence[Any]:
        """Newest first, unless a noun knows better."""
        return self.ordering

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return IndexedList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the filters that the list offers: any other column may have no index."""
        return lookup in {each.parameter_name for each in self.get_list_filter(request)}


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


def choice_filter(name: str, words: Sequence[str], path: str = "") -> type[SimpleListFilter]:
    """A filter over the values of one column that has an index for it."""

    class Filter(SimpleListFilter):
        title = name.replace("_", " ")
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(word, word.replace("_", " ")) for word in words]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{path or name: self.value()}) if self.value() in words else queryset

    return Filter
