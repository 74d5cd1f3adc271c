"""A database for each case."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from environ import Env

from bench.cases import CASES
from tests.postgres import database_url, server

DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


def connect(address: str) -> psycopg.Connection:
    config = Env.db_url_config(address)
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    given = {theirs: config[name] for theirs, name in names.items() if config.get(name)}
    return psycopg.connect(**given, autocommit=True)


@contextmanager
def postgres() -> Iterator[str]:
    """Give a server whose commits are durable; one named by TEST_DATABASE_URL stays as it is."""
    with server() as address:
        if "TEST_DATABASE_URL" not in os.environ:
            with connect(address) as connection:
                for setting in DURABLE:
                    connection.execute(f"ALTER SYSTEM SET {setting} = on")
                connection.execute("SELECT pg_reload_conf()")
        yield address


def postgres_in_words(address: str) -> str:
    """Return the version of the server, and how durable its commits are."""
    with connect(address) as connection:
        settings: dict[str, str] = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
    return f"{settings['server_version']} ({', '.join(f'{name} {settings[name]}' for name in DURABLE)})"


@contextmanager
def on_postgres(address: str) -> Iterator[dict[str, str]]:
    names = {case: f"bench_{case}_{os.getpid()}" for case in CASES}
    with connect(address) as connection:
        try:
            for database in names.values():
                connection.execute(f"CREATE DATABASE {database}")
            yield {case: database_url(address, database) for case, database in names.items()}
        finally:
            for database in names.values():
                connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


@contextmanager
def on_sqlite() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="sessionadmin-bench-") as folder:
        yield {case: f"sqlite:///{folder}/{case}.sqlite3" for case in CASES}
