"""The form of a named network: prefixes in, or a sentence that names the one that cannot be."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import combinations
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from .choice_fields import AccountField
from .geoip import COUNTRIES
from .models import Network, Prefix
from .models.networks import AnyNetwork, position
from .models.origins import NETWORK_NAME_LENGTH
from .models.plain_text import refuse_unseen
from .models.reaches import ALL, accounts_administered
from .models.scopes import Reach

BETWEEN = re.compile(r"[\s,;]+")
MOST_PREFIXES = 200
MAPPED = ip_network("::ffff:0:0/96")
# As wide as what one office or household mostly has.
AROUND = {4: 24, 6: 64}


class NetworkForm(forms.Form):
    """Name, prefixes and country of a network; and its account, until that is decided."""

    name = forms.CharField(max_length=NETWORK_NAME_LENGTH, validators=[refuse_unseen])
    prefixes = forms.CharField(
        label="Addresses",
        max_length=10_000,
        widget=forms.Textarea({"rows": 4, "spellcheck": "false"}),
        help_text="Prefixes such as 203.0.113.0/24 or 2001:db8:5::/48, and single addresses, one on each line.",
    )
    account = AccountField(suggested_by="network-accounts", help_text="The name or slug of one of yours.")
    country = forms.ChoiceField(
        choices=[("", "None"), *COUNTRIES.items()],
        required=False,
        help_text="Shown beside the name, in place of the country guessed from the address.",
    )

    def __init__(self, *args: Any, reach: Reach, network: Network, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.network = network
        account: Any = self.fields["account"]
        if network.pk:
            # Who moved it would rename the sessions of two accounts at once.
            del self.fields["account"]
        elif reach == ALL:
            account.accounts, account.required = accounts_administered(reach), False
            account.help_text = "Its name or slug. Without one, the name is for the sessions of all accounts."
        else:
            account.offer(accounts_administered(reach))

    @classmethod
    def of(cls, network: Network, reach: Reach) -> NetworkForm:
        """Return the form with what is stored of the network."""
        cidrs = "\n".join(prefix.cidr for prefix in network.prefixes.all())
        initial = {"name": network.name, "prefixes": cidrs, "country": network.country}
        return cls(reach=reach, network=network, initial=initial)

    def clean_prefixes(self) -> list[str]:
        texts = [text for text in BETWEEN.split(self.cleaned_data["prefixes"]) if text]
        if not texts:
            raise ValidationError("Write at least one prefix, such as 203.0.113.0/24.")
        if len(texts) > MOST_PREFIXES:
            raise ValidationError(f"These are {len(texts):,} prefixes; a network has {MOST_PREFIXES} at most.")
        prefixes = list(dict.fromkeys(map(read_prefix, texts)))
        for one, other in combinations(prefixes, 2):
            if one.version == other.version and one.overlaps(other):
                wide, narrow = sorted((one, other), key=lambda prefix: prefix.prefixlen)
                raise ValidationError(
                    f"{wide} overlaps {narrow}. Leave {narrow} out, or give it a network of its own: the longer wins."
                )
        return [str(prefix) for prefix in prefixes]

    def clean(self) -> dict[str, Any]:
        if "account" in self.cleaned_data:
            self.network.account = self.cleaned_data["account"]
        if "account" not in self.errors:
            self._refuse_what_is_there(self.cleaned_data.get("name", ""), self.cleaned_data.get("prefixes", []))
        return self.cleaned_data

    def _refuse_what_is_there(self, name: str, cidrs: list[str]) -> None:
        others = Network.objects.filter(account=self.network.account).exclude(pk=self.network.pk)
        if others.filter(name__same_letters=name).exists():
            self.add_error("name", f"There is a network “{name}” already; add these addresses to that one.")
        if taken := Prefix.objects.filter(network__in=others, cidr__in=cidrs).select_related("network").first():
            self.add_error("prefixes", f"{taken} is “{taken.network}” already; leave it out, or change that network.")

    def fill(self) -> list[str]:
        """Put what was written into the network, which is not stored by that, and return its prefixes."""
        self.network.name, self.network.country = self.cleaned_data["name"], self.cleaned_data["country"]
        prefixes: list[str] = self.cleaned_data["prefixes"]
        return prefixes

    def overlaps(self) -> str:
        """Return a sentence about the other networks, for the same sessions, that share addresses with this one."""
        for prefix in map(ip_network, self.cleaned_data["prefixes"]):
            first, last = position(str(prefix.network_address)), position(str(prefix.broadcast_address))
            shared = Prefix.objects.filter(first__lte=last, last__gte=first, network__account=self.network.account)
            other = shared.exclude(network=self.network.pk).select_related("network").first()
            if other:
                return (
                    f"{prefix} overlaps {other} of “{other.network}”. An address in both is named by the longer one."
                )
        return ""


def read_prefix(text: str) -> AnyNetwork:
    """Return the prefix, one mapped into IPv6 as that of IPv4; raises ValidationError with a sentence."""
    shown = text[:60]
    try:
        prefix = ip_network("" if "%" in text else text, strict=False)
    except ValueError as error:
        raise ValidationError(
            f"“{shown}” is not a range of addresses; write 203.0.113.0/24, 2001:db8:5::/48 or a single address."
        ) from error
    address, _, length = text.partition("/")
    if length and ip_address(address) != prefix.network_address:
        raise ValidationError(f"“{shown}” is an address in {prefix}; write {prefix}, or {address} for it alone.")
    return _unmapped(prefix)


def _unmapped(prefix: AnyNetwork) -> AnyNetwork:
    if isinstance(prefix, IPv6Network) and prefix.subnet_of(MAPPED):  # type: ignore[arg-type]
        return IPv4Network((int(prefix.network_address) & 0xFFFF_FFFF, prefix.prefixlen - 96))
    return prefix


def around(address: str) -> str:
    """Return the prefix in which the address lies and that its neighbours mostly share."""
    return str(ip_network(f"{address}/{AROUND[ip_address(address).version]}", strict=False))
