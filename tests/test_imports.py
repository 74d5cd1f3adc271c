"""Imports point one way: the table of DESIGN.md ("Layout"), held against the modules as they are written."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "sessions_ui"

# What a module may import of the app; a folder is named for all of its modules. A module that is not here fails.
TABLE: dict[str, set[str]] = {
    # Pure: they know requests, addresses, agents and time, and nothing of sessions.
    "bounded_wait": set(),
    "client": set(),
    "geoip": set(),
    "outage": set(),
    "pacing": set(),
    "refusals": set(),
    "sheet": set(),
    "time_limit": set(),
    "useragent": set(),
    "map": set(),
    "hints": {"geoip"},
    "origin_changes": {"hints"},
    "origin": {"client", "geoip", "useragent"},
    # The data
    "models": {"models"},
    "access": {"models"},
    "accounts": {"models"},
    "ended_notice": {"models"},
    "history": {"models"},
    "login_records": {"models"},
    "retention": {"models", "naming", "pacing"},
    "naming": {"geoip", "models"},
    "novelty": {"hints", "models"},
    "limits": {"models", "naming", "sign_in_lock", "time_limit"},
    "paging": {"models"},
    "receipt": {"models"},
    "restore": {"models"},
    "sign_in_delay": {"client", "models"},
    "sign_in_lock": {"bounded_wait", "models"},
    "triggers": {"models"},
    # The only writers of events and terminations
    "ending": {"models"},
    "parallel": {"ending", "models", "sign_in_lock"},
    "walk": {"ending", "models"},
    "sweep": {"bounded_wait", "ending", "models", "pacing", "receipt", "retention", "search", "sign_in_lock", "walk"},
    "renames": {"models", "naming", "pacing"},
    "networks": {"geoip", "models", "naming", "origin", "pacing", "renames"},
    "habits": {"geoip", "hints", "models", "naming", "origin"},
    "day_counts": {"models", "pacing"},
    "worker": {
        *("day_counts", "models", "networks", "pacing", "renames", "restore", "retention", "search", "sweep", "walk"),
    },
    "mail": {"hints", "models", "moments", "naming", "novelty"},
    "postman": {"mail", "models"},
    "services": {
        *("bounded_wait", "ending", "geoip", "habits", "models", "naming", "networks"),
        *("origin", "parallel", "sign_in_lock", "sweep", "time_limit"),
    },
    "passwords": {"ending", "models", "services"},
    # The engine
    "backends": {
        *("backends", "ending", "habits", "models", "networks", "origin", "parallel", "services", "sweep"),
    },
    "middleware": {
        *("backends", "ended_notice", "models", "origin", "outage", "parallel", "passwords", "services"),
    },
    "receivers": {"backends", "history", "models", "passwords", "renames", "search", "services", "triggers"},
    # The pages
    "search": {"login_records", "models", "paging", "search", "time_limit"},
    "criteria": {"client", "geoip", "login_records", "models", "renames", "search", "useragent"},
    "overview": {"day_counts", "filters", "geoip", "map", "models", "rows", "search", "time_limit", "useragent"},
    "network_form": {"choice_fields", "geoip", "models"},
    "listing": {"paging", "search", "time_limit"},
    "filters": {"criteria", "login_records", "models", "search"},
    "exports": {"filters", "geoip", "login_records", "models", "naming", "sheet", "time_limit"},
    "saved_views": {"choice_fields", "filters", "models"},
    "reviews": {
        *("exports", "filters", "geoip", "models", "naming", "preview", "services", "sheet", "sign_in_lock"),
        *("time_limit",),
    },
    "icons": set(),
    "moments": {"limits"},
    "rows": {"access", "criteria", "geoip", "hints", "icons", "limits", "models", "moments", "naming"},
    "record_rows": {"geoip", "login_records", "models", "naming", "rows"},
    "choice_fields": {"criteria", "models"},
    "selection": {"filters", "models", "naming"},
    "preview": {"geoip", "models", "search", "sign_in_lock", "time_limit"},
    "proof": {"access", "models", "preview", "sign_in_delay"},
    "suggestions": {"criteria", "filters", "geoip", "models", "search", "time_limit"},
    "templatetags": {"access", "geoip", "icons", "limits", "models", "moments", "naming", "rows"},
    "views": {
        *("access", "exports", "filters", "geoip", "habits", "hints", "limits", "listing", "login_records", "models"),
        *("origin_changes", "outage", "paging", "passwords", "preview", "proof", "receipt", "refusals", "restore"),
        *("record_rows", "reviews", "rows"),
        *("saved_views", "search", "selection", "services", "sheet", "sign_in_delay", "suggestions", "time_limit"),
        *("useragent",),
        *("choice_fields", "client", "map", "network_form", "networks", "overview"),
    },
    "urls": {"views"},
    "admin": {"access", "models", "passwords"},
    # What Django starts from
    "apps": {"checks", "mail_checks", "models", "receivers"},
    "checks": {"backends", "client", "geoip", "history", "middleware", "models", "restore", "search", "triggers"},
    "mail_checks": set(),
    "demo_addresses": set(),
    "demo_oddities": set(),
    "demo_records": {"models", "naming", "origin", "selection", "services"},
    "demo_people": {"checks", "demo_addresses", "models"},
    "demo": {
        *("backends", "day_counts", "demo_addresses", "demo_oddities", "demo_people", "demo_records", "geoip"),
        *("habits", "hints", "models", "networks", "origin", "pacing", "services", "sign_in_lock", "useragent"),
    },
    "management": {
        *("checks", "demo", "demo_people", "filters", "models", "postman", "preview", "restore", "retention"),
        *("selection", "services", "sweep", "worker"),
    },
}
MODULES = sorted(path for path in APP.rglob("*.py") if "migrations" not in path.parts)


def name_of(path: Path) -> str:
    """Return the name under which the module, or its folder, stands in the table."""
    return path.relative_to(APP).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Give the name of each module of the app that the module imports, also late or for annotations alone."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dotted = [f"{package_of(path, node)}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in dotted if name.startswith("sessions_ui."))


def package_of(path: Path, node: ast.ImportFrom) -> str:
    """Return the dotted name from which the statement imports."""
    if not node.level:
        return node.module or ""
    package = path.relative_to(APP.parent).parts[: -node.level]
    return ".".join([*package, *filter(None, [node.module])])


class ImportsTests:
    @pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(APP)))
    def test_are_those_of_the_table(self, path: Path) -> None:
        if path.relative_to(APP) != Path("__init__.py"):
            assert set(imported(path)) <= TABLE[name_of(path)]

    def test_are_found_however_they_are_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tests.test_imports.APP", tmp_path / "sessions_ui")
        module = tmp_path / "sessions_ui" / "views" / "page.py"
        module.parent.mkdir(parents=True)
        module.write_text(
            "import os, sessions_ui.a.x\nfrom sessions_ui import b\nfrom sessions_ui.c import x\n"
            "from .. import d\nfrom ..e.f import x\nfrom . import g\ndef late():\n    from sessions_ui.h import x\n"
        )
        assert list(imported(module)) == ["a", "b", "c", "d", "e", "views", "h"]


class TableTests:
    def test_names_no_module_that_is_gone(self) -> None:
        assert {*TABLE, *set().union(*TABLE.values())} <= {name_of(path) for path in MODULES}

    def test_points_one_way(self) -> None:
        left = {name: allowed - {name} for name, allowed in TABLE.items()}
        while free := {name for name, allowed in left.items() if not allowed & left.keys()}:
            left = {name: allowed for name, allowed in left.items() if name not in free}
        assert left == {}

    def test_keeps_views_apart_and_off_the_engine(self) -> None:
        assert not TABLE["views"] & {"views", "backends", "middleware", "receivers"}

    def test_lets_models_and_readers_stand_alone(self) -> None:
        assert TABLE["models"] == {"models"}
        assert not TABLE["client"] | TABLE["geoip"] | TABLE["useragent"]
