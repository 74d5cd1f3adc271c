"""The guards that `make soak` takes out are where it looks for them."""

from pathlib import Path

import pytest

from .guards import CHECKOUT, GUARDS, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_is_in_the_code(guard: Guard) -> None:
    assert guard.is_in(CHECKOUT)


def test_is_noticed_when_the_code_has_changed(tmp_path: Path) -> None:
    guard = GUARDS[0]
    file = tmp_path / "sessions_ui" / guard.file
    file.parent.mkdir(parents=True)
    file.write_text("")
    assert not guard.is_in(tmp_path)
