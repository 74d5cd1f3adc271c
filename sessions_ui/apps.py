from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.backends.signals import connection_created
from django.db.models.signals import post_init, post_migrate, post_save, pre_delete, pre_migrate, pre_save


class SessionsConfig(AppConfig):
    name = "sessions_ui"
    verbose_name = "Sessions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, mail_checks, receivers  # noqa: F401 (the checks register themselves)
        from .models.lookups import add_sqlite_functions

        user, account = settings.AUTH_USER_MODEL, "sessions_ui.Account"
        connection_created.connect(add_sqlite_functions, dispatch_uid="sessions_ui.functions")
        user_logged_in.connect(receivers.note_sign_in, dispatch_uid="sessions_ui.sign_in")
        user_login_failed.connect(receivers.record_failed_sign_in, dispatch_uid="sessions_ui.failed")
        pre_delete.connect(receivers.end_sessions_of_user, sender=user, dispatch_uid="sessions_ui.user")
        pre_delete.connect(
            receivers.end_sessions_of_account, sender=account, dispatch_uid="sessions_ui.account_deleted"
        )
        post_save.connect(receivers.sweep_after_disabling, sender=user, dispatch_uid="sessions_ui.user_saved")
        post_init.connect(receivers.note_loaded_password, sender=user, dispatch_uid="sessions_ui.user_loaded")
        pre_save.connect(receivers.keep_sessions_that_go_on, sender=user, dispatch_uid="sessions_ui.password")
        post_save.connect(
            receivers.end_sessions_of_former_password, sender=user, dispatch_uid="sessions_ui.password_saved"
        )
        pre_migrate.connect(receivers.make_way_for_migrations, sender=self, dispatch_uid="sessions_ui.pre_migrate")
        post_migrate.connect(receivers.install_after_migrate, sender=self, dispatch_uid="sessions_ui.post_migrate")
