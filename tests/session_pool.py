"""What tests of the session ids share: a terminal's folder, a clock, and what sessions leave in the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clocks import FakeClock

__all__ = ["clock", "home", "queue", "record"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "userdata_mini"
    folder.mkdir()
    (folder / "up_queue_xtquant").write_bytes(b"terminal")
    return folder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def queue(home: Path, session_id: int, side: str = "down") -> Path:
    """What a started session leaves."""
    path = home / f"{side}_queue_{session_id}"
    path.write_bytes(b"x" * 10)
    return path


def record(home: Path, session_id: int) -> dict[str, object]:
    """What is noted of an id's last use."""
    found = json.loads((home / "easytrader_qmt" / f"session_{session_id}.json").read_text())
    assert isinstance(found, dict)
    return found
