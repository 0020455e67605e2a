"""The command line against the simulated terminal: what it prints, and what its exit status says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from loguru import logger

from easytrader_qmt.cli import main
from easytrader_qmt.sim.process import spawn


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "userdata_mini"
    with spawn(directory, connect_timeout=0.0, session_gap=0.0):
        yield directory


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    yield
    logger.remove()


def run(*words: str, home: Path | None = None, **more: object) -> Result:
    where = ["--sim"] if home is None else ["--sim", "--path", str(home)]
    return CliRunner().invoke(main, [*words, *where], **more)


def test_queries_speak_three_languages(home: Path) -> None:
    bought = run("buy", "600036", "200", "--price", "35.5", "--yes", home=home)
    assert bought.exit_code == 0, bought.output
    table = run("orders", home=home)
    assert table.exit_code == 0
    assert "委托数量" in table.stdout
    assert "600036.SH" in table.stdout
    rows = json.loads(run("orders", "--json", home=home).stdout)
    assert [row["order_volume"] for row in rows] == [200]
    lines = list(csv.DictReader(io.StringIO(run("trades", "--csv", home=home).stdout)))
    assert [line["traded_volume"] for line in lines] == ["200"]
    assert json.loads(run("position", "--json", home=home).stdout)[0]["volume"] == 200
    assert json.loads(run("balance", "--json", home=home).stdout)[0]["account_id"] == "SIM0000000001"
    assert json.loads(run("orders", "--json", "--status", "已撤", home=home).stdout) == []


def test_the_simulation_says_what_it_is() -> None:
    assert "仿真" in run("balance").stderr


def test_exit_status_of_orders(home: Path) -> None:
    refused = run("sell", "600519", "100", "--price", "1400", "--yes", home=home)
    assert refused.exit_code == 3
    assert "证券可用数量不足" in refused.stderr
    odd = run("buy", "600036", "150", "--price", "35.5", "--yes", home=home)
    assert odd.exit_code == 2
    assert "数量" in odd.stderr
    assert run("buy", "600036", "100", "--yes", home=home).exit_code == 2


def test_an_order_in_doubt_has_a_status_of_its_own(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "quick.json"
    config.write_text(json.dumps({"call_timeout": 0.3}), encoding="utf-8")
    from easytrader_qmt.sim.link_client import control

    with control(home) as terminal:
        terminal.faults.lose_responses(1)
    found = run("buy", "600036", "100", "--price", "35.5", "--yes", "--config", str(config), home=home)
    assert found.exit_code == 5
    assert "请勿重发" in found.stderr


def test_an_order_asks_first(home: Path) -> None:
    answer = run("buy", "600036", "100", "--price", "35.5", home=home, input="n\n")
    assert answer.exit_code == 4
    assert json.loads(run("orders", "--json", home=home).stdout) == []
    assert run("buy", "600036", "100", "--price", "35.5", home=home, input="y\n").exit_code == 0
    assert len(json.loads(run("orders", "--json", home=home).stdout)) == 1


def test_cancel_by_number_by_sysid_and_all(home: Path) -> None:
    for _ in range(3):
        run("buy", "600036", "100", "--price", "33", "--yes", home=home)
    orders = json.loads(run("orders", "--json", home=home).stdout)
    assert run("cancel", str(orders[0]["order_id"]), home=home).exit_code == 0
    assert run("cancel", "--sysid", orders[1]["order_sysid"], "--market", "SH", home=home).exit_code == 0
    assert run("cancel", "--all", home=home).exit_code == 0
    after = json.loads(run("orders", "--json", home=home).stdout)
    assert [row["order_status_name"] for row in after] == ["已撤"] * 3
    assert run("cancel", "999", home=home).exit_code == 1
    assert run("cancel", home=home).exit_code == 2
    for ignored in (("--sysid", "1"), ("1", "--market", "SH"), ("1", "--security", "600036")):
        assert run("cancel", *ignored, home=home).exit_code == 2


def test_an_interrupted_cancel_says_that_it_may_be_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from easytrader_qmt.miniqmt.cancels import CancelDesk

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CancelDesk, "by_number", interrupted)
    found = run("cancel", "1", home=home)
    assert found.exit_code == 5
    assert "重复撤单是安全的" in found.stderr
    assert "请勿重发" not in found.stderr


@pytest.mark.parametrize("name", ["qmt.toml", "qmt.json"])
def test_connection_from_a_file(home: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name.endswith("toml"):
        file.write_text(f"miniqmt_path = '{home}'\nstock_account = 'SIM0000000009'\n", encoding="utf-8")
    else:
        file.write_text(
            json.dumps({"miniqmt_path": str(home), "stock_account": "SIM0000000009"}), encoding="utf-8"
        )
    found = CliRunner().invoke(main, ["balance", "--sim", "--json", "--config", str(file)])
    assert json.loads(found.stdout)[0]["account_id"] == "SIM0000000009"


def test_connection_from_the_environment(home: Path) -> None:
    env = {"EASYTRADER_QMT_PATH": str(home), "EASYTRADER_QMT_ACCOUNT": "SIM0000000008"}
    found = CliRunner().invoke(main, ["balance", "--sim", "--json"], env=env)
    assert json.loads(found.stdout)[0]["account_id"] == "SIM0000000008"


def test_a_bad_file_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"reconnect_intervall": 5}', encoding="utf-8")
    found = CliRunner().invoke(main, ["balance", "--sim", "--config", str(file)])
    assert found.exit_code == 2
    assert "reconnect_intervall" in found.output


def test_no_terminal_is_an_error_not_a_simulation(tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["balance", "--path", str(tmp_path), "--account", "1000000365"])
    assert found.exit_code == 1
    assert "use('sim')" in found.stderr


def test_watch_draws_and_ends(home: Path) -> None:
    run("buy", "600036", "100", "--price", "33", "--yes", home=home)
    found = run("watch", "--seconds", "0.2", home=home)
    assert found.exit_code == 0
    for text in ("资金", "持仓", "最近的事件", "600036.SH", "仿真"):
        assert text in found.stdout


@pytest.mark.parametrize("name", ["balance", "position", "orders", "trades"])
def test_one_form_at_a_time(name: str) -> None:
    found = run(name, "--json", "--csv")
    assert found.exit_code == 2
    assert found.stdout == ""
    assert "--json 和 --csv 只能给一个" in found.stderr
