"""The baseline of the console: the same lists by an admin as it comes, which counts all rows and skips with OFFSET."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from accounts_enforcement.urls import urlpatterns as service_urls
from enforcement.models import Account, Case, Evidence

site = UnfoldAdminSite(name="stock")


class Stock(ModelAdmin):
    """Readable by whoever gets in, as the console's lists are."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


@admin.register(Case, site=site)
class StockCaseAdmin(Stock):
    list_display = ("reference", "account", "state", "points", "rule", "due_at")
    list_filter = ("state",)
    list_select_related = ("account",)
    ordering = ("due_at",)
    search_fields = ("reference", "account__external_id", "account__name")


@admin.register(Account, site=site)
class StockAccountAdmin(Stock):
    list_display = ("external_id", "name", "kind", "score", "home_country", "language", "protected")
    list_filter = ("kind", "protected")
    list_select_related = ("score",)
    search_fields = ("external_id", "name")


@admin.register(Evidence, site=site)
class StockEvidenceAdmin(Stock):
    list_display = ("observed_at", "account", "kind", "country", "network_class", "credential", "requests", "source")
    list_filter = ("kind", "network_class")
    list_select_related = ("account", "detector")
    ordering = ("-observed_at",)
    search_fields = ("account__external_id", "credential")


urlpatterns = [path("stock/", site.urls), *service_urls]
