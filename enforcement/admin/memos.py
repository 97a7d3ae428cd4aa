"""Memos: what accounts were told, word for word, and what became of it."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join

from enforcement.admin.bounces import bounce_buttons, delivery_of, record_bounce
from enforcement.admin.display import column, label, link
from enforcement.admin.lists import ByAccount
from enforcement.admin.pages import Button, Section, given, table_section
from enforcement.admin.reading import ReadOnlyAdmin
from enforcement.admin.words import words_sections
from enforcement.models import Memo, MemoCopy


@admin.register(Memo)
class MemoAdmin(ByAccount, ReadOnlyAdmin):
    why_read_only = "The words of a memo are kept for ever, exactly as they were sent."
    account_path = "case__account"
    list_display = (
        column("Memo", lambda memo: memo.kind),
        column("Account", lambda memo: link(memo.case.account)),
        column("Case", lambda memo: link(memo.case)),
        column("Subject", lambda memo: memo.subject),
        column("Language", lambda memo: memo.language),
        column("Written", lambda memo: memo.rendered_at),
        column("Delivery", lambda memo: _delivery(memo)),
    )
    list_select_related = ("case__account",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Memo]:
        copies = MemoCopy.objects.select_related("message").defer("message__text", "message__html").order_by("pk")
        rows = super().get_queryset(request).select_related("case__account", "decision")
        # The words are fetched when a page shows them; a list does not.
        return rows.defer("text", "html").prefetch_related(Prefetch("copies", copies))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.bounce)
        return [path("copies/<int:copy_id>/bounce/", view, name="enforcement_memo_bounce"), *super().get_urls()]

    def name_of(self, row: Memo) -> str:
        return f"{row.get_kind_display()}: {row.case.account}"

    def sections(self, request: HttpRequest, row: Memo) -> list[Section]:
        return [
            *words_sections(subject=row.subject, text=row.text, html=row.html),
            _copies(row),
            _memo(row),
        ]

    def buttons(self, request: HttpRequest, row: Memo) -> list[Button]:
        return bounce_buttons(request, row)

    def bounce(self, request: HttpRequest, copy_id: int) -> HttpResponse:
        """A contact's copy came back after a server had taken it."""
        return record_bounce(request, self.admin_site, copy_id)


def _delivery(memo: Memo) -> Any:
    if memo.cancelled_at:
        return label("withdrawn", "")
    return format_html_join(" ", "{}", ((delivery_of(copy.message),) for copy in memo.copies.all()))


def _memo(memo: Memo) -> Section:
    return Section(
        "Memo",
        pairs=given(
            ("Kind", memo.kind),
            ("Account", link(memo.case.account)),
            ("Case", link(memo.case)),
            ("Decision", link(memo.decision, memo.decision.step)),
            ("Reminder before the deadline", memo.before_due),
            ("Language", memo.language),
            ("Created", memo.created_at),
            ("Written", memo.rendered_at),
            ("Deadline that it names", memo.told_due_at),
            ("Withdrawn", memo.cancelled_at),
        ),
        aside=True,
    )


def _copies(memo: Memo) -> Section:
    rows = [
        (
            format_html(
                '{}<br><span class="ae-quiet">{}</span>', link(copy.message, copy.message.recipient), copy.role
            ),
            delivery_of(copy.message),
            copy.message.accepted_at,
            copy.message.bounced_at,
            copy.message.reply,
        )
        for copy in memo.copies.all()
    ]
    headers = ("To", "Delivery", "Accepted", "Came back", "Last words of the mail server")
    return table_section("Copies", headers, rows, none="Nobody was written to.")
