from django.urls import path

from .views import sessions, terminate, terminations

urlpatterns = [
    path("", sessions.home, name="home"),
    path("my-sessions/", sessions.my_sessions, name="my-sessions"),
    path("security/active-user-sessions/", sessions.active_user_sessions, name="active-user-sessions"),
    path("security/active-user-sessions/terminate/", terminate.terminate, name="terminate"),
    path("security/active-user-sessions/suggest/account/", sessions.suggest, {"what": "account"}, name="suggest-account"),
    path("security/active-user-sessions/suggest/user/", sessions.suggest, {"what": "user"}, name="suggest-user"),
    path("security/active-user-sessions/<uuid:public_id>/", sessions.session, name="session"),
    path("security/terminations/", terminations.terminations, name="terminations"),
    path("security/terminations/<uuid:public_id>/", terminations.termination, name="termination"),
]
