"""The kill switch's file while another process holds it open, as Windows sees it: tried again for a moment."""

from __future__ import annotations

import json
import ntpath
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt import kill_switch
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.kill_switch import KillSwitch
from tests.clocks import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def switch(tmp_path: Path, clock: FakeClock) -> KillSwitch:
    return KillSwitch(str(tmp_path / "kill"), clock)


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int], None]]:
    """Lets a call of ``os`` fail as often as told, as Windows does while somebody reads the file."""

    def refuse(name: str, times: int) -> None:
        real, left = getattr(os, name), [times]

        def act(*args: Any) -> None:
            if left[0] > 0:
                left[0] -= 1
                raise PermissionError(13, "另一个程序正在使用此文件，进程无法访问。")
            real(*args)

        monkeypatch.setattr(os, name, act)

    return refuse


def test_a_file_being_read_is_replaced_a_moment_later(
    switch: KillSwitch, clock: FakeClock, refuse: Callable[[str, int], None], tmp_path: Path
) -> None:
    refuse("replace", 2)
    assert switch.turn_on("停") is True
    assert json.loads((tmp_path / "kill").read_text(encoding="utf-8"))["reason"] == "停"
    assert clock.slept == [0.02] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["kill"]


def test_a_file_being_read_is_removed_a_moment_later(
    switch: KillSwitch, clock: FakeClock, refuse: Callable[[str, int], None], tmp_path: Path
) -> None:
    switch.turn_on("停")
    refuse("remove", 2)
    switch.turn_off()
    assert not switch.on()
    assert list(tmp_path.iterdir()) == []
    assert clock.slept == [0.02] * 2


def test_one_that_stays_refused_is_said_and_orders_stay_stopped(
    switch: KillSwitch, clock: FakeClock, refuse: Callable[[str, int], None], tmp_path: Path
) -> None:
    switch.turn_on("停")
    refuse("remove", 99)
    with pytest.raises(InvalidArgument, match="删不掉"):
        switch.turn_off()
    assert switch.on()
    assert 1.0 < sum(clock.slept) < 2.0, "as long as a virus scanner may hold a file"


def test_a_draft_that_a_scanner_holds_is_not_needed(
    switch: KillSwitch, refuse: Callable[[str, int], None], tmp_path: Path, clock: FakeClock
) -> None:
    refuse("replace", 99)
    assert switch.turn_on("停") is True
    assert "停" in switch.reason()
    assert KillSwitch(str(tmp_path / "kill"), clock).on(), "for every process"


def test_a_text_file_made_by_hand_in_explorer_counts(
    switch: KillSwitch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Explorer does not show the ending of the name that it gives."""
    monkeypatch.setattr(kill_switch, "_ENDINGS", ("", ".txt"))
    assert not switch.on()
    (tmp_path / "kill.txt").touch()
    assert switch.on()
    assert switch.reason() == ""
    switch.turn_off()
    assert not switch.on()
    assert list(tmp_path.iterdir()) == []


def test_what_windows_says_of_a_drive_that_is_not_there(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is FileNotFoundError too, and what cannot be told counts as killed; a missing folder tells enough."""

    class NotThere(FileNotFoundError):
        winerror = 3

    def stat(path: str) -> None:
        raise NotThere(2, "系统找不到指定的路径。", path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        patch.setattr(os.path, "splitdrive", ntpath.splitdrive)
        patch.setattr(os.path, "isdir", lambda path: path.startswith("C:"))
        assert KillSwitch(r"Z:\stop.json", clock).on()
        assert KillSwitch(r"\\server\share\stop.json", clock).on()
        assert not KillSwitch(r"C:\nowhere\stop.json", clock).on()


def test_threads_that_turn_it_on_together_do_not_share_a_draft(
    switch: KillSwitch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, drafts, together = os.replace, set[str](), threading.Barrier(4)

    def replace(draft: str, path: str) -> None:
        drafts.add(draft)
        together.wait(20.0)
        real(draft, path)

    monkeypatch.setattr(os, "replace", replace)
    done: list[bool] = []
    threads = [threading.Thread(target=lambda: done.append(switch.turn_on("停"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (done, len(drafts)) == ([True] * 4, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["kill"]


class _Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("reason", "said"),
    [(ValueError("坏了"), "坏了"), (KeyError(), "KeyError"), ("\ud83d", "?"), (_Silent(), "_Silent")],
)
def test_any_reason_stops_every_process(reason: Any, said: str, tmp_path: Path, clock: FakeClock) -> None:
    """``except Exception as error: user.risk.kill(error)`` must stop the others too, and after a restart."""
    switch, other = KillSwitch(str(tmp_path / "kill"), clock), KillSwitch(str(tmp_path / "kill"), clock)
    assert switch.turn_on(reason)
    assert other.on()
    assert other.reason().startswith(f"{said}（")
    assert os.listdir(tmp_path) == ["kill"]
