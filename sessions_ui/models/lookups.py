"""Lookups that both databases have, each in its own words.

`ip__in_network`, `search_text__holds`, `kind__one_of`, `id__among`, `name__same_letters`, `name__first_letters`.

And one of PostgreSQL alone: `id__in_eras`.
"""

import weakref
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, GenericIPAddressField, IntegerField, Lookup, TextField
from django.db.models.sql.compiler import SQLCompiler

from .functions import INDEXED_ERA, indexed_eras


@GenericIPAddressField.register_lookup
class InNetwork(Lookup):
    lookup_name = "in_network"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str]]:
        return "%s", (str(value),)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} <<= {right}::inet", [*left_params, *right_params]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        within = f"in_network({left}, {right})"
        beginning = text_beginning(str(self.rhs))
        if not beginning:
            return within, [*left_params, *right_params]
        # An index of addresses as text gives the range; what comes before it is not worth a call.
        after = beginning[:-1] + chr(ord(beginning[-1]) + 1)
        ranged = f"({left} >= %s AND {left} < %s AND {within})"
        return ranged, [*left_params, beginning, *left_params, after, *left_params, *right_params]


@TextField.register_lookup
class Holds(Lookup):
    """Whether the text holds these characters: what `contains` finds, but never by an index.

    Where a walk is cheaper, PostgreSQL must not be free to take the trigram index.
    """

    lookup_name = "holds"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        function = "INSTR" if connection.vendor == "sqlite" else "STRPOS"
        return f"{function}({left}, {right}) > 0", (*left_params, *right_params)


@CharField.register_lookup
class SameLetters(Lookup):
    """Whether the texts are the same but for case: `iexact` of SQLite knows no letters but those of ASCII."""

    lookup_name = "same_letters"
    on_postgresql = "UPPER({left}) = UPPER({right})"
    on_sqlite = "sessions_ui_upper({left}) = sessions_ui_upper({right})"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        said = self.on_sqlite if connection.vendor == "sqlite" else self.on_postgresql
        return said.format(left=left, right=right), (*left_params, *right_params)


@CharField.register_lookup
class FirstLetters(SameLetters):
    """Whether the text begins with the other, but for case."""

    lookup_name = "first_letters"
    on_postgresql = "STRPOS(UPPER({left}), UPPER({right})) = 1"
    on_sqlite = "INSTR(sessions_ui_upper({left}), sessions_ui_upper({right})) = 1"


@CharField.register_lookup
class OneOf(Lookup):
    """Whether the text is one of these constants, which must be our own: they are written into the statement.

    Behind parameters, SQLite does not see that a partial index holds the rows, nor does a prepared plan of PostgreSQL.
    """

    lookup_name = "one_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        left, params = self.process_lhs(compiler, connection)
        constants = [repr(str(constant)) for constant in self.rhs]
        # As conditions of one kind are written: SQLite does not see that "in" says the same.
        is_one_of = f"= {constants[0]}" if len(constants) == 1 else f"IN ({', '.join(constants)})"
        return f"{left} {is_one_of}", tuple(params)


class Ids(TextField):  # type: ignore[type-arg]
    """Some ids as one parameter."""

    def get_db_prep_value(self, value: Sequence[int], connection: BaseDatabaseWrapper, prepared: bool = False) -> str:
        ids = ",".join(map(str, value))
        return f"{{{ids}}}" if connection.vendor == "postgresql" else f"[{ids}]"


@IntegerField.register_lookup
class Among(Lookup):
    """Whether the id is one of these: what `in` finds, by one statement for any number of them.

    With a parameter for each, a statement of five hundred is taken apart anew each time; that takes 10 ms.
    """

    lookup_name = "among"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str]]:
        return "%s", (Ids().get_db_prep_value(value, connection),)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} = ANY({right}::bigint[])", [*left_params, *right_params]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} IN (SELECT value FROM json_each({right}))", [*left_params, *right_params]  # noqa: S608


@IntegerField.register_lookup
class InEras(Lookup):
    """Whether the id lies in one of these eras, a range, as the search index holds them."""

    lookup_name = "in_eras"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str]]:
        # Number by number, psycopg takes as long for a hundred as PostgreSQL for the search.
        return "%s", (Ids().get_db_prep_value(indexed_eras(value), connection),)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{INDEXED_ERA.format(id=left)} && {right}::bigint[]", [*left_params, *right_params]


def text_beginning(network: str) -> str:
    """Return with which characters every address of the network begins when it is written, as far as that is fixed."""
    found = ip_network(network)
    if found.version == 4:
        octets = str(found.network_address).split(".")[: found.prefixlen // 8]
        return ".".join(octets) if len(octets) == 4 else "".join(f"{octet}." for octet in octets)
    groups = [group.lstrip("0") for group in found.network_address.exploded.split(":")[: found.prefixlen // 16]]
    # From the first group of zeros on, "::" may stand for several.
    fixed = groups[: groups.index("")] if "" in groups else groups
    return "".join(f"{group}:" for group in fixed) if len(fixed) < 8 else ""


def in_network(address: str | None, network: str) -> bool | None:
    """Return whether the address lies in the network; SQLite calls this for `ip__in_network`."""
    if address is None:
        return None
    return ip_address(address) in ip_network(network)


def upper(text: str | None) -> str | None:
    """Return the text in capitals; SQLite calls this for `name__same_letters` and `name__first_letters`."""
    return None if text is None else text.upper()


def add_sqlite_functions(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Teach a new SQLite connection what PostgreSQL can do by itself."""
    if connection.vendor == "sqlite":
        database, known = connection.connection, weakref.ref(connection)
        database.create_function("in_network", 2, in_network, deterministic=True)
        database.create_function("sessions_ui_upper", 1, upper, deterministic=True)
        database.create_function("sessions_ui_retention", 0, lambda: getattr(known(), "sessions_ui_retention", False))
