"""`ip__in_network`: whether an address lies in a network, on both databases."""

from ipaddress import ip_address, ip_network
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import GenericIPAddressField, Lookup
from django.db.models.sql.compiler import SQLCompiler


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
        return f"in_network({left}, {right})", [*left_params, *right_params]


def in_network(address: str | None, network: str) -> bool | None:
    """Return whether the address lies in the network; SQLite calls this for `ip__in_network`."""
    if address is None:
        return None
    return ip_address(address) in ip_network(network)


def add_sqlite_functions(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Teach a new SQLite connection what PostgreSQL can do by itself."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("in_network", 2, in_network, deterministic=True)
