"""`/api/v1/`: one line a resource."""

from django.urls import path

from enforcement.api.accounts import AccountsView, AccountView, TimelineView
from enforcement.api.cases import CasesView, CaseView
from enforcement.api.evidence import EvidenceView
from enforcement.api.gateway import GatewayDecisionView

urlpatterns = [
    path("accounts", AccountsView.as_view()),
    path("accounts/<str:external_id>", AccountView.as_view()),
    path("accounts/<str:external_id>/timeline", TimelineView.as_view()),
    path("cases", CasesView.as_view()),
    path("cases/<str:reference>", CaseView.as_view()),
    path("evidence", EvidenceView.as_view()),
    path("gateway/decision", GatewayDecisionView.as_view()),
]
