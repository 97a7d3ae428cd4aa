"""Accounts: who they are, whom we write to, and how they stand."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import F, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html

from enforcement.admin.buttons import restrict_now_buttons
from enforcement.admin.display import address_of_list, column, label, link
from enforcement.admin.exemptions import exempt_buttons, exemptions_section, grant
from enforcement.admin.facts import NOW, facts_sections, points_of
from enforcement.admin.keyset import Order, Stretch
from enforcement.admin.pages import Button, Section, table_section
from enforcement.admin.reading import ReadOnlyAdmin
from enforcement.admin.restrict_now import take_without_notice
from enforcement.models import Account, Case, DayTally, Decision, Evidence, Restriction, Score
from enforcement.models.account import NAME, id_begins, name_begins
from enforcement.rules.transitions import State, standing_of

_OPEN_CASE = Case.objects.filter(account=OuterRef("pk")).exclude(state=State.CLOSED)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    why_read_only = (
        "Accounts come from the registrar's API, or from the first evidence about them. What they may do follows from "
        "their cases."
    )
    list_display = (
        column("Account", lambda account: account.external_id),
        column("Name", lambda account: account.name),
        column("Kind", lambda account: account.get_kind_display()),
        column("Standing", lambda account: label(_standing(account))),
        column("Points", points_of),
        column("Home", lambda account: account.home_country),
        column("Language", lambda account: account.language),
        column("Protected", lambda account: label("protected", "primary") if account.protected else None),
    )
    list_select_related = ("score",)
    search_fields = ("external_id",)  # draws the field; the search itself is below
    search_help_text = "How the id or the name begins"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                case_state=Subquery(_OPEN_CASE.values("state")[:1]),
                narrowed_at=Subquery(_OPEN_CASE.values("narrowed_at")[:1]),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        return queryset, False  # the order below is the search

    def order_of(self, request: HttpRequest, rows: QuerySet[Account], search: str) -> Order:
        term = search.strip()
        if not term:
            return super().order_of(request, rows, search)
        by_id = Stretch(rows.filter(id_begins(term)), (F("external_id"), F("pk")), rank=0)
        by_name = Stretch(rows.filter(name_begins(term)).exclude(id_begins(term)), (NAME, F("pk")), rank=1)
        return Order([by_id, by_name], name=f"search:{term}", descending=False)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:account_id>/restrict-now/", view(self.restrict_now), name="enforcement_account_restrict_now"),
            path("<int:account_id>/exempt/", view(self.exempt), name="enforcement_account_exempt"),
            *super().get_urls(),
        ]

    def restrict_now(self, request: HttpRequest, account_id: int) -> HttpResponse:
        """Propose a restriction without notice."""
        return take_without_notice(request, self.admin_site, account_id)

    def exempt(self, request: HttpRequest, account_id: int) -> HttpResponse:
        """Exempt the account, one of its keys, or its traffic from one territory."""
        return grant(request, self.admin_site, account_id)

    def buttons(self, request: HttpRequest, row: Any) -> list[Button]:
        held = Decision.objects.filter(case__account=row, status=Decision.Status.HELD, proposed_by__isnull=False)
        without_notice = restrict_now_buttons(request, row, State(row.case_state or State.OPEN), proposed=held.exists())
        return [*exempt_buttons(request, row), *without_notice]

    def sections(self, request: HttpRequest, row: Any) -> list[Section]:
        score = Score.objects.filter(account=row).select_related("policy").first()
        return [
            _identity(row),
            _contacts(row),
            _evidence(row, score),
            *facts_sections(score.facts if score else {}, NOW),
            _cases(row),
            _restrictions(row),
            exemptions_section(request, row),
        ]


def _standing(account: Any) -> str:
    """Standing follows the open case; a review is nobody's business yet."""
    if account.case_state in (None, State.OPEN):
        return "clear"
    return standing_of(State(account.case_state), narrowed=account.narrowed_at is not None)


def _identity(account: Any) -> Section:
    return Section(
        "Account",
        pairs=[
            ("Id", account.external_id),
            ("Name", account.name),
            ("Kind", account.get_kind_display()),
            ("Standing", label(_standing(account))),
            ("Plan", account.plan),
            ("Home country", account.home_country),
            ("Language", account.language),
            ("Timezone", account.timezone),
            ("Protected", account.protected),
            ("Serves third parties", account.serves_third_parties),
            ("Notice by contract", account.min_notice),
            ("No automatic suspension", account.no_suspension),
            ("Known since", account.created_at),
            ("Version", account.version),
        ],
        aside=True,
    )


def _contacts(account: Account) -> Section:
    pairs = [(each.get_role_display(), each.email) for each in account.contacts.order_by("pk")]
    return Section("Contacts", pairs=pairs, note="" if pairs else "None: this account cannot be warned.", aside=True)


def _evidence(account: Account, score: Score | None) -> Section:
    assessed: Sequence[tuple[str, Any]] = [
        ("Assessed", score.assessed_at if score else None),
        ("By policy", link(score.policy) if score else None),
        ("Outcome", label(score.outcome) if score else None),
        ("Rows", _list(Evidence, "Evidence", account)),
        ("Sums", _list(DayTally, "Day tallies", account)),
    ]
    return Section("Evidence", pairs=assessed, aside=True)


def _list(noun: type[Model], words: str, account: Account) -> Any:
    return format_html('<a class="ae-link" href="{}">{}</a>', address_of_list(noun, q=account.external_id), words)


def _cases(account: Account) -> Section:
    rows = [
        (link(each), label(each.outcome or each.state), each.opened_at, each.closed_at or each.due_at)
        for each in account.cases.order_by("-pk")[:50]
    ]
    headers = ("Case", "State", "Opened", "Due or closed")
    return table_section("Cases", headers, rows, none="None.")


def _restrictions(account: Account) -> Section:
    standing = Restriction.objects.filter(account=account, lifted_at=None).select_related("case").order_by("pk")
    rows = [
        (link(each.case), each.value or each.scope.replace("_", " "), each.reason_code, each.since) for each in standing
    ]
    headers = ("Case", "What", "Code at the gateway", "Since")
    return table_section("What the gateway refuses", headers, rows, none="Nothing is refused.")
