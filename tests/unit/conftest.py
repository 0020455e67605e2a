"""Fixtures for parts by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from easytrader_qmt.miniqmt.policy import ReconnectPolicy
from tests.facade import SOON
from tests.supervising import Supervised


@pytest.fixture
def new_rig() -> Iterator[Callable[..., Supervised]]:
    made: list[Supervised] = []

    def make(**words: object) -> Supervised:
        made.append(Supervised(ReconnectPolicy(**{"heartbeat": 0.0, **words})))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for rig in made:
        assert rig.supervisor.stop(SOON)
