"""Django's admin of the console: people, groups, accounts, memberships and applications; the rest is for reading."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import NestedObjects
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.models import Group, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import router
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import capfirst

from .access import own_id
from .models import Account, Application, Export, Membership, Session, SessionEvent, Termination
from .passwords import change_of

if TYPE_CHECKING:
    # They are generic to mypy, not to Python.
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    AnyUserAdmin = UserAdmin[User]
    AnyPasswordForm = AdminPasswordChangeForm[User]
    AnyPaginator = Paginator[Any]
else:
    ModelAdmin, TabularInline, AnyUserAdmin, AnyPaginator = admin.ModelAdmin, admin.TabularInline, UserAdmin, Paginator
    AnyPasswordForm = AdminPasswordChangeForm

NEWEST = 10_000
# Each is four fields, and Django refuses a form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS.
MOST_MEMBERS_IN_A_FORM = 100


class ConsoleSite(admin.AdminSite):
    """An admin without doors of its own: signing in and out and changing the password is done on our pages."""

    site_header = site_title = "Session Admin"
    index_title = "People, accounts and applications"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            # Sent to the sign-in page he would come straight back.
            raise PermissionDenied("Only people with staff status may come in here.")
        return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("sign-out", preserve_request=True)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("password-change")


# A site of its own, so that other projects that use the engine keep theirs as it is.
site = ConsoleSite()


class NewestPaginator(AnyPaginator):
    """Counts and pages the newest rows only: an exact count of millions takes seconds, as does a deep page."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:NEWEST].count())


class ReadOnlyAdmin(ModelAdmin):
    paginator = NewestPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None
    ordering = ["-id"]
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = f"{capfirst(self.opts.verbose_name_plural)}, the newest {NEWEST:,} at most"
        return super().changelist_view(request, {"title": title} | (extra_context or {}))


@admin.register(Session, site=site)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ["user", "account", "application", "ip", "location", "device", "browser", "created_on"]
    list_select_related = ["user", "account", "application"]
    fields = [
        *("public_id", "user", "account", "application", "created_on", "expire_date"),
        *("ip", "country", "location", "user_agent", "device", "browser", "os"),
        *("last_active_on", "last_ip", "last_location", "last_browser"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return Session.objects.live().visible_to(request.user)


@admin.register(SessionEvent, site=site)
class SessionEventAdmin(ReadOnlyAdmin):
    list_display = ["happened_on", "kind", "user_label", "account_label", "application_label", "ip", "location"]
    fields = [
        *("public_id", "kind", "happened_on", "session_public_id", "signed_in_on"),
        *("user_label", "account_label", "application_label", "termination_id", "reason"),
        *("ip", "country", "location", "user_agent", "device", "browser", "os"),
    ]


@admin.register(Termination, site=site)
class TerminationAdmin(ReadOnlyAdmin):
    list_display = ["created_on", "actor_label", "in_words", "reason", "ended", "finished_on"]
    fields = [
        *("public_id", "created_on", "actor", "actor_label", "in_words", "reason", "note"),
        *("conditions", "reach", "cut_off", "spared", "matched", "ended", "finished_on"),
    ]


@admin.register(Export, site=site)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ["created_on", "actor_label", "what", "in_words", "rows", "finished_on"]
    fields = ["actor_label", "created_on", "what", "in_words", "rows", "finished_on", "broken_off"]


class WithoutSessions(NestedObjects):
    """What is deleted with an object, but for sessions: there may be a hundred thousand, and they are ended before."""

    def related_objects(self, related_model: type[Model], *args: Any) -> QuerySet[Any]:
        found: QuerySet[Any] = super().related_objects(related_model, *args)
        return found.none() if related_model is Session else found


class EndsSessionsAdmin(ModelAdmin):
    """Deletes what sessions belong to. receivers.py ends them first, which needs no permission to delete sessions."""

    def get_deleted_objects(
        self, objs: QuerySet[Any] | Sequence[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        collector = WithoutSessions(using=router.db_for_write(self.model), origin=objs)
        collector.collect(objs)
        numbers = Counter(type(one) for found in collector.model_objs.values() for one in found)
        counts = {str(model._meta.verbose_name_plural): number for model, number in numbers.items()}
        counts["sessions, which are ended"] = Session.objects.filter(**{f"{self.opts.model_name}__in": objs}).count()
        lacking = {
            str(model._meta.verbose_name)
            for model in numbers
            if self.admin_site.is_registered(model)
            and not self.admin_site.get_model_admin(model).has_delete_permission(request)
        }
        return collector.nested(in_words), counts, lacking, [in_words(kept) for kept in collector.protected]


def in_words(found: Model) -> str:
    return f"{capfirst(found._meta.verbose_name)}: {found}"


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    # A select box would hold every user there is.
    raw_id_fields = ["user", "account"]


class SetPasswordForm(AnyPasswordForm):
    """Sets somebody's password, which ends his sessions at once (ASVS 7.4.3)."""

    def save(self, commit: bool = True) -> Any:
        change_of(self.user).reason = "An administrator set the password"
        return super().save(commit)


@admin.register(User, site=site)
class ConsoleUserAdmin(EndsSessionsAdmin, AnyUserAdmin):
    inlines = [MembershipInline]
    show_full_result_count = False
    change_password_form = SetPasswordForm

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> User | None:
        """Return the user; whoever sets his own password here stays in this session, as Django has it."""
        found: User | None = super().get_object(request, object_id, from_field)
        if found is not None and found == request.user:
            change_of(found).spared = own_id(request)
        return found


@admin.register(Account, site=site)
class AccountAdmin(EndsSessionsAdmin):
    list_display = ["name", "slug"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    fields = ["name", "slug", "members"]
    readonly_fields = ["members"]
    inlines = [MembershipInline]

    def get_inlines(self, request: HttpRequest, obj: Account | None) -> Any:
        crowded = obj is not None and obj.memberships.count() > MOST_MEMBERS_IN_A_FORM
        return [] if crowded else super().get_inlines(request, obj)

    def members(self, account: Account) -> str:
        if account.pk is None:
            return "–"
        url = reverse("admin:sessions_ui_membership_changelist")
        return format_html('<a href="{}?account__id__exact={}">{}</a>', url, account.pk, account.memberships.count())


@admin.register(Membership, site=site)
class MembershipAdmin(ModelAdmin):
    list_display = ["user", "account", "role"]
    list_select_related = ["user", "account"]
    list_filter = ["role"]
    search_fields = ["user__username", "user__first_name", "user__last_name", "account__name"]
    raw_id_fields = ["user", "account"]


@admin.register(Application, site=site)
class ApplicationAdmin(ModelAdmin):
    list_display = ["name", "slug"]
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Application | None = None) -> list[str]:
        # SESSION_APPLICATION finds it by its slug; under another one its sessions would be nobody's.
        return ["slug"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Application | None = None) -> bool:
        in_use = obj is not None and obj.sessions.exists()
        return not in_use and super().has_delete_permission(request, obj)


site.register(Group, GroupAdmin)
