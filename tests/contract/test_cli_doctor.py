"""``easytrader-qmt doctor``: which terminal it looks at, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from easytrader_qmt.cli import main
from easytrader_qmt.sim import Terminal, TerminalSettings


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
    assert broken.exit_code == 1
    assert "qmt.json" in broken.stderr
