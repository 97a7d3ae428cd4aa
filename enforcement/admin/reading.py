"""What all nouns of the console share: everybody on the staff reads, and nobody edits a row."""

from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from enforcement.admin.display import plain, visible
from enforcement.admin.lists import KeysetList, Ordered
from enforcement.admin.pages import Button, Section
from enforcement.services.roles import Role, roles_of
from enforcement.services.waiting import Waiting, waiting


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


def waiting_at(request: HttpRequest) -> Waiting:
    """What waits, and the time of the page: read once a request."""
    found: Waiting | None = getattr(request, "enforcement_waiting", None)
    if found is None:
        found = waiting()
        request.enforcement_waiting = found  # type: ignore[attr-defined]
    return found


def may_read(request: HttpRequest) -> bool:
    """Every role reads. A superuser runs the place and reads too, but decides nothing without a role."""
    person = request.user
    if not (isinstance(person, User) and person.is_active and person.is_staff):
        return False
    return person.is_superuser or bool(roles_at(request))


class ReadOnlyAdmin(Ordered, ModelAdmin):
    """A noun that staff read. Rows come and go by decisions and by the API, never by a form."""

    why_read_only = "These rows are a record. Nothing here is edited."
    change_form_template = "admin/enforcement/page.html"
    change_list_template = "admin/enforcement/list.html"
    actions = None
    fields = ()  # pages draw sections, not form fields
    sortable_by = ()
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count every row of every filter
    list_fullwidth = True
    list_per_page = 25

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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the filters that the list offers: any other column may have no index."""
        return lookup in {each.parameter_name for each in self.get_list_filter(request)}
