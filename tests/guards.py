"""Take out each guard of DESIGN.md in turn and expect its tests to go red: `python -m tests.guards`.

A guard whose loss no test notices is not guarded itself. Works in a copy of the
checkout, on the database that DATABASE_URL names.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TESTS = [
    *("tests/engine/test_orders.py", "tests/engine/test_scopes.py", "tests/engine/test_terminate.py"),
    *("tests/engine/test_load.py", "tests/engine/test_save.py", "tests/engine/test_ending.py"),
    *("tests/engine/test_sign_in_lock.py", "tests/races/test_every_order.py"),
    "tests/races/test_parallel_limit.py",
]
LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", ".mypy_cache", ".ruff_cache", "docs")
ALL_PASSED, SOME_FAILED = 0, 1


@dataclass(frozen=True)
class Guard:
    """What keeps an ended session out, and the code without it."""

    name: str
    file: str
    code: str
    without: str

    def is_in(self, checkout: Path) -> bool:
        """Return whether the code is as it is written here, exactly once."""
        return self.path(checkout).read_text().count(self.code) == 1

    def take_out(self, checkout: Path) -> str:
        """Change the code and return what it was."""
        path = self.path(checkout)
        text = path.read_text()
        path.write_text(text.replace(self.code, self.without))
        return text

    def path(self, checkout: Path) -> Path:
        return checkout / "sessions_ui" / self.file


GUARDS = [
    Guard("scope: what is covered is refused", "backends/lookup.py", "if refused:", "if False:"),
    Guard(
        "reading: a verdict that missed a termination says nothing",
        "backends/lookup.py",
        'if self.fence.known != {UUID(one) for ids in (unfinished, limits) if ids for one in ids.split(",")}:',
        "if False:",
    ),
    Guard(
        "fence: a save writes only if no termination has begun since",
        "backends/db.py",
        "same.live(fence).filter(fence.complete).update(",
        "same.live(fence).update(",
    ),
    Guard(
        "cut-off: who signs in afterwards is not covered",
        "models/scopes.py",
        "within = Q(id__lte=self.cut_off) & SIGNED_IN & reach_q(self.reach)",
        "within = SIGNED_IN & reach_q(self.reach)",
    ),
    Guard(
        "cut-off: a sign-in under way is waited for, or covered",
        "sign_in_lock.py",
        'cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [KEY])',
        "pass",
    ),
    Guard(
        "limit of parallel sessions: a sign-in under way is waited for, or not counted",
        "limits.py",
        "        sign_in_lock.hold_alone(using)\n",
        "",
    ),
    Guard(
        "limit of parallel sessions: the sign-ins of one person take turns",
        "parallel.py",
        "    sign_in_lock.take_turns(user.pk, using)\n",
        "",
    ),
    Guard(
        "spared: one's own session goes on",
        "models/scopes.py",
        "return within if self.spared is None else within & ~Q(id=self.spared)",
        "return within",
    ),
    Guard(
        "whose: nothing beyond the actor's reach",
        "models/scopes.py",
        "within = Q(id__lte=self.cut_off) & SIGNED_IN & reach_q(self.reach)",
        "within = Q(id__lte=self.cut_off) & SIGNED_IN",
    ),
    Guard(
        "application: a key opens only where it was issued",
        "backends/lookup.py",
        ".of_application(application)\n",
        "\n",
    ),
]


def tests_of(checkout: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:playwright", *TESTS]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, check=False).returncode


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="sessionadmin-guards-") as folder:
        checkout = Path(folder) / "checkout"
        shutil.copytree(CHECKOUT, checkout, ignore=LEFT_BEHIND)
        if tests_of(checkout) != ALL_PASSED:
            print("The tests fail with every guard in its place; that comes first.")
            return 1
        unnoticed = [guard for guard in GUARDS if not is_noticed(guard, checkout)]
    print(f"{len(GUARDS) - len(unnoticed)} of {len(GUARDS)} guards are noticed when they are gone.")
    return 1 if unnoticed else 0


def is_noticed(guard: Guard, checkout: Path) -> bool:
    before = guard.take_out(checkout)
    code = tests_of(checkout)
    guard.path(checkout).write_text(before)
    # Any other code is a test run that did not take place.
    noticed = code == SOME_FAILED
    print(f"{'red, as it must be' if noticed else f'NOT NOTICED (exit code {code})'}: {guard.name}", flush=True)
    return noticed


if __name__ == "__main__":
    sys.exit(main())
