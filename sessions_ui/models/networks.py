"""Named networks: what the console calls the addresses of an office, and what was changed about that."""

from __future__ import annotations

import uuid
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from .accounts import Account
from .origins import NETWORK_NAME_LENGTH
from .plain_text import refuse_unseen
from .reaches import ALL
from .scopes import Reach

AnyNetwork = IPv4Network | IPv6Network
LONGEST_PREFIX = len("ffff:" * 8 + "/128") - 1


def position(address: str) -> bytes:
    """Return where the address lies among all: bytes that both databases compare alike, IPv4 before IPv6."""
    found = ip_address(address)
    return bytes([found.version]) + found.packed


class OfAccountsQuerySet(models.QuerySet[Any]):
    def within(self, reach: Reach) -> Self:
        """Keep what whoever ends the sessions in this reach may keep: all, or what is of his accounts."""
        return self.all() if reach == ALL else self.filter(account_id__in=reach["accounts"])


class Network(models.Model):
    """A name for the addresses with some prefixes, in the sessions of one account or of all."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=NETWORK_NAME_LENGTH, validators=[refuse_unseen])
    account = models.ForeignKey(Account, models.CASCADE, null=True, blank=True, related_name="networks")
    country = models.CharField(max_length=2, blank=True)

    objects = OfAccountsQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class PrefixQuerySet(models.QuerySet["Prefix"]):
    def naming(self, address: Any, account_id: Any) -> PrefixQuerySet:
        """Keep the prefixes of the address, a position, in the sessions of this account, the one that names it first.

        The longest prefix wins, and at the same length an account's own before one for all.
        """
        of_all_or_his = Q(network__account_id__isnull=True) | Q(network__account_id=account_id)
        found = self.filter(of_all_or_his, first__lte=address, last__gte=address)
        return found.order_by("-length", F("network__account_id").asc(nulls_last=True), "network_id")


class Prefix(models.Model):
    """The addresses of a network that begin with the same bits."""

    network = models.ForeignKey(Network, models.CASCADE, related_name="prefixes")
    cidr = models.CharField(max_length=LONGEST_PREFIX)
    length = models.PositiveSmallIntegerField()
    # Positions. Ranges of them need no type that only PostgreSQL has.
    first = models.BinaryField(max_length=17)
    last = models.BinaryField(max_length=17)

    objects = PrefixQuerySet.as_manager()

    class Meta:
        ordering = ["first", "length"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.cidr

    @classmethod
    def of(cls, network: Network, cidr: str) -> Prefix:
        """Return the prefix, which is not stored yet; raises ValueError if it is none."""
        found = ip_network(cidr)
        first, last = (position(str(address)) for address in (found.network_address, found.broadcast_address))
        return cls(network=network, cidr=str(found), length=found.prefixlen, first=first, last=last)


class NetworkChange(models.Model):
    """What somebody changed about a network; until it is applied, live sessions show what was before."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor_label = models.CharField(max_length=254)
    happened_on = models.DateTimeField(db_default=Now())
    # Ids and labels as they were, since this outlives account and network.
    account_id = models.BigIntegerField(null=True)
    account_label = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=NETWORK_NAME_LENGTH)
    in_words = models.TextField()
    prefixes = models.JSONField()
    applied_on = models.DateTimeField(null=True)

    objects = OfAccountsQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        indexes = [
            models.Index(fields=["id"], condition=Q(applied_on__isnull=True), name="network_change_unapplied"),
            models.Index(fields=["account_id", "-id"], name="network_change_by_account"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.in_words}"
