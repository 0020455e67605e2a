"""What is different on Windows, as far as it can be seen elsewhere: each test puts in Windows' answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from easytrader_qmt.miniqmt import vendor
from easytrader_qmt.sim import link_handshake, process, spawned
from easytrader_qmt.sim.link_frames import BrokenLinkError
from easytrader_qmt.sim.link_home import Address


def test_a_virtual_environment_starts_the_interpreter_behind_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There python.exe is a redirector whose process id is not the terminal's."""
    base = str(tmp_path / "python.exe")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "_base_executable", base, raising=False)
    python, environment = spawned._interpreter()
    assert (python, environment["__PYVENV_LAUNCHER__"]) == (base, sys.executable)
    monkeypatch.setattr(sys, "_base_executable", sys.executable)
    python, environment = spawned._interpreter()
    assert python == sys.executable
    assert "__PYVENV_LAUNCHER__" not in environment


def test_without_a_console_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)  # pythonw
    process._say("仿真终端已就绪")


@pytest.mark.parametrize(("listens", "reached"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.5",) * 2])
def test_a_terminal_that_listens_everywhere_is_reached_on_the_loopback(
    listens: str, reached: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def connect(address: tuple[str, int], seconds: float) -> None:
        asked.append(address[0])
        raise OSError(10049, "在其上下文中，该请求的地址无效。")

    monkeypatch.setattr(link_handshake.link_home, "read_address", lambda _: Address(listens, 5, 1))
    monkeypatch.setattr(link_handshake.link_home, "read_key", lambda _: b"k" * 32)
    monkeypatch.setattr(link_handshake.socket, "create_connection", connect)
    with pytest.raises(BrokenLinkError):
        link_handshake.reach("x", "client", 1.0)
    assert asked == [reached]


def test_the_vendors_quotes_do_not_greet_on_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """The greeting would stand before the JSON of a command."""
    package, xtdata = ModuleType("a_copy_of_xtquant"), ModuleType("a_copy_of_xtquant.xtdata")
    greets: list[bool] = []
    xtdata.enable_hello = True  # type: ignore[attr-defined]
    xtdata.get_instrument_detail = lambda code, *_: greets.append(xtdata.enable_hello)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, xtdata.__name__, xtdata)
    quotes = vendor._xtdata_quotes(package)
    assert quotes is not None
    quotes.day_quote("600036.SH")
    assert greets
    assert not any(greets)


@pytest.mark.parametrize(("encoding", "spoken"), [("gbk", "gbk"), ("cp1252", "utf-8"), ("utf-8", "utf-8")])
def test_a_pipe_that_has_chinese_keeps_its_encoding(encoding: str, spoken: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "easytrader_qmt", "--help"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=True,
    )
    assert "用法：" in done.stdout.decode(spoken)
