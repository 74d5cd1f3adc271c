"""Named networks: which there are, and adding, changing and removing them."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from sessions_ui import networks as named_networks
from sessions_ui.access import SignedInRequest, fence, reaches
from sessions_ui.client import parse_address
from sessions_ui.models import Network, NetworkChange, SessionQuerySet
from sessions_ui.models.reaches import accounts_within
from sessions_ui.network_form import NetworkForm, around
from sessions_ui.paging import COUNTED, Position, UnreadablePosition, page
from sessions_ui.refusals import unreadable
from sessions_ui.time_limit import in_time

CHANGES = 20
COUNT_SECONDS = 0.5
ADDABLE = frozenset({"address", "account"})


@require_safe
@login_required
def networks(request: SignedInRequest) -> HttpResponse:
    """List the networks that the person keeps, newest first, and the last changes."""
    try:
        position = Position.of(request.GET)
    except UnreadablePosition as error:
        return unreadable(request, {error.parameter: str(error)})
    reach = reaches(request)
    kept = Network.objects.within(reach.end).select_related("account").prefetch_related("prefixes")
    context = {
        "page": page(lambda bounds, order, most: list(kept.filter(bounds).order_by(order)[:most]), position),
        "position": position,
        "changes": NetworkChange.objects.within(reach.end)[:CHANGES],
        "reaches": reach,
    }
    return render(request, "networks/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def add(request: SignedInRequest) -> HttpResponse:
    """Name a network; the address of a session says which."""
    reach, network = reaches(request), Network()
    if not reach.keeps_networks:
        raise Http404
    if request.method == "POST":
        return _save(request, NetworkForm(request.POST, reach=reach.end, network=network))
    if unknown := sorted(request.GET.keys() - ADDABLE):
        return unreadable(request, {unknown[0]: f"This page knows no “{unknown[0][:60]}”."})
    text, account = request.GET.get("address", ""), request.GET.get("account", "").replace("\0", "")
    address = parse_address(text)
    if text and not address:
        return unreadable(request, {"address": f"“{text[:60]}” is not an address."})
    if account and not accounts_within(reach.see).filter(slug=account).exists():
        return unreadable(request, {"account": f"There is no account “{account[:60]}” here."})
    initial = {"prefixes": around(address) if address else ""} | ({"account": account} if account else {})
    return _shown(request, NetworkForm(reach=reach.end, network=network, initial=initial))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """Change the name, the addresses or the country of a network."""
    reach = reaches(request).end
    network = get_object_or_404(Network.objects.within(reach).select_related("account"), public_id=public_id)
    if request.method == "POST":
        return _save(request, NetworkForm(request.POST, reach=reach, network=network))
    return _shown(request, NetworkForm.of(network, reach))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def remove(request: SignedInRequest, public_id: UUID) -> HttpResponse:
    """GET: say what loses its name. POST: remove the network."""
    kept = Network.objects.within(reaches(request).end).select_related("account")
    network = get_object_or_404(kept, public_id=public_id)
    if request.method == "POST":
        named_networks.remove(network, request.user)
        messages.success(request, f"“{network}” is removed. Live sessions from there show a guess within a minute.")
        return redirect("networks")
    cidrs = [prefix.cidr for prefix in network.prefixes.all()]
    sessions = named_networks.sessions_in(cidrs, network.account_id).filter(network=network.name)
    context = {"network": network, "cidrs": cidrs} | _counted(request, sessions)
    return render(request, "networks/remove.html", context)


def _shown(request: SignedInRequest, form: NetworkForm) -> HttpResponse:
    context = {"form": form, "network": form.network}
    return render(request, "networks/form.html", context, status=400 if form.errors else 200)


def _save(request: SignedInRequest, form: NetworkForm) -> HttpResponse:
    if not form.is_valid():
        return _shown(request, form)
    cidrs = form.fill()
    named_networks.save(form.network, cidrs, request.user)
    sessions = named_networks.sessions_in(cidrs, form.network.account_id)
    found = _counted(request, sessions)
    if found["number"] == 1:
        shown = "One session from there shows it"
    elif found["number"] is None:
        shown = "Sessions from there show it"
    else:
        shown = f"{found['number']:,}{'+' if found['capped'] else ''} sessions from there show it"
    messages.success(request, f"“{form.network}” is saved. {shown} within a minute.")
    if said := form.overlaps():
        messages.warning(request, said)
    return redirect("networks")


def _counted(request: SignedInRequest, sessions: SessionQuerySet) -> dict[str, int | bool | None]:
    """Return how many of these sessions are live, as far as that is counted in time."""
    live = sessions.live(fence(request))
    number = in_time(COUNT_SECONDS, live.db, live.order_by()[: COUNTED + 1].count)
    if number is None:
        return {"number": None, "capped": True}
    return {"number": min(number, COUNTED), "capped": number > COUNTED}
