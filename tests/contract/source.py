"""Django's own tests, which are not in the installed package: fetched once by pip and kept in var/."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import django

KEPT = Path(__file__).resolve().parent.parent.parent / "var" / "django-source"


def django_tests() -> Path | None:
    """Return the folder of the installed Django's tests, or none when they are neither kept nor to be fetched."""
    version = django.get_version()
    tests = KEPT / version / "tests"
    return tests if tests.is_dir() or fetched(version) else None


def fetched(version: str) -> bool:
    """Put the source of this Django into the kept folder, whole or not at all; tell whether that worked."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--retries=1", "--no-deps", "--no-binary=Django"]
        pip += [f"--dest={scratch}", f"Django=={version}"]
        if subprocess.run(pip, stderr=subprocess.DEVNULL, check=False).returncode:
            return False
        archive = next(Path(scratch).glob("*.tar.gz"))
        shutil.unpack_archive(archive, scratch)
        (Path(scratch) / archive.name.removesuffix(".tar.gz")).rename(KEPT / version)
    return True
