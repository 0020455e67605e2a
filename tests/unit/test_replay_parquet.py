"""A recorded day from a Parquet file: the same market as from the CSV, and what is said without pyarrow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.sim import Terminal, TerminalSettings
from tests.clocks import FakeClock

SAMPLES = Path(__file__).parents[1] / "data"


@pytest.fixture
def two(tmp_path):
    """Two terminals at the same time."""
    made = [
        Terminal(
            tmp_path / name / "userdata_mini", settings=TerminalSettings(session_gap=0.0), clock=FakeClock()
        )
        for name in ("csv", "parquet")
    ]
    yield made
    for one in made:
        one.close()


def as_parquet(folder, name, change=None):
    """A sample day as a Parquet file with typed columns, such as a data vendor writes."""
    pytest.importorskip("pyarrow")
    import pandas as pd

    table = pd.read_csv(SAMPLES / f"{name}.csv", parse_dates=["time"])
    path = folder / f"{name}.parquet"
    (change(table) if change is not None else table).to_parquet(path)
    return path


def utc(table):
    return table.assign(time=table["time"].dt.tz_localize("Asia/Shanghai").dt.tz_convert("UTC"))


def milliseconds(table):
    return table.assign(time=[round(at.timestamp() * 1000) for at in utc(table)["time"]])


def in_categories(table):
    return table.assign(code=table["code"].astype("category")).set_index("volume", drop=False)


def seen(terminal, code):
    return [(tick.time, tick.last, tick.volume, tick.bids, tick.asks) for tick in terminal.market.ticks(code)]


@pytest.mark.parametrize("change", [None, utc, milliseconds, in_categories])
@pytest.mark.parametrize("name", ["ticks", "minutes"])
def test_the_market_is_the_same_as_from_the_csv(two, tmp_path, name, change):
    csv, parquet = two
    file = as_parquet(tmp_path, name, change)
    wanted = csv.market.replay(SAMPLES / f"{name}.csv", 0)
    replay = parquet.market.replay(file, 0)
    assert (replay.fed, replay.total, replay.error) == (wanted.fed, wanted.total, None)
    assert replay.fed >= 30
    for code in ("600000.SH", "000001.SZ", "600036.SH", "510300.SH"):
        assert seen(parquet, code) == seen(csv, code)
        assert parquet.market.bars(code) == csv.market.bars(code)


def test_what_is_wrong_is_named_by_its_row(two, tmp_path):
    def wrong(table):
        table.loc[4, "last"] = -1.0
        return table

    file = as_parquet(tmp_path, "ticks", wrong)
    with pytest.raises(InvalidArgument, match=r"ticks\.parquet 没有回放：第 5 行"):
        two[1].market.replay(file, 0)


def test_a_file_that_is_no_parquet(two, tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "day.parquet").write_text("time,code,last\n", encoding="utf-8")
    with pytest.raises(InvalidArgument, match=r"day\.parquet 不是可用的 Parquet 文件"):
        two[1].market.replay(tmp_path / "day.parquet", 0)


def test_without_pyarrow_the_extra_is_named(two, tmp_path, monkeypatch):
    # As on a machine where neither engine is installed.
    for engine in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, engine, None)
    (tmp_path / "day.parquet").write_bytes(b"PAR1")
    with pytest.raises(ImportError, match=r"附加依赖 parquet.*easytrader-qmt\[parquet\]"):
        two[1].market.replay(tmp_path / "day.parquet", 0)
