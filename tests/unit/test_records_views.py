"""Records as a frame and as a drawn table: the same columns and types, aligned, escaped."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd
import pytest

from easytrader_qmt.drawing import MAX_ROWS, cell, cells_wide
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.fields import TABLES
from easytrader_qmt.records import Records, row, rows
from tests.vendor_objects import KINDS, vendor

KIND_OF = {"int": "i", "float": "f", "time": "M"}


# --- frames ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_types_are_the_same_for_many_one_and_none(kind: str) -> None:
    old = vendor(kind)
    for name in ("instrument_name", "fetch_balance", "last_price", "commission"):
        old.__dict__.pop(name, None)
    frames = [
        rows(kind, objects).df for objects in ([], [vendor(kind)], [vendor(kind)] * 1500, [old], [old, old])
    ]
    for frame in frames:
        assert list(frame.columns) == list(TABLES[kind].keys)
        pd.testing.assert_series_equal(frame.dtypes, frames[0].dtypes)
    assert [len(frame) for frame in frames] == [0, 1, 1500, 1, 2]
    for column in TABLES[kind].columns:
        dtype = frames[0].dtypes[column.key]
        if column.dtype == "str":
            assert dtype == pd.Series(["x"]).dtype
        else:
            assert dtype.kind == KIND_OF[column.dtype]


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_holds_what_the_rows_hold(kind: str) -> None:
    made = rows(kind, [vendor(kind), vendor(kind, account_id="2")])
    frame = made.df
    for column in TABLES[kind].columns:
        if column.dtype != "time":
            assert frame[column.key].tolist() == [each[column.key] for each in made]


def test_times_are_shanghais() -> None:
    frame = rows(
        "order", [vendor("order"), vendor("order", order_time=0), vendor("order", order_time=None)]
    ).df
    assert frame["order_time"][0] == pd.Timestamp("2021-10-15 14:14:11", tz="Asia/Shanghai")
    assert str(frame["order_time"].dtype) == "datetime64[s, Asia/Shanghai]"
    assert frame["order_time"].isna().tolist() == [False, True, True]


def test_milliseconds_are_no_time_and_do_not_overflow() -> None:
    assert rows("order", [vendor("order", order_time=1634278451000)]).df["order_time"].isna().all()


def test_missing_numbers_and_unknown_codes() -> None:
    objects = [
        vendor("order", price=None, order_volume=None, order_status=77, status_msg=None),
        vendor("order"),
    ]
    frame = rows("order", objects).df
    assert frame["price"].isna().tolist() == [True, False]
    assert frame["order_volume"].isna().tolist() == [True, False]
    assert str(frame["order_volume"].dtype) == "Int64"
    assert frame["order_status_name"].tolist() == ["77", "已成"]
    assert frame["status_msg"].isna().tolist() == [True, False]


def test_a_long_number_beside_a_missing_one_keeps_its_last_digits() -> None:
    numbers = (2**62 + 1, None, -(2**63))
    column = rows("order", [vendor("order", order_id=each) for each in numbers]).df["order_id"]
    assert str(column.dtype) == "Int64"
    assert [None if each is pd.NA else each for each in column.tolist()] == list(numbers)


def test_a_time_without_end_is_no_time() -> None:
    """Warnings are errors here."""
    times = (math.inf, -math.inf, None)
    assert rows("order", [vendor("order", order_time=each) for each in times]).df["order_time"].isna().all()


def test_a_fraction_in_a_column_of_whole_numbers_is_not_cut() -> None:
    assert rows("order", [vendor("order", order_volume=100.5)]).df["order_volume"].tolist() == [100.5]
    whole = rows("order", [vendor("order", order_volume=100.0)]).df["order_volume"]
    assert (whole.tolist(), str(whole.dtype)) == ([100], "int64")


def test_numbers_that_are_equal_and_not_the_same() -> None:
    def column(key: str, *values: object) -> Any:
        return rows("order", [vendor("order", **{key: value}) for value in values]).df[key]

    assert str(column("price", 0.0, -0.0).tolist()) == "[0.0, -0.0]"
    assert column("price", 1, 1.0, True).tolist() == [1.0, 1.0, 1.0]
    for values in ((1, True, 1.0), (True, 1), (1, 1)):
        whole = column("order_volume", *values)
        assert (whole.tolist(), str(whole.dtype)) == ([1] * len(values), "int64")
    assert column("order_volume", 2**80, 2**80).tolist() == [2.0**80] * 2
    assert column("order_volume", -(2**63), 2**63 - 1).tolist() == [-(2**63), 2**63 - 1]
    assert column("status_msg", "a", "a", "b").tolist() == ["a", "a", "b"]


def test_edited_rows() -> None:
    made = rows("order", [vendor("order"), vendor("order")])
    del made[0]["price"]
    made[1]["price"] = "much"
    made[1]["note"] = "mine"
    frame = made.df
    assert frame["price"].isna().all()
    assert list(frame.columns) == list(TABLES["order"].keys)


def test_a_frame_is_the_callers_own() -> None:
    made = rows("order", [vendor("order")])
    first = made.df
    first.loc[0, "price"] = 1.0
    first["x"] = 2
    assert made.df["price"][0] == 0.62
    assert "x" not in made.df


@pytest.mark.parametrize("kind", KINDS)
def test_chinese_headings(kind: str) -> None:
    made = rows(kind, [vendor(kind)])
    headings = [column.heading for column in TABLES[kind].columns]
    assert list(made.zh.columns) == headings
    assert len(set(headings)) == len(headings)
    assert made.zh.set_axis(made.df.columns, axis=1).equals(made.df)


# --- drawn -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_aligned_by_cells(kind: str) -> None:
    other = vendor(kind, account_id="22", instrument_name="A", stock_code="600036.SH")
    lines = repr(rows(kind, [vendor(kind), other])).splitlines()
    assert lines[-1] == "2 行"
    first = next(column for column in TABLES[kind].columns if column.shown)
    assert lines[0].strip().startswith(first.heading)
    if kind == "asset":
        assert lines[1].split()[:2] == ["1,000,000.00", "400,000.00"]
        # Right-aligned numbers end in the same cell.
        assert (
            len(
                {
                    cells_wide(line[: line.index(end) + len(end)])
                    for line, end in zip(lines, ("总资产", ".00"), strict=False)
                }
            )
            == 1
        )
    else:
        wide, narrow = lines[1], lines[2]
        marks = (wide.index("华宝油气"), narrow.index(" A"))
        assert cells_wide(wide[: marks[0]]) == cells_wide(narrow[: marks[1] + 1])


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_list_still_shows_its_headings(kind: str) -> None:
    empty = rows(kind, [])
    text, html = repr(empty), empty._repr_html_()
    for column in TABLES[kind].columns:
        if column.shown:
            assert column.heading in text
            assert column.heading in html
    assert text.endswith("0 行")
    assert "0 行" in html


def test_a_long_list_shows_head_and_tail() -> None:
    made = rows("order", [vendor("order", order_id=900_000 + at) for at in range(10_000)])
    for drawn in (repr(made), made._repr_html_()):
        assert "900000" in drawn
        assert "909999" in drawn
        assert "905000" not in drawn
        assert "…" in drawn
        assert "10000 行" in drawn
    assert "略去 9960 行" in made._repr_html_()
    whole = repr(made[:MAX_ROWS])
    assert "…" not in whole
    assert len(whole.splitlines()) == MAX_ROWS + 2


def test_a_name_stands_beside_its_code_and_empty_texts_take_no_room() -> None:
    plain = rows("order", [vendor("order", strategy_name="", order_remark="", status_msg="")])
    one_has = rows("order", [vendor("order", strategy_name=name) for name in ("", "网格")])
    for drawn in (repr(plain), plain._repr_html_()):
        assert "策略名称" not in drawn
        assert "委托价格" in drawn
    for drawn in (repr(one_has), one_has._repr_html_()):
        assert "策略名称" in drawn
    assert repr(plain).split()[:2] == ["证券全码", "证券名称"]


def test_html_headings_stand_where_their_cells_do() -> None:
    html = rows("position", [vendor("position")])._repr_html_()
    found = re.findall(r'<(t[hd]) style="[^"]*text-align:(\w+)"', html)
    aligned = {tag: [side for name, side in found if name == tag] for tag in ("th", "td")}
    assert aligned["th"] == aligned["td"]
    assert {*aligned["th"]} == {"left", "right"}


def test_html_shows_and_escapes() -> None:
    made = rows("position", [vendor("position", instrument_name="<b>&", market_value=1234567.891)])
    html = made._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html
    assert "1,234,567.89" in html
    assert "3.24%" in html


def test_a_row_stays_on_one_line() -> None:
    made = rows("order", [vendor("order", status_msg="a\nb\r\x1b[31mc\td")])
    assert len(repr(made).splitlines()) == 3
    assert "\x1b" not in repr(made)


@pytest.mark.parametrize(
    ("kind", "key", "value", "text"),
    [
        ("asset", "cash", 1234567.891, "1,234,567.89"),
        ("asset", "cash", None, "-"),
        ("asset", "cash", float("nan"), "-"),
        ("asset", "cash", "x", "x"),
        ("order", "price", 35.5, "35.50"),
        ("order", "price", 0.618, "0.618"),
        ("order", "order_volume", 10000, "10,000"),
        ("order", "order_id", 10000, "10000"),
        ("order", "order_time", 1634278451, "2021-10-15 14:14:11"),
        ("order", "order_time", 0, "-"),
        ("order", "order_time", 1634278451000, "-"),
        ("position", "profit_rate", -0.0324, "-3.24%"),
    ],
)
def test_cells(kind: str, key: str, value: Any, text: str) -> None:
    column = next(column for column in TABLES[kind].columns if column.key == key)
    assert cell(column, value) == text


def test_widths() -> None:
    assert [cells_wide(text) for text in ("ab", "中文", "ａ", "e\u0301", "")] == [2, 4, 2, 1, 0]


def test_rows_made_by_hand_are_drawn_too() -> None:
    made = Records([row("asset", vendor("asset")), {}], "asset")
    assert "2 行" in repr(made)
    assert len(made.df) == 2


# --- conditions --------------------------------------------------------------------------------


def test_a_status_by_name_or_by_its_code_also_as_text() -> None:
    made = rows("order", [vendor("order", order_status=code) for code in (50, 56, 77)])
    for status, found in (("已报", 50), ("50", 50), (" 56 ", 56), (56, 56), ("77", 77), (77, 77)):
        assert [each["order_status"] for each in made.where(status=status)] == [found]
    assert made.where(status="废单") == []
    assert made.where(status="54") == []


@pytest.mark.parametrize("name", ["己报", "", "filled", "５０", "9" * 5000])
def test_an_unknown_status_names_the_known_ones(name: str) -> None:
    for made in (rows("order", [vendor("order")]), rows("order", [])):
        with pytest.raises(InvalidArgument, match="可用: 未报、待报、已报、已报待撤、部成待撤"):
            made.where(status=name)


def test_a_status_that_a_row_has_is_known() -> None:
    made = Records([{"order_status_name": "审批中"}, {}], "order")
    assert made.where(status="审批中") == made[:1]
