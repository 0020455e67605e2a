"""Fixtures for outages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from easytrader_qmt.sim import Terminal
from tests.rig import Rig


@pytest.fixture
def new_rig(terminal: Terminal) -> Iterator[Callable[..., Rig]]:
    """Makes traders whose reconnect waits pass at once; not connected yet, closed at the end."""
    made: list[Rig] = []

    def make(**words: bool) -> Rig:
        made.append(Rig(terminal, **words))
        return made[-1]

    yield make
    for rig in made:
        rig.leave()


@pytest.fixture
def rig(new_rig: Callable[..., Rig]) -> Rig:
    """A connected trader whose reconnect waits pass at once."""
    return new_rig().connect()
