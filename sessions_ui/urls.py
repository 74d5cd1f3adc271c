from django.urls import path

from .views import exports, networks, records, reviews, saved_views, sessions, signing, terminate, terminations

urlpatterns = [
    path("", sessions.home, name="home"),
    path("my-sessions/", sessions.my_sessions, name="my-sessions"),
    # Active user sessions
    path("security/active-user-sessions/", sessions.active_user_sessions, name="active-user-sessions"),
    path("security/active-user-sessions/terminate/", terminate.terminate, name="terminate"),
    path("security/active-user-sessions/suggest/account/", sessions.suggest, {"what": "account"}, "suggest-account"),
    path("security/active-user-sessions/suggest/user/", sessions.suggest, {"what": "user"}, "suggest-user"),
    path("security/active-user-sessions/export/", exports.export_sessions, name="export-sessions"),
    path("security/active-user-sessions/<uuid:public_id>/", sessions.session, name="session"),
    path("security/login-records/", records.login_records, name="login-records"),
    path("security/login-records/export/", exports.export_login_records, name="export-login-records"),
    path("security/exports/", exports.exports, name="exports"),
    path("security/reviews/", reviews.all_reviews, name="reviews"),
    path("security/reviews/begin/", reviews.begin_review, name="begin-review"),
    path("security/reviews/<uuid:public_id>/", reviews.review, name="review"),
    path("security/reviews/<uuid:public_id>/sign/", reviews.sign_review, name="sign-review"),
    path("security/reviews/<uuid:public_id>/export/", reviews.export_review, name="export-review"),
    path("security/saved-views/", saved_views.saved_views, name="saved-views"),
    path("security/saved-views/new/<slug:of>/", saved_views.save_view, name="save-view"),
    path("security/saved-views/<uuid:public_id>/", saved_views.open_view, name="saved-view"),
    path("security/saved-views/<uuid:public_id>/edit/", saved_views.edit_view, name="edit-view"),
    path("security/saved-views/<uuid:public_id>/remove/", saved_views.remove_view, name="remove-view"),
    path("security/terminations/", terminations.terminations, name="terminations"),
    path("security/terminations/<uuid:public_id>/", terminations.termination, name="termination"),
    path("security/networks/", networks.networks, name="networks"),
    path("security/networks/add/", networks.add, name="network-add"),
    path("security/networks/<uuid:public_id>/", networks.change, name="network"),
    path("security/networks/<uuid:public_id>/remove/", networks.remove, name="network-remove"),
    # Signing in and out
    path("sign-in/", signing.sign_in, name="sign-in"),
    path("sign-out/", signing.sign_out, name="sign-out"),
    path("password/", signing.password_change, name="password-change"),
    path("password/changed/", signing.password_change_done, name="password-change-done"),
    path("password/reset/", signing.password_reset, name="password-reset"),
    path("password/reset/sent/", signing.password_reset_done, name="password-reset-done"),
    path("password/reset/done/", signing.password_reset_complete, name="password-reset-complete"),
    path("password/reset/<uidb64>/<token>/", signing.password_reset_confirm, name="password-reset-confirm"),
]
