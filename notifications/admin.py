"""The outbox, to be read."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from enforcement.admin.bounces import delivery_of
from enforcement.admin.display import column
from enforcement.admin.lists import choice_filter
from enforcement.admin.pages import Section
from enforcement.admin.reading import ReadOnlyAdmin
from enforcement.admin.words import words_sections
from notifications.models import Message


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    why_read_only = "A message is sent as it was written. What is sent, and whether, follows from decisions."
    list_display = (
        column("To", lambda message: message.recipient),
        column("Subject", lambda message: message.subject),
        column("State", delivery_of),
        column("Attempts", lambda message: message.attempts),
        column("Accepted or next attempt", lambda message: message.accepted_at or message.next_attempt_at),
        column("Last words", lambda message: message.reply),
    )
    list_filter = (choice_filter("state", Message.State.values),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        # The words are fetched when a page shows them; a list does not.
        rows: QuerySet[Message] = super().get_queryset(request).defer("text", "html")
        return rows

    def sections(self, request: HttpRequest, row: Message) -> list[Section]:
        return [
            *words_sections(subject=row.subject, text=row.text, html=row.html),
            Section(
                "Message",
                pairs=[
                    ("To", row.recipient),
                    ("Message-ID", row.message_id),
                    ("Language", row.language),
                    ("State", delivery_of(row)),
                    ("Attempts", row.attempts),
                    ("Created", row.created_at),
                    ("Next attempt", row.next_attempt_at),
                    ("Leased until", row.lease_until),
                    ("Accepted", row.accepted_at),
                    ("Came back", row.bounced_at),
                    ("Last words of the mail server", row.reply),
                ],
                aside=True,
            ),
        ]
