"""Codes to names: the documented ones, the unknown ones, and the sets of statuses."""

from __future__ import annotations

import pytest

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.miniqmt.names import (
    ACCOUNT_STATUS,
    ACTIVE_STATUSES,
    CANCELABLE_STATUSES,
    FINAL_STATUSES,
    NAMES,
    account_health,
    name_of,
)


@pytest.mark.parametrize(
    ("kind", "code", "name"),
    [
        ("order_status", 48, "未报"),
        ("order_status", 49, "待报"),
        ("order_status", 50, "已报"),
        ("order_status", 51, "已报待撤"),
        ("order_status", 52, "部成待撤"),
        ("order_status", 53, "部撤"),
        ("order_status", 54, "已撤"),
        ("order_status", 55, "部成"),
        ("order_status", 56, "已成"),
        ("order_status", 57, "废单"),
        ("order_status", 255, "未知"),
        ("order_type", 23, "买入"),
        ("order_type", 24, "卖出"),
        ("order_type", 27, "融资买入"),
        ("order_type", 45, "专项直接还款"),
        ("price_type", 11, "限价"),
        ("price_type", 48, "全额成交或撤销"),
        ("price_type", 49, "市价"),
        ("price_type", 50, "限价"),
        ("price_type", 88, "最优五档即时成交剩余撤销"),
        ("price_type", 107, "担保品划转"),
        ("offset_flag", 48, "买入"),
        ("offset_flag", 49, "卖出"),
        ("direction", 48, "多"),
        ("direction", 49, "空"),
        ("account_type", 2, "证券账号"),
        ("account_type", 3, "信用账号"),
        ("account_status", 0, "正常"),
        ("account_status", -1, "无效"),
    ],
)
def test_known(kind: str, code: int, name: str) -> None:
    assert name_of(kind, code) == name


@pytest.mark.parametrize("code", [0, 77777, None, "x", [1]])
@pytest.mark.parametrize("kind", ["order_status", "order_type", "price_type", "offset_flag", "direction"])
def test_unknown_shows_as_itself(kind: str, code: object) -> None:
    assert name_of(kind, code) is code


def test_unknown_kind() -> None:
    with pytest.raises(InvalidArgument, match="order_status"):
        name_of("status", 50)


def test_every_status_is_either_final_or_active() -> None:
    assert set(NAMES["order_status"]) == FINAL_STATUSES | ACTIVE_STATUSES
    assert not FINAL_STATUSES & ACTIVE_STATUSES
    assert CANCELABLE_STATUSES < ACTIVE_STATUSES


def test_a_cancel_under_way_is_not_cancelled() -> None:
    assert {51, 52} < ACTIVE_STATUSES
    assert not {51, 52} & CANCELABLE_STATUSES


@pytest.mark.parametrize(
    ("health", "codes"), [("good", {0, 6}), ("coming_up", {1, 2, 4, 5}), ("bad", {-1, 3, 7, 8, 9})]
)
def test_account_health(health: str, codes: set[int]) -> None:
    assert {code for code in ACCOUNT_STATUS if account_health(code) == health} == codes


@pytest.mark.parametrize("code", [10, 99, None, "0"])
def test_a_new_account_status_is_not_judged(code: object) -> None:
    assert account_health(code) == "unknown"


def test_tables_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        NAMES["order_status"][50] = "x"  # type: ignore[index]
