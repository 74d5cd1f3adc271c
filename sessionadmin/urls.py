from django.urls import include, path

from sessions_ui.admin import site

urlpatterns = [
    path("", include("sessions_ui.urls")),
    path("admin/", site.urls),
]
handler400 = "sessions_ui.views.errors.bad_request"
handler403 = "sessions_ui.views.errors.forbidden"
handler404 = "sessions_ui.views.errors.not_found"
handler500 = "sessions_ui.views.errors.server_error"
