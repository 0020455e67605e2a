"""Fixtures for the link between stand-in clients and a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from easytrader_qmt.sim.link_server import LinkLimits
from tests.link_peers import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "userdata_mini")
    yield made
    made.close()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Served]:
    """A server without patience."""
    limits = LinkLimits(
        clients=2, strangers=2, handshake_seconds=0.2, stall_seconds=0.2, ping_seconds=0.05, resume_rows=100
    )
    made = Served(tmp_path / "userdata_mini", limits)
    yield made
    made.close()
