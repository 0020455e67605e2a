"""The kill switch, and which settings make sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.orders import OrderRequest, limit_order, market_order
from easytrader_qmt.risk import Risk, RiskLimits
from tests.clocks import FakeClock

NOON = 1_762_142_400.0  # 2025-11-03 12:00 in Shanghai
ORDER = limit_order("600036", "buy", 35.0, 100)
MARKET = market_order("000001", "sell", 100)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


def refused(
    risk: Risk, request: OrderRequest = ORDER, *, reconciled: bool = True, price: float | None = None
) -> InvalidOrder:
    with pytest.raises(InvalidOrder, match="没有发出任何委托") as caught:
        risk.check_order(request, reconciled=reconciled, reference_price=price)
    assert caught.value.field == "risk"
    assert caught.value.rule in str(caught.value)
    return caught.value


# --- kill switch --------------------------------------------------------------------------------------


def test_the_kill_switch_holds_in_other_processes_and_after_a_restart(
    clock: FakeClock, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "kill.json"
    limits = RiskLimits(kill_switch_file=str(path))
    risk, other = Risk(limits, clock), Risk(limits, clock)
    assert not risk.killed
    assert risk.kill("行情异常")
    assert json.loads(path.read_text(encoding="utf-8"))["reason"] == "行情异常"
    for each in (risk, other, Risk(limits, clock)):
        assert each.killed
        error = refused(each)
        assert error.rule == "kill_switch_file"
        assert "行情异常" in str(error)
        assert str(path) in str(error)
        assert "行情异常（2025-11-03T12:00:00+08:00）" in each.kill_reason
    other.resume()
    other.resume()
    assert (risk.killed, risk.kill_reason, list(path.parent.iterdir())) == (False, "", [])
    risk.check_order(ORDER)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{}", b"null"])
def test_any_file_in_its_place_stops_orders(clock: FakeClock, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kill"
    risk = Risk(RiskLimits(kill_switch_file=str(path)), clock)
    path.write_bytes(content)
    assert risk.killed
    assert refused(risk).rule == "kill_switch_file"
    assert risk.kill_reason == ""


def test_without_a_file_the_switch_holds_here(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(), clock)
    risk.kill("停")
    assert (risk.killed, risk.kill_reason, Risk(RiskLimits(), clock).killed) == (True, "停", False)
    assert "resume" in str(refused(risk))
    risk.resume()
    risk.check_order(ORDER)


def test_a_switch_that_cannot_be_written_still_stops_this_process(clock: FakeClock, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    risk = Risk(RiskLimits(kill_switch_file=str(tmp_path / "file" / "kill")), clock)
    assert not risk.killed
    assert not risk.kill("停")
    assert risk.killed
    refused(risk)
    risk.resume()
    assert not risk.killed


def test_a_switch_that_cannot_be_removed_stays_on(clock: FakeClock, tmp_path: Path) -> None:
    risk = Risk(RiskLimits(kill_switch_file=str(tmp_path)), clock)
    assert risk.killed
    with pytest.raises(InvalidArgument, match="仍然停止"):
        risk.resume()
    assert risk.killed
    assert not risk.kill("停")


def test_a_switch_that_cannot_be_asked_counts_as_on(clock: FakeClock, tmp_path: Path) -> None:
    risk = Risk(RiskLimits(kill_switch_file=str(tmp_path / ("x" * 5000))), clock)
    assert risk.killed
    refused(risk)


# --- settings -----------------------------------------------------------------------------------------


def test_limits_come_from_a_mapping_as_from_json() -> None:
    text = '{"rate": 5, "allowed": ["600036"], "max_day_orders": null, "require_reconciled": true}'
    limits = RiskLimits.from_mapping(json.loads(text))
    assert limits == RiskLimits(rate=5, allowed=("600036",), require_reconciled=True)
    assert (limits.largest_burst, RiskLimits(rate=0.2).largest_burst) == (5, 1)
    assert RiskLimits.from_mapping({}) == RiskLimits()


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(InvalidArgument, match=r"max_orders.*max_day_orders"):
        RiskLimits.from_mapping({"max_orders": 3})
    for bad in ([("rate", 1)], None, "rate"):
        with pytest.raises(InvalidArgument, match="字典"):
            RiskLimits.from_mapping(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, bad) for name in ("max_order_notional", "max_day_notional", "rate") for bad in (0, -1.0)],
        *[("rate", bad) for bad in (float("nan"), float("inf"), "10", True)],
        *[(name, bad) for name in ("max_day_orders", "burst") for bad in (0, -1, 1.5, True, "3")],
        *[("allowed", bad) for bad in ("600036", [], 5)],
        *[("kill_switch_file", bad) for bad in ("", 5)],
        *[("require_reconciled", bad) for bad in (1, "yes")],
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=name):
        RiskLimits.from_mapping({name: value})


def test_a_burst_without_a_rate_is_a_mistake() -> None:
    with pytest.raises(InvalidArgument, match="burst 只有和 rate"):
        RiskLimits(burst=3)
