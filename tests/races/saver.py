"""Load, change and save the session of each key on the input, and answer with the key that is left."""

import sys

import django


def main() -> None:
    django.setup()
    # It imports models.
    from tests.races.test_random import change, delay

    for number, line in enumerate(sys.stdin):
        print(change(line.strip(), delay(), rotate=bool(number % 2)), flush=True)


if __name__ == "__main__":
    main()
