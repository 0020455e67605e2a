"""One look at the kill switch for many orders: never older than 20 milliseconds, never blind to a turn here."""

from __future__ import annotations

from pathlib import Path

import pytest

from easytrader_qmt.kill_switch import Glance, KillSwitch
from tests.clocks import FakeClock


def test_it_looks_again_before_it_gets_old(tmp_path: Path) -> None:
    clock, file = FakeClock(), tmp_path / "kill"
    glance = Glance(KillSwitch(str(file), clock), clock)
    assert not glance.on()
    file.write_text("", encoding="utf-8")
    clock.pass_(0.03)
    assert glance.on()
    file.unlink()
    clock.pass_(0.03)
    assert not glance.on()


def test_it_does_not_look_for_each_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, looks = FakeClock(), []
    switch = KillSwitch(str(tmp_path / "kill"), clock)
    monkeypatch.setattr(switch, "on", lambda: bool(looks.append(1)))
    glance = Glance(switch, clock)
    for _ in range(100):
        assert not glance.on()
    assert len(looks) == 1


def test_a_turn_in_this_process_is_seen_at_once(tmp_path: Path) -> None:
    clock = FakeClock()
    switch = KillSwitch(str(tmp_path / "kill"), clock)
    glance = Glance(switch, clock)
    switch.turn_on("停")
    assert glance.on()
