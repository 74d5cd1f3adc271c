"""How much is tidied at a time: as much as holds nobody up."""

import pytest
from django.db import connection

from sessions_ui import pacing
from sessions_ui.pacing import Pace

from .clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def batches(pace: Pace, clock: Clock, *seconds: float) -> list[int]:
    """Run a batch for each of these lengths, and return how many rows each was given."""
    given = []
    for length in seconds:
        with pace.batch() as rows:
            clock.now += length
        given.append(rows)
    return given


class PaceTests:
    def test_follows_how_long_a_batch_took(self, clock: Clock) -> None:
        pace = Pace(100, aim=0.02, rest=0.05, times=2)
        assert batches(pace, clock, 0.01, 0.02, 0.08, 0.02) == [100, 200, 200, 50]

    def test_grows_by_no_more_than_twice(self, clock: Clock) -> None:
        assert batches(Pace(100, aim=0.02, rest=0.05, times=2), clock, 0.0001, 0.0001, 0.0001) == [100, 200, 400]

    def test_stays_within_its_bounds(self, clock: Clock) -> None:
        assert batches(Pace(100, aim=0.02, rest=0.05, times=2), clock, 9.0, 9.0) == [100, pacing.LEAST_ROWS]
        assert batches(Pace(4_000, aim=0.02, rest=0.05, times=2), clock, 0.001, 0.001) == [4_000, pacing.MOST_ROWS]

    def test_rests_between_two_batches_twice_as_long_as_the_last_took(self, clock: Clock) -> None:
        batches(Pace(100, aim=0.02, rest=0.05, times=2), clock, 0.01, 0.04, 0.01)
        assert clock.slept == [0.05, 0.08]

    def test_rests_at_least_so_long(self, clock: Clock) -> None:
        batches(Pace(100, aim=0.2, rest=0.0, times=0.5), clock, 0.01, 0.04)
        assert clock.slept == [0.005]

    def test_rests_longer_where_there_is_one_writer_at_a_time(self, db: None) -> None:
        assert (Pace.of("default").times > 1) == (connection.vendor == "sqlite")

    def test_asks_before_each_batch(self, clock: Clock) -> None:
        asked: list[int] = []
        batches(Pace(100, aim=0.2, rest=0.0, times=0.5, between=lambda: asked.append(1)), clock, 0.1, 0.1)
        assert len(asked) == 2
