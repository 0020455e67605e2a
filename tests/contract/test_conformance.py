"""``sim conformance``: the stand-in agrees with the observations, and what does not is reported."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from easytrader_qmt.cli import main
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.miniqmt import vendor
from easytrader_qmt.sim import (
    conformance,
    conformance_behaviour,
    conformance_bench,
    conformance_client,
    conformance_observed,
    conformance_structs,
    native,
)
from easytrader_qmt.sim.conformance import KNOWN, Report
from easytrader_qmt.sim.conformance_observed import Finding, Observed
from tests.native import compact

RAW = Path(compact.__file__).parent
ROOT = RAW.parents[1]
NEWEST = compact.VERSIONS[-1]
INSTALLED = vendor.api_generation(vendor.installed_folder())


@pytest.fixture(scope="module")
def report() -> Report:
    """Everything compared once, the behaviour of the installed xtquant included."""
    return conformance.compare(RAW)


@pytest.fixture(scope="module")
def observed() -> Observed:
    return conformance_observed.load(RAW)


@pytest.fixture
def desk() -> Iterator[conformance_bench.Desk]:
    made = conformance_bench.Desk()
    yield made
    made.clear()


def stand_in(version: str = NEWEST) -> tuple[dict[str, Any], conformance_client.EchoTerminal]:
    terminal = conformance_client.EchoTerminal()
    return dict(vars(conformance_client.client_module(version, terminal))), terminal


def bad(found: Any) -> dict[str, str]:
    return {one.key: one.state for one in found if one.state in ("missing", "wrong")}


# --- as it is --------------------------------------------------------------------------------------


def test_nothing_is_missing_or_wrong(report: Report) -> None:
    assert [one for one in report.verdicts if one.outcome in ("missing", "wrong")] == []
    assert report.passed
    assert report.raw
    assert report.installed == INSTALLED


def test_every_observation_was_compared(report: Report) -> None:
    names = json.loads((RAW / "structs-by-version.json").read_text(encoding="utf-8"))
    details = json.loads((RAW / f"xtpythonclient-{NEWEST}.json").read_text(encoding="utf-8"))
    counted: dict[tuple[str, str], int] = {}
    for one in report.verdicts:
        counted[one.version, one.group] = counted.get((one.version, one.group), 0) + 1
    for version in compact.VERSIONS:
        assert counted[version, "类"] == len(names[version])
        spellings = {
            (struct, name)
            for struct, pairs in names[version].items()
            for pair in pairs
            for name in pair
            if name
        }
        assert counted[version, "属性"] == len(spellings)
    fields = [fact for struct in details["structs"].values() for fact in struct.values()]
    for group in ("类型", "默认值", "写保护"):
        assert counted[NEWEST, group] == len(fields)
    assert counted[NEWEST, "字符串容量"] == sum("bytes_kept" in fact for fact in fields)
    assert counted[NEWEST, "客户端方法"] == len(details["client"]["methods"])
    keys = {one.key for one in report.verdicts if one.version == INSTALLED}
    rows = {row.key for row in conformance_behaviour.ROWS}
    assert rows - keys <= {"import.no_native"}
    assert len(rows) == len(conformance_behaviour.ROWS)


def test_every_known_difference_was_seen(report: Report) -> None:
    seen = {one.key.partition("/")[0] for one in report.verdicts if one.outcome == "known"}
    assert seen == set(KNOWN)


def test_every_known_difference_is_documented() -> None:
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE))
    assert documented == set(KNOWN)


def test_report_says_what_it_counted(report: Report) -> None:
    lines = list(report.lines())
    counts = report.counts
    total = f"合计：符合 {counts['conforming']}，已知差异 {counts['known']}，缺失 0，不符 0"
    assert total in lines
    assert sum(counts.values()) == len(report.verdicts) > 10_000
    assert not any("没有原始观察数据" in line for line in lines)
    assert len(list(report.lines(verbose=True))) == len(lines) + len(report.verdicts)
    said = report.as_json()
    assert said["counts"] == dict(counts)
    assert {one["outcome"] for one in said["findings"]} == {"known"}


@pytest.mark.parametrize("version", compact.VERSIONS)
def test_without_the_raw_data_the_shipped_table_is_used(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conformance_observed, "raw_folder", lambda: None)
    report = conformance.compare(versions=[version], behaviour=False)
    assert report.passed
    assert not report.raw
    lines = list(report.lines())
    assert any("没有原始观察数据" in line for line in lines)
    assert lines[-1].startswith("结论：与包内的表相比没有缺失和不符；这只说明替身与那张表一致")
    raw = conformance.compare(RAW, [version], behaviour=False)
    assert list(raw.lines())[-1].startswith("结论：没有缺失和不符；")
    assert report.counts == raw.counts


# --- broken on purpose -----------------------------------------------------------------------------


def test_missing_and_surplus_classes_are_reported(observed: Observed) -> None:
    module, _ = stand_in()
    del module["XtOrder"]
    module["XtInvented"] = type("XtInvented", (), {})
    found = bad(conformance_structs.compare_names(NEWEST, module, observed))
    assert found == {f"{NEWEST}/XtOrder": "missing", f"{NEWEST}/XtInvented": "wrong"}


def test_a_plain_copy_of_a_struct_is_reported(observed: Observed) -> None:
    """A class with the right names and defaults and nothing else: each spelling a value of its own."""
    module, _ = stand_in()
    facts = {name: fact["default"] for name, fact in observed.details["OrderStockReq"].items()}
    del facts["m_dPrice"]
    facts["order_volume"] = 0.0
    facts["price_type"] = 99
    module["OrderStockReq"] = type("OrderStockReq", (), {**facts, "invented": 1})
    key = f"{NEWEST}/OrderStockReq"
    names = bad(conformance_structs.compare_names(NEWEST, module, observed))
    assert names[f"{key}.m_dPrice"] == "missing"
    assert names[f"{key}.invented"] == "wrong"
    assert names[f"{key}.stock_code=m_strStockCode"] == "wrong"
    details = bad(conformance_structs.compare_details(NEWEST, module, observed))
    assert details[f"{key}.order_volume/type"] == "wrong"
    assert details[f"{key}.price_type/default"] == "wrong"
    assert details[f"{key}.order_remark/bytes"] == "wrong"
    assert not any("XtOrder." in one for one in {**names, **details})


def test_write_protection_is_compared_both_ways(observed: Observed) -> None:
    module, _ = stand_in()
    facts = observed.details["XtOrder"]
    free = type("XtOrder", (), {name: fact["default"] for name, fact in facts.items()})
    sealed = type("XtOrder", (), {"__slots__": (), **{name: fact["default"] for name, fact in facts.items()}})
    for cls, wrong in ((free, False), (sealed, True)):
        module["XtOrder"] = cls
        found = bad(conformance_structs.compare_details(NEWEST, module, observed))
        expected = {
            f"{NEWEST}/XtOrder.{name}/write" for name, fact in facts.items() if fact["writable"] is wrong
        }
        assert {key for key in found if key.endswith("/write")} == expected
        assert expected


def test_missing_client_method_is_reported(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = copy.deepcopy(native.native_layout())
    del layout["client"]["queryStockTradesWithSeq"]
    layout["client"]["bindOnStockOrderCallback"]["callback"] = ["XtTrade"]
    layout["client"]["subscribeWithSeq"]["takes"] = ["int", "UnsubscribeReq"]
    layout["client"]["inventedWithSeq"] = {"takes": ["int", "SubscribeReq"]}
    monkeypatch.setattr(native, "native_layout", lambda: layout)
    module, terminal = stand_in()
    found = bad(conformance_client.compare_client(NEWEST, module, observed, terminal))
    client = f"{NEWEST}/XtQuantAsyncClient"
    assert found.pop(f"{client}.queryStockTradesWithSeq") == "missing"
    assert found.pop(f"{client}.inventedWithSeq") == "wrong"
    assert found.pop(f"{client}.subscribeWithSeq") == "wrong"
    assert found.pop(f"{client}.bindOnStockOrderCallback/callback") == "wrong"
    # What only those brought, or was in the way of.
    assert set(found) <= {f"{client}.bindOnSubscribeRespCallback/callback"}


def test_client_that_takes_anything_is_reported(observed: Observed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance_client, "_SOON", 0.1)
    module, terminal = stand_in()
    lenient = {
        "subscribeWithSeq": lambda self, *anything: 0,
        "bindOnSubscribeRespCallback": lambda self, anything: None,
    }
    module["XtQuantAsyncClient"] = type("XtQuantAsyncClient", (module["XtQuantAsyncClient"],), lenient)
    found = bad(conformance_client.compare_client(NEWEST, module, observed, terminal))
    client = f"{NEWEST}/XtQuantAsyncClient"
    assert {f"{client}.subscribeWithSeq", f"{client}.bindOnSubscribeRespCallback"} <= set(found)


def test_name_that_the_vendor_uses_and_the_stand_in_lacks() -> None:
    module, _ = stand_in(INSTALLED)
    folder = vendor.installed_folder()
    assert bad(conformance_client.compare_layer_names(INSTALLED, module, folder)) == {}
    del module["SubscribeReq"]
    found = bad(conformance_client.compare_layer_names(INSTALLED, module, folder))
    assert found == {f"{INSTALLED}/layer.SubscribeReq": "missing"}


def rows(*keys: str) -> list[conformance_bench.Row]:
    return [row for row in conformance_behaviour.ROWS if row.key in keys]


def test_wrong_behaviour_is_reported(desk: conformance_bench.Desk) -> None:
    chosen = rows("connect.nobody", "down.query_stock_orders", "order.fraction", "path.chinese")
    good = {one.key: one.state for one in conformance_behaviour.findings(chosen, desk)}
    assert good == {row.key: "different" if row.differs else "conforming" for row in chosen}
    desk.shipped = replace(desk.shipped, connect_timeout=1.0, answer_while_down="none")
    desk.native.XtQuantAsyncClient._settings = replace(
        desk.shipped, sleep=desk.slept.append, directory_of=lambda path: None
    )
    found = {one.key: one for one in conformance_behaviour.findings(chosen, desk)}
    assert {key: one.state for key, one in found.items()} == {
        "connect.nobody": "wrong",
        "down.query_stock_orders": "wrong",
        "order.fraction": "conforming",
        "path.chinese": "wrong",
    }
    assert "[3.0]" in found["connect.nobody"].detail


def test_a_check_that_raises_is_wrong_and_one_that_cannot_be_made_is_silent() -> None:
    def raising(desk: object) -> None:
        raise ZeroDivisionError

    def elsewhere(desk: object) -> None:
        raise conformance_bench.NotHere

    made = [conformance_bench.Row("a", "甲", raising), conformance_bench.Row("b", "乙", elsewhere)]
    found = list(conformance_behaviour.findings(made, SimpleNamespace()))  # type: ignore[arg-type]
    assert [(one.key, one.state) for one in found] == [("a", "wrong")]


def test_a_call_that_returns_does_not_block() -> None:
    with pytest.raises(conformance_bench.Wrong, match="quick"):
        conformance_bench.blocked(("quick", lambda: None))


def test_a_child_that_ends_early_leaves_its_rows_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    done = SimpleNamespace(stdout=json.dumps(vars(Finding("stop.twice", "行为"))).encode(), stderr=b"killed")
    monkeypatch.setattr(conformance_behaviour.subprocess, "run", lambda *args, **words: done)
    found = conformance_behaviour.in_a_child()
    assert [one.key for one in found if one.state == "conforming"] == ["stop.twice"]
    lost = [one for one in found if one.state == "missing"]
    assert len(lost) >= len(conformance_behaviour.ROWS) - 2
    assert all("killed" in one.detail for one in lost)


def test_a_difference_without_an_explanation_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer: Mapping[str, str] = {key: text for key, text in KNOWN.items() if key != "client.unanswered"}
    monkeypatch.setattr(conformance, "KNOWN", fewer)
    report = conformance.compare(RAW, [NEWEST], behaviour=False)
    wrong = [one.key for one in report.verdicts if one.outcome == "wrong"]
    assert wrong == [f"client.unanswered/{NEWEST}/bindOnProductNetValueCallback"]
    assert not report.passed


# --- what it reads, and the command ----------------------------------------------------------------


def test_data_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="没有观察数据"):
        conformance_observed.load(tmp_path)
    (tmp_path / "structs-by-version.json").write_text("{}", encoding="utf-8")
    (tmp_path / f"xtpythonclient-{NEWEST}.json").write_text("{", encoding="utf-8")
    with pytest.raises(InvalidArgument, match="读不懂"):
        conformance_observed.load(tmp_path)
    with pytest.raises(InvalidArgument, match="240119"):
        conformance.compare(RAW, ["240119.3"])


def test_command_exit_status_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance_behaviour, "in_a_child", lambda: [Finding("stop.twice", "行为")])
    words = ["sim", "conformance", "--data", str(RAW), "--version", INSTALLED]
    passed = CliRunner().invoke(main, [*words, "--json"])
    assert passed.exit_code == 0
    said = json.loads(passed.output)
    assert (said["passed"], said["counts"]["missing"], said["installed"]) == (True, 0, INSTALLED)
    monkeypatch.setattr(
        conformance_behaviour,
        "in_a_child",
        lambda: [Finding("stop.twice", "行为", "wrong", "第二次停不下来")],
    )
    failed = CliRunner().invoke(main, words)
    assert failed.exit_code == 1
    assert "不符 stop.twice：第二次停不下来" in failed.output
    unknown = CliRunner().invoke(main, ["sim", "conformance", "--version", "1.0"])
    assert unknown.exit_code == 2
    assert "1.0" in unknown.output
