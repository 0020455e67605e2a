"""The short form of the soak: days, outages and quiet hours leave nothing behind."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import soak

SEED = 5


def test_days_leave_no_thread_and_no_file_behind_and_bound_the_log(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    with closing(soak.Soak(tmp_path, SEED)) as bot:
        first, *_, last = soak.days(bot, 2.0)
    assert last.number >= 3
    assert last.readies == 9
    assert last.events > 320
    assert (last.threads, last.files) == (first.threads, first.files)
    # 320 orders, half of them cancelled, and 9 outages; a line for each step of each, and none for a quiet hour.
    assert last.log_lines < 3000


@pytest.mark.parametrize(
    ("values", "growth"), [([5, 5, 5, 5], 0.0), ([0, 0, 1, 3, 5, 7], 2.0), ([9, 1, 1, 1], 0.0), ([3], 0.0)]
)
def test_a_slope_is_that_of_the_later_half(values: list[float], growth: float) -> None:
    assert soak.slope(values) == pytest.approx(growth)
