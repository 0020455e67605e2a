"""The stand-in's structs against what was observed of the real extension."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import time
from decimal import Decimal
from pathlib import Path
from types import MemberDescriptorType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easytrader_qmt.sim.structs import NativeCrash, Struct, native_layout, struct_classes
from tests.native import compact

NATIVE = Path(compact.__file__).parent
OBSERVED = json.loads((NATIVE / "xtpythonclient-250807.1.2.json").read_text(encoding="utf-8"))["structs"]
NAMES = json.loads((NATIVE / "structs-by-version.json").read_text(encoding="utf-8"))
VERSIONS = ("240613.1.0", "241014.1.2", "250516.1.1", "250807.1.2")
NEWEST = struct_classes("250807.1.2")
EVERY = [(struct, name, fact) for struct, facts in OBSERVED.items() for name, fact in facts.items()]
SAMPLE = {"int": 7, "float": 2.5, "bool": True, "str": "abc"}


class Whole:
    def __index__(self) -> int:
        return 41


def public_names(of: object) -> set[str]:
    return {name for name in dir(of) if not name.startswith("_")}


def test_committed_table_is_what_the_script_makes() -> None:
    assert compact.main(["--check"]) == 0
    assert compact.TARGET.stat().st_size < 90_000


def test_table_names_every_observed_client_method() -> None:
    client = json.loads((NATIVE / "xtpythonclient-250807.1.2.json").read_text(encoding="utf-8"))["client"]
    assert set(native_layout()["client"]) == set(client["methods"])


@pytest.mark.parametrize("version", VERSIONS)
def test_names_of_each_version(version: str) -> None:
    classes = struct_classes(version)
    assert set(classes) == set(NAMES[version])
    for struct, pairs in NAMES[version].items():
        expected = {name for pair in pairs for name in pair if name is not None}
        assert public_names(classes[struct]()) == expected, struct
        assert public_names(classes[struct]) == expected, struct


@pytest.mark.parametrize("version", VERSIONS)
def test_both_spellings_are_one_slot(version: str) -> None:
    for struct, pairs in NAMES[version].items():
        cls = struct_classes(version)[struct]
        for names in ([name for name in pair if name] for pair in pairs):
            slots = [inspect.getattr_static(cls, name) for name in names]
            assert all(slot is slots[0] for slot in slots), (struct, names)
            assert isinstance(slots[0], MemberDescriptorType)


def test_unobserved_version_is_refused() -> None:
    with pytest.raises(ValueError, match="240119"):
        struct_classes("240119.3")


def test_classes_of_a_version_are_made_once() -> None:
    assert struct_classes("250516.1.1") is struct_classes("250516.1.1")


def test_types_and_defaults() -> None:
    for struct, name, fact in EVERY:
        value = getattr(NEWEST[struct](), name)
        assert (type(value).__name__, value) == (fact["type"], fact["default"]), (struct, name)


def test_write_protection() -> None:
    for struct, name, fact in EVERY:
        made = NEWEST[struct]()
        if fact["writable"]:
            setattr(made, name, SAMPLE[fact["type"]])
            assert getattr(made, name) == SAMPLE[fact["type"]], (struct, name)
        else:
            with pytest.raises(AttributeError):
                setattr(made, name, SAMPLE[fact["type"]])
            assert getattr(made, name) == fact["default"]


def test_string_capacities() -> None:
    for struct, name, fact in EVERY:
        if "bytes_kept" in fact:
            made = NEWEST[struct]()
            setattr(made, name, "x" * 500)
            assert len(getattr(made, name)) == fact["bytes_kept"], (struct, name)


def test_writing_one_spelling_shows_in_the_other() -> None:
    for struct, pairs in NAMES["250807.1.2"].items():
        for snake, native in pairs:
            if snake is None or native is None:
                continue
            fact = OBSERVED[struct][snake]
            if fact["writable"]:
                made = NEWEST[struct]()
                setattr(made, snake, SAMPLE[fact["type"]])
                assert getattr(made, native) == SAMPLE[fact["type"]], (struct, snake)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("int", (1.0, "1", b"1", None, Decimal(1), 1 << 63, [])),
        ("float", ("1", b"1", None, [], 10**400)),
        ("bool", ("yes", None, [])),
        ("str", (1, 1.0, [], bytearray(b"x"), "\ud800")),
    ],
)
def test_wrong_types_are_refused(kind: str, wrong: tuple[Any, ...]) -> None:
    for struct, name, fact in EVERY:
        if fact["type"] != kind or not fact["writable"]:
            continue
        made = NEWEST[struct]()
        for value in wrong:
            with pytest.raises(TypeError):
                setattr(made, name, value)
        assert getattr(made, name) == fact["default"]


def test_what_converts_is_taken() -> None:
    request: Any = NEWEST["OrderStockReq"]()
    request.order_volume = Whole()
    assert (request.order_volume, type(request.order_volume)) == (41, int)
    request.order_type = True
    assert (request.order_type, type(request.order_type)) == (1, int)
    for given_, kept in ((Decimal("1.5"), 1.5), (3, 3.0), (Whole(), 41.0), (True, 1.0)):
        request.price = given_
        assert (request.price, type(request.price)) == (kept, float)
    request.price = float("nan")
    assert request.price != request.price
    request.order_volume = -5
    assert request.order_volume == -5
    request.stock_code = b"600036.SH"
    assert request.m_strStockCode == "600036.SH"


def test_none_in_a_string_takes_the_process_down() -> None:
    assert not issubclass(NativeCrash, Exception)
    for struct, name, fact in EVERY:
        if fact["type"] == "str" and fact["writable"]:
            with pytest.raises(NativeCrash, match="崩溃"):
                setattr(NEWEST[struct](), name, None)


@pytest.mark.parametrize("version", VERSIONS)
def test_unknown_attribute_is_refused(version: str) -> None:
    for cls in struct_classes(version).values():
        with pytest.raises(AttributeError):
            setattr(cls(), "m_strNoSuchThing", "x")  # noqa: B010
        with pytest.raises(AttributeError):
            getattr(cls(), "m_strNoSuchThing")  # noqa: B009


def test_the_newest_layer_cannot_fill_an_old_request() -> None:
    request: Any = struct_classes("240613.1.0")["OrderStockReq"]()
    with pytest.raises(AttributeError):
        request.m_strAccountID1 = "1"


def test_character_cut_in_half() -> None:
    request: Any = NEWEST["OrderStockReq"]()
    request.order_remark = "中" * 8  # 24 bytes, 23 are kept
    for name in ("order_remark", "m_strOrderRemark"):
        with pytest.raises(UnicodeDecodeError):
            getattr(request, name)
    assert request.strategy_name == ""
    assert NEWEST["OrderStockReq"] in type(request).__mro__
    assert request._row()["order_remark"] == "中" * 7
    request.strategy_name = "中" * 8
    with pytest.raises(UnicodeDecodeError):
        request.m_strStrategyName  # noqa: B018
    request.order_remark = "again"
    assert request.m_strOrderRemark == "again"
    assert public_names(request) == set(OBSERVED["OrderStockReq"])
    with pytest.raises(AttributeError):
        request.nothing = 1


@settings(print_blob=True)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_strings_are_cut_by_bytes(text: str) -> None:
    request: Any = NEWEST["OrderStockReq"]()
    request.m_strOrderRemark = text
    kept = text.encode()[:23]
    try:
        expected = kept.decode()
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            request.order_remark  # noqa: B018
    else:
        assert request.order_remark == expected
    assert request._row()["order_remark"] == kept.decode("utf-8", "ignore")


def test_row_of_a_request() -> None:
    request: Any = NEWEST["CancelOrderStockReq"]()
    request.m_strAccountID, request.m_nOrderID = "123", 9
    assert request._row() == {
        "account_type": 0,
        "account_id": "123",
        "order_id": 9,
        "market": -1,
        "order_sysid": "",
        "market1": "",
    }
    transfer: Any = NEWEST["TransferParam"]()
    transfer.m_nOrderType = 510
    assert transfer._row()["m_nOrderType"] == 510
    assert NEWEST["QueryAccountInfosReq"]()._row() == {}
    assert NEWEST["QuantError"]()._row() == {"error_id": 0}


def test_every_row_comes_back() -> None:
    for cls in NEWEST.values():
        row = {field.key: SAMPLE[field.kind] for field in cls._fields}
        assert cls._of(row)._row() == row
        assert cls._of({})._row() == cls()._row()


def test_answer_from_a_row() -> None:
    order: Any = NEWEST["XtOrder"]._of(
        {"stock_code": "600036.SH", "order_remark": "r" * 60, "price": 10, "m_nOrderID": 5, "no_such": 1}
    )
    assert type(order).__mro__[0] is NEWEST["XtOrder"]
    assert (order.m_strStockCode, order.stock_code) == ("600036.SH", "600036.SH")
    assert order.order_remark == "r" * 60
    assert (order.price, type(order.price)) == (10.0, float)
    assert order.order_id == 0
    order.order_volume = 5
    with pytest.raises(AttributeError):
        order.stock_code = "1"


def test_old_versions_double_some_fields() -> None:
    row = {"stock_code": "600036.SH", "order_remark": "长" * 20, "traded_id": "T1"}
    trade: Any = struct_classes("241014.1.2")["XtTrade"]._of(row)
    assert (trade.stock_code1, trade.m_strStockCode1) == ("600036.SH", "600036.SH")
    assert (trade.order_remark1, trade.m_strOrderRemarkNew) == ("长" * 20, "长" * 20)
    assert (trade.traded_id1, trade.m_strTradedIDNew) == ("T1", "T1")
    own: Any = struct_classes("241014.1.2")["XtTrade"]._of({**row, "traded_id1": "T2"})
    assert own.traded_id1 == "T2"
    assert not hasattr(NEWEST["XtTrade"]._of(row), "traded_id1")


def test_answer_with_bytes() -> None:
    order: Any = NEWEST["XtOrder"]._of({"order_remark": "备注".encode(), "status_msg": "废单".encode("gbk")})
    assert order.order_remark == "备注"
    with pytest.raises(UnicodeDecodeError):
        order.m_strStatusMsg  # noqa: B018


def test_row_that_fits_no_struct_is_an_error() -> None:
    with pytest.raises(TypeError, match="order_remark"):
        NEWEST["XtOrder"]._of({"order_remark": None})
    with pytest.raises(TypeError):
        NEWEST["XtOrder"]._of({"price": None})


def test_structs_are_not_plain_objects() -> None:
    order: Any = NEWEST["XtOrder"]()
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="pickle"):
            act(order)
    with pytest.raises(AttributeError):
        del order.price
    with pytest.raises(TypeError):
        NEWEST["XtOrder"](1)  # type: ignore[call-arg]
    assert type(order).__name__ == "XtOrder"
    assert isinstance(order, Struct)


def test_ten_thousand_orders_are_quick() -> None:
    cls = NEWEST["XtOrder"]
    row = cls()._row()
    spent = []
    for _ in range(7):
        begun = time.perf_counter()
        for _ in range(10_000):
            cls._of(row)
        spent.append(time.perf_counter() - begun)
    assert min(spent) < 0.05
