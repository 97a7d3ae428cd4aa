from django.contrib import admin
from django.urls import path

from accounts_enforcement import health
from enforcement.models import Account, Case, Decision, Evidence, Memo

for model in (Account, Case, Decision, Evidence, Memo):
    admin.site.register(model)

urlpatterns = [path("admin/", admin.site.urls), path("readyz", health.ready)]
