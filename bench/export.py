"""Time and memory of an export of every session: `DATABASE_URL=… python -m bench.export`.

The database is one that `python -m bench.search` has filled, or a copy of it. Prints a line of bench/EXPORT.md.
"""

import os
import resource
import time

import django
from django.db import connection
from django.http import QueryDict


def peak() -> float:
    """Return the most memory that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sessionadmin.settings")
    django.setup()
    # It imports models.
    from django.contrib.auth.models import User

    from sessions_ui import exports
    from sessions_ui.filters import SessionFilter
    from sessions_ui.models import Export
    from sessions_ui.models.reaches import ALL

    wanted = SessionFilter(QueryDict(os.environ.get("BENCH_QUERY", "")), ALL)
    wanted.is_valid()
    by, _ = User.objects.get_or_create(username="bench-export")
    begun, begun_cpu, size = time.perf_counter(), time.process_time(), 0
    file = exports.begin(exports.SESSIONS, wanted, by, own=None)
    size += len(next(file)) + len(next(file))
    after_a_page = peak()
    size += sum(map(len, file))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    export = Export.objects.filter(actor=by).latest("id")
    cells = [connection.vendor, f"{export.rows:,}", f"{seconds:.0f} s", f"{cpu:.0f} s"]
    cells += [f"{size / 2**20:.0f} MiB", f"{after_a_page:.0f} MiB", f"{peak():.0f} MiB"]
    print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
