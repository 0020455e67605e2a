"""``easytrader-qmt journal``: what it lists, filters and exports, and what it says where there is nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from easytrader_qmt.cli import main
from easytrader_qmt.clock import SystemClock, shanghai
from easytrader_qmt.drawing import cells_wide
from easytrader_qmt.errors import OrderInDoubt
from easytrader_qmt.folders import default_journal
from easytrader_qmt.journal import Intent, Journal
from easytrader_qmt.orders import limit_order
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader


def run(*words: str, path: Path | str | None = None) -> Result:
    where = [] if path is None else ["--path", str(path)]
    return CliRunner().invoke(main, ["journal", *where, *words])


@pytest.fixture
def path(new_user: Callable[..., SimTrader], terminal: Terminal) -> Path:
    """A journal with an order of each outcome."""
    user = new_user()
    user.connect(call_timeout=0.5, heartbeat_interval=0)
    user.buy("600036", 35.0, 100, client_order_id="grid-1", remark="网格第一层")
    user.buy("600999", 10.0, 100, client_order_id="refused")
    user.sell("000001", 11.3, 200, client_order_id="later")
    terminal.faults.lose_responses(1, placed=False)
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 34.0, 1000, client_order_id="doubt")
    user.drain()
    user.exit()
    return Path(default_journal(terminal.home))


def names(result: Result) -> list[str]:
    """The client order ids of what was exported."""
    assert result.exit_code == 0, result.output
    return [row["client_order_id"] for row in json.loads(result.stdout)]


def test_a_table_with_chinese_headings(path: Path) -> None:
    result = run(path=path)
    assert result.exit_code == 0
    heading, *rows, count = result.stdout.splitlines()
    assert heading.split()[:7] == ["时间", "资金账号", "证券", "方向", "价格", "数量", "结果"]
    assert count == "4 笔"
    for row, words in zip(
        rows,
        [
            ("600036.SH", "买入", "35.00", "100", "已报到", "grid-1", "网格第一层"),
            ("600999.SH", "被拒绝", "refused"),
            ("000001.SZ", "卖出", "后被拒绝", "later", "证券可用数量不足"),
            ("600036.SH", "34.00", "1,000", "结果未知", "doubt"),
        ],
        strict=True,
    ):
        for word in words:
            assert word in row
    starts = [cells_wide(line.partition("SIM")[0]) for line in rows]
    assert len(set(starts)) == 1
    assert cells_wide(heading.partition("资金账号")[0]) == starts[0]
    outcomes = [
        cells_wide(line[: line.index(word)])
        for line, word in zip(rows, ("已报", "被拒", "已报", "结果"), strict=True)
    ]
    assert len(set(outcomes)) == 1, "the columns are aligned although a Chinese character takes two cells"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["grid-1", "refused", "later", "doubt"]),
        (["--limit", "2"], ["later", "doubt"]),
        (["--outcome", "in_doubt"], ["doubt"]),
        (["--outcome", "已报到"], ["grid-1", "later"]),
        (["--security", "sh600036"], ["grid-1", "doubt"]),
        (["--account", "SIM0000000001"], ["grid-1", "refused", "later", "doubt"]),
        (["--account", "nobody"], []),
        (["--day", "2020-01-01"], []),
        (
            ["--day", shanghai(SystemClock().now()).strftime("%Y%m%d"), "--outcome", "refused"],
            ["refused", "later"],
        ),
        (["--outcome", "被拒绝", "--limit", "1"], ["later"]),
        (["--outcome", "refused", "--security", "600999"], ["refused"]),
        (["--security", "600036", "--outcome", "accepted", "--limit", "5"], ["grid-1"]),
    ],
)
def test_filters(words: list[str], found: list[str], path: Path) -> None:
    assert names(run(*words, "--export", "json", path=path)) == found
    table = run(*words, path=path)
    assert table.stdout.splitlines()[-1] == f"{len(found)} 笔"


def test_csv(path: Path) -> None:
    result = run("--export", "csv", path=path)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["outcome"] for row in rows] == ["accepted", "refused", "accepted", "in_doubt"]
    assert rows[0]["user_remark"] == "网格第一层"
    assert float(rows[3]["price"]) == 34.0
    assert run("--export", "csv", "--day", "2020-01-01", path=path).stdout.count("\n") == 1


@pytest.mark.parametrize("form", ["json", "csv"])
def test_json_and_csv_as_every_query_has_them(path: Path, form: str) -> None:
    asked = run(f"--{form}", "--outcome", "refused", path=path)
    assert asked.exit_code == 0
    assert asked.stdout == run("--export", form, "--outcome", "refused", path=path).stdout
    assert asked.stdout == run("--export", form, f"--{form}", "--outcome", "refused", path=path).stdout
    assert "证券可用数量不足" in asked.stdout


def test_the_simulated_terminals_own(path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = run("--json", path=path).stdout
    assert run("--sim", "--json", path=terminal.home).stdout == wanted
    assert run("--sim", "--json", path=path).stdout == wanted
    monkeypatch.setenv("EASYTRADER_QMT_PATH", terminal.home)
    assert run("--sim", "--json").stdout == wanted


def test_as_a_configuration_file_says(path: Path, tmp_path: Path) -> None:
    config = tmp_path / "qmt.json"

    def configured(*words: str, **given: object) -> Result:
        config.write_text(json.dumps(given), encoding="utf-8")
        return run("--config", str(config), *words)

    assert names(configured("--json", journal=str(path))) == ["grid-1", "refused", "later", "doubt"]
    assert names(configured("--json", journal=str(path), stock_account="nobody")) == []
    both = ("--json", "--account", "SIM0000000001")
    assert len(names(configured(*both, journal=str(path), stock_account="nobody"))) == 4
    assert names(configured("--json", "--sim", miniqmt_path=str(path.parents[1])))[0] == "grid-1"
    off = configured(journal=False)
    assert off.exit_code == 2
    assert "没有日志文件" in off.stderr
    wrong = configured(jurnal="x")
    assert wrong.exit_code == 2
    assert "jurnal" in wrong.stderr


def test_a_terminal_of_the_command_itself_keeps_no_journal() -> None:
    result = run("--sim")
    assert result.exit_code == 2
    assert "--path" in result.stderr


@pytest.mark.parametrize("words", [("--json", "--csv"), ("--export", "csv", "--json")])
def test_one_form_at_a_time(path: Path, words: tuple[str, ...]) -> None:
    result = run(*words, path=path)
    assert result.exit_code == 2
    assert "只能给一个" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--outcome", "lost"], "in_doubt"),
        (["--day", "yesterday"], "2025-11-03"),
        (["--security", "xx"], "600036.SH"),
        (["--limit", "-1"], "limit"),
        (["--export", "xml"], "csv"),
    ],
)
def test_what_makes_no_sense(words: list[str], said: str, path: Path) -> None:
    result = run(*words, path=path)
    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output


def test_where_there_is_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOCALAPPDATA", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    result = run()
    assert result.exit_code == 2
    assert str(tmp_path) in result.output
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"


def test_a_file_that_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(b"no database" * 500)
    result = run(path=path)
    assert result.exit_code == 1
    assert "notes.db" in result.output
    assert path.read_bytes() == b"no database" * 500


def test_a_real_account_is_not_shown_in_full(tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    journal = Journal(path, clock=SystemClock())
    journal.begin(Intent.of(limit_order("600036", "buy", 35.0, 100), "1000000365", "a"))
    journal.close()
    assert "1000000365" not in run(path=path).output
    assert "1000000365" in run("--account", "1000000365", path=path).output


def test_a_long_journal_shows_its_newest(tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    journal = Journal(path, clock=SystemClock())
    for at in range(70):
        journal.begin(Intent.of(limit_order("600036", "buy", 35.0, 100), "SIM1", f"id-{at:02}"))
    journal.close()
    listed = run(path=path).stdout
    assert ("id-69" in listed, "id-20" in listed, "id-19" in listed) == (True, True, False)
    assert run("--limit", "70", path=path).stdout.splitlines()[-1] == "70 笔"
    assert len(names(run("--export", "json", path=path))) == 70
