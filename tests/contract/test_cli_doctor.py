"""``easytrader-qmt doctor``: which terminal it looks at, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from loguru import logger

from easytrader_qmt.api import use
from easytrader_qmt.cli import main
from easytrader_qmt.errors import ConnectError
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.process import spawn


@pytest.fixture
def home(tmp_path: Path) -> Iterator[str]:
    terminal = Terminal(tmp_path / "userdata_mini", settings=TerminalSettings(session_gap=0.0))
    yield terminal.home
    terminal.close()


def run(*words: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *words], env=env)


def test_every_way_to_name_the_terminal(home: str, tmp_path: Path) -> None:
    config = tmp_path / "qmt.json"
    config.write_text(json.dumps({"miniqmt_path": home}), encoding="utf-8")
    named = run(home)
    assert named.exit_code == 0, named.output
    assert home in named.stdout
    assert "【仿真】" in named.stdout
    for found in (
        run("--path", home),
        run(EASYTRADER_QMT_PATH=home),
        run("--config", str(config)),
        run(EASYTRADER_QMT_CONFIG=str(config)),
        run("--sim", home),
        run(home, EASYTRADER_QMT_PATH="elsewhere"),
    ):
        assert _steady(found.stdout) == _steady(named.stdout)


def _steady(shown: str) -> str:
    """What does not change from one moment to the next, as the free space of the disk does."""
    return re.sub(r"\d[\d,.]* [KMGT]i?B", "…", shown)


def test_with_an_account_it_connects(home: str, tmp_path: Path) -> None:
    config = tmp_path / "qmt.json"
    config.write_text(json.dumps({"miniqmt_path": home, "stock_account": "SIM0000000001"}), encoding="utf-8")
    assert "实际连接" not in run(home).stdout
    for found in (
        run(home, "--account", "SIM0000000001"),
        run(home, EASYTRADER_QMT_ACCOUNT="SIM0000000001"),
        run("--config", str(config)),
    ):
        assert "实际连接：connect() 返回 0" in found.stdout
        assert found.exit_code == 0


def test_the_simulation_needs_no_path() -> None:
    found = run("--sim")
    assert found.exit_code == 0, found.output
    assert "【仿真】" in found.stdout


def test_sim_is_never_a_real_folder(tmp_path: Path) -> None:
    found = run("--sim", str(tmp_path))
    assert found.exit_code == 1
    assert found.stdout == ""
    assert "没有正在运行的仿真终端" in found.stderr


def test_no_path_at_all_is_a_usage_error() -> None:
    found = run()
    assert found.exit_code == 2
    assert "--sim" in found.stderr


def test_what_is_wrong_ends_with_1(tmp_path: Path) -> None:
    missing = run(str(tmp_path / "nowhere"))
    assert missing.exit_code == 1
    assert "有问题" in missing.stdout
    config = tmp_path / "qmt.json"
    config.write_text("{", encoding="utf-8")
    broken = run("--config", str(config))
    assert broken.exit_code == 2
    assert "qmt.json" in broken.stderr


def test_the_settings_are_those_of_connect(home: str, tmp_path: Path) -> None:
    settings = {
        "miniqmt_path": home,
        "stock_account": "SIM0000000002",
        "account_type": "credit",
        "session_ids": [300, 302],
    }
    config = tmp_path / "qmt.json"
    config.write_text(json.dumps(settings), encoding="utf-8")
    found = run("--config", str(config))
    assert found.exit_code == 0, found.output
    assert "300–302 中空闲 3 个" in found.stdout
    assert "connect() 返回 0（会话ID 300）" in found.stdout
    config.write_text(json.dumps({**settings, "session_id": 77}), encoding="utf-8")
    assert "connect() 返回 0（会话ID 77）" in run("--config", str(config)).stdout
    assert run(home, "--account", "SIM0000000002", "--account-type", "CREDIT").exit_code == 0


def test_an_account_of_another_type_is_blamed_and_not_the_terminal(home: str) -> None:
    found = run(home, "--account", "SIM0000000002")
    assert found.exit_code == 1
    [line] = [line for line in found.stdout.splitlines() if "有问题]" in line]
    assert line.startswith("[有问题] 订阅账户")
    assert "--account-type CREDIT" in line
    unknown = run(home, "--account", "SIM0000000002", "--account-type", "CREDITS")
    assert unknown.exit_code == 1
    assert "[有问题] 实际连接" in unknown.stdout
    assert "Traceback" not in unknown.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stock_account", 8800001),
        ("stock_account", ""),
        ("account_type", 3),
        ("session_ids", [119, 100]),
        ("session_id", "x"),
        ("miniqmt_path", 5),
    ],
)
def test_a_setting_that_connect_refuses_is_named(home: str, tmp_path: Path, name: str, value: object) -> None:
    config = tmp_path / "qmt.json"
    config.write_text(json.dumps({"miniqmt_path": home, name: value}), encoding="utf-8")
    found = run("--config", str(config))
    assert found.exit_code == 2
    assert isinstance(found.exception, SystemExit)  # and no traceback
    assert f"错误：{name}={value!r} 无效" in found.stderr


# --- simulated terminals -------------------------------------------------------------------------


def test_a_simulated_terminal_may_live_anywhere(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "udm", settings=TerminalSettings(session_gap=0.0))
    try:
        for words in ((terminal.home,), ("--sim", terminal.home), ("--sim", "--path", terminal.home)):
            found = run(*words)
            assert found.exit_code == 0, found.output
            assert "仿真终端正在运行" in found.stdout
        terminal.crash()
        crashed = run(terminal.home, "--account", "SIM0000000001")
    finally:
        terminal.close()
    assert crashed.exit_code == 1
    assert "user.terminal.restart()" in crashed.stdout
    assert "实际连接" not in crashed.stdout


@pytest.mark.parametrize("killed", [False, True])
def test_a_stopped_terminal_process_is_said_to_be_stopped(tmp_path: Path, killed: bool) -> None:
    folder = tmp_path / "udm"
    with spawn(folder, connect_timeout=0.0) as process:
        assert run("--sim", "--path", str(folder)).exit_code == 0
        if killed:
            process.kill()
    start = f'python -m easytrader_qmt sim terminal "{folder}"'
    for words in ((str(folder),), ("--sim", str(folder), "--account", "SIM0000000001")):
        found = run(*words)
        assert found.exit_code == 1
        wrong = [line for line in found.stdout.splitlines() if line.startswith("[有问题]")]
        assert len(wrong) == 1
        assert "没有正在运行的仿真终端" in wrong[0]
        assert start in wrong[0]
    asked = CliRunner().invoke(main, ["balance", "--sim", "--path", str(folder)])
    logger.remove()  # a command that connects speaks to the console
    assert asked.exit_code == 1
    assert "可能的原因：1. 仿真终端没有运行" in asked.stderr
    assert start in asked.stderr
    assert "userdata_mini" not in asked.stderr


def test_a_folder_without_a_simulated_terminal(tmp_path: Path) -> None:
    user = use("sim")
    with pytest.raises(ConnectError, match="仿真终端没有运行") as caught:
        user.connect(str(tmp_path))
    assert "不是 userdata_mini" not in str(caught.value)
    assert "直接 user.connect()" in str(caught.value)
    user.terminal.faults.refuse_connects(1)
    with pytest.raises(ConnectError, match=r"terminal\.faults") as caught:
        user.connect()
    # No other process could look at it.
    assert "easytrader_qmt doctor" not in str(caught.value)
