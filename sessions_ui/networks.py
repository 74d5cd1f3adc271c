"""Named networks: what an origin is called, who changed what about it, and the sessions renamed after that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction
from django.db.models import BinaryField, Q
from django.db.models.functions import Now

from . import geoip
from .models import Account, Network, NetworkChange, Prefix, Session, SessionQuerySet
from .models.conditions import any_of
from .models.networks import AnyNetwork, position
from .models.search_text import give_parts
from .models.statements import Select, Slot
from .naming import record_name
from .origin import Origin
from .pacing import Pace
from .renames import no_termination_begins

# A sign-in under way may have read the networks before the change, and commits after its sessions were renamed.
SETTLED = timedelta(seconds=10)


def named(origin: Origin, account_id: int | None) -> Origin:
    """Return the origin with the name and country of its network, if it lies in one, in place of the guess."""
    if not origin.ip:
        return origin
    found = _select_network(router.db_for_read(Prefix)).rows(address=position(origin.ip), account=account_id)
    return replace(origin, **asdict(Name.of(*found[0]))) if found else origin


@cache
def _select_network(using: str) -> Select:
    naming = Prefix.objects.using(using).naming(Slot("address", BinaryField()), Slot("account"))
    return Select(naming.values_list("network__country", "network__name")[:1])


@dataclass(frozen=True, slots=True)
class Name:
    """What an origin shows for its place; `network` is empty where it is a guess."""

    country: str
    location: str
    network: str = ""

    @classmethod
    def of(cls, country: str, network: str) -> Name:
        return cls(country, network, network)


def save(network: Network, cidrs: Sequence[str], by: AbstractBaseUser) -> NetworkChange:
    """Add or change the network, with these prefixes, and write down who did it.

    The worker renames the live sessions; login records keep what they say.
    """
    with transaction.atomic(router.db_for_write(Network)):
        before = Network.objects.select_for_update().filter(pk=network.pk).first()
        was, old = (_said(before), _cidrs(before)) if before else ("", [])
        network.save()
        network.prefixes.all().delete()
        Prefix.objects.bulk_create([Prefix.of(network, cidr) for cidr in cidrs])
        said = _said(network)
        return _record(network, by, f"changed {was} to {said}" if was else f"added {said}", {*old, *cidrs})


def remove(network: Network, by: AbstractBaseUser) -> NetworkChange:
    """Remove the network and write down who did it; the worker gives live sessions the guess again."""
    with transaction.atomic(router.db_for_write(Network)):
        change = _record(network, by, f"removed {_said(network)}", _cidrs(network))
        network.delete()
        return change


def _cidrs(network: Network) -> list[str]:
    return list(Prefix.objects.filter(network=network).values_list("cidr", flat=True))


def _said(network: Network) -> str:
    country = f", {geoip.country_name(network.country)}" if network.country else ""
    return f"“{network}” = {', '.join(_cidrs(network))}{country}"


def _record(network: Network, by: AbstractBaseUser, in_words: str, cidrs: Iterable[str]) -> NetworkChange:
    account: Account | None = network.account
    return NetworkChange.objects.create(
        actor_id=by.pk,
        actor_label=record_name(by),
        account_id=account.pk if account else None,
        account_label=account.name if account else "",
        name=network.name,
        in_words=in_words,
        prefixes=sorted(cidrs),
    )


def sessions_in(cidrs: Iterable[str], account_id: int | None) -> SessionQuerySet:
    """Return the signed-in sessions of the account, or of all, that come from these prefixes."""
    within = any_of(Q(ip__in_network=cidr) for cidr in cidrs)
    return _of(account_id).filter(within)


def _of(account_id: int | None) -> SessionQuerySet:
    sessions = Session.objects.signed_in()
    return sessions if account_id is None else sessions.filter(account_id=account_id)


def apply(using: str, pace: Pace) -> int:
    """Rename the sessions of the networks that were changed; return how many sessions that were."""
    changes = NetworkChange.objects.using(using).filter(applied_on=None, happened_on__lte=Now() - SETTLED)
    return sum(apply_one(change, using, pace) for change in changes.order_by("id"))


def apply_one(change: NetworkChange, using: str, pace: Pace) -> int:
    """Rename the sessions whose network was changed, in batches; return how many sessions that were.

    Never while a termination is unfinished: its scope may be of places, and what it
    covers must not change. The next round begins anew.
    """
    renamed = 0
    to_do: list[tuple[str, Session | None]] = [(cidr, None) for cidr in change.prefixes]
    while to_do:
        cidr, last = to_do.pop()
        with pace.batch() as rows, transaction.atomic(using):
            if not no_termination_begins(using):
                return renamed
            batch = _next(_of(change.account_id).using(using), cidr, last, rows)
            renamed += _rename(batch, ip_network(cidr), using)
        if batch:
            to_do.append((cidr, batch[-1]))
    NetworkChange.objects.using(using).filter(pk=change.pk).update(applied_on=Now())
    return renamed


def _next(sessions: SessionQuerySet, cidr: str, last: Session | None, rows: int) -> list[Session]:
    """Return so many sessions that follow the last one in the index of addresses, and hold their rows.

    Ordered by ids, a database would sort all sessions of the network for each batch, or walk all that there are.
    """
    # A touch that writes another last address meanwhile would be given the name of this one.
    sessions = sessions.select_for_update(no_key=True).only("ip", "account", "last_ip")
    if last is not None:
        if same := list(sessions.filter(ip=last.ip, id__lt=last.pk).order_by("-id")[:rows]):
            return same
        sessions = sessions.filter(ip__gt=last.ip)
    return list(sessions.filter(ip__in_network=cidr).order_by("ip", "-id")[:rows])


def _rename(batch: list[Session], network: AnyNetwork, using: str) -> int:
    """Give these sessions, which come from this network, the names that their addresses have now."""
    prefixes = _prefixes_within(network, using)
    addresses = {address for session in batch for address in (session.ip, session.last_ip) if address}
    within = {address for address in addresses if ip_address(address) in network}
    names: dict[tuple[str, int | None], Name] = {}
    given: dict[Name, list[int]] = defaultdict(list)
    last_seen: dict[str, list[int]] = defaultdict(list)
    for session in batch:
        for address in {session.ip, session.last_ip} & within:
            key = (str(address), session.account_id)
            names[key] = names.get(key) or _name(*key, prefixes)
            if address == session.ip:
                given[names[key]].append(session.pk)
            if address == session.last_ip:
                last_seen[names[key].location].append(session.pk)
    sessions = Session.objects.using(using)
    for location, ids in last_seen.items():
        sessions.filter(pk__in=ids).exclude(last_location=location).update(last_location=location)
    return sum(_give(sessions.filter(pk__in=ids), name) for name, ids in given.items())


def _prefixes_within(network: AnyNetwork, using: str) -> list[Prefix]:
    """Return all prefixes that may name an address of this network, the longest first, an account's own before."""
    first, last = position(str(network.network_address)), position(str(network.broadcast_address))
    overlapping = Prefix.objects.using(using).filter(first__lte=last, last__gte=first).select_related("network")
    return sorted(overlapping, key=lambda one: (-one.length, one.network.account_id is None, one.network_id))


def _name(address: str, account_id: int | None, prefixes: list[Prefix]) -> Name:
    """Return the name of the network, or the guess: what a sign-in from there would be given."""
    at = position(address)
    for prefix in prefixes:
        if bytes(prefix.first) <= at <= bytes(prefix.last) and prefix.network.account_id in (None, account_id):
            return Name.of(prefix.network.country, prefix.network.name)
    return Name(**asdict(geoip.locate(address)))


def _give(sessions: SessionQuerySet, name: Name) -> int:
    columns: dict[str, Any] = asdict(name)
    parts = {
        "location": name.location,
        "country": geoip.country_name(name.country),
        "country_code": name.country,
    }
    return give_parts(sessions, parts, **columns)
