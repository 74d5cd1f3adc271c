"""Fills a database, for what is measured on it without servers."""

import json
import os

import django


def main() -> None:
    django.setup()
    # It imports models.
    from bench.termination.seed import seed

    seed(int(os.environ["BENCH_SESSIONS"]))
    print(json.dumps(None))


if __name__ == "__main__":
    main()
