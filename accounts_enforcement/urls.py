from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts_enforcement import health, metrics
from enforcement.admin.navigation import no_search

handler400 = "enforcement.api.problems.bad_request"
handler404 = "enforcement.api.problems.not_found"
handler500 = "enforcement.api.problems.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/search/", no_search),
    path("admin/", admin.site.urls),
    path("api/v1/", include("enforcement.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", metrics.expose),
]
