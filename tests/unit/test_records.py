"""Rows with easytrader's keys, whatever the vendor's version; a list that is also a frame and a table."""

from __future__ import annotations

import copy
import json
import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.fields import TABLES, Column, Table
from easytrader_qmt.records import Records, row, rows
from easytrader_qmt.remarks import order_token, outgoing_remark
from easytrader_qmt.securities import parse
from tests.vendor_objects import FIELDS, KINDS, ORDER, vendor

TOKEN = order_token("1111111111", "a-1")

# The keys of easytrader's document, in its order.
DOCUMENTED = {
    "asset": "total_asset market_value cash frozen_cash account_type account_id",
    "position": """
        security stock_code volume can_use_volume open_price market_value frozen_volume on_road_volume
        yesterday_volume avg_price direction account_type account_id""",
    "order": """
        security stock_code order_id order_sysid order_time order_type order_type_name order_volume price_type
        price_type_name price traded_volume traded_price order_status order_status_name status_msg offset_flag
        offset_flag_name strategy_name order_remark direction direction_name account_type account_id""",
    "trade": """
        security stock_code traded_id traded_time traded_price traded_volume traded_amount order_id order_type
        order_type_name offset_flag offset_flag_name account_id account_type order_sysid strategy_name
        order_remark""",
}
NEWER = {
    "asset": "fetch_balance",
    "position": "instrument_name last_price profit_rate float_profit secu_account",
    "order": "instrument_name secu_account",
    "trade": "commission instrument_name secu_account",
}


# --- keys and values ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_the_documented_ones_then_the_newer(kind: str) -> None:
    keys = [*DOCUMENTED[kind].split(), *NEWER[kind].split()]
    assert list(row(kind, vendor(kind))) == keys
    assert list(TABLES[kind].keys) == keys
    old = vendor(kind)
    for name in NEWER[kind].split():
        delattr(old, name)
    for made in (row(kind, old), rows(kind, [old, old])[1]):
        assert list(made) == keys
        assert [made[name] for name in NEWER[kind].split()] == [None] * len(NEWER[kind].split())
        assert all(made[name] is not None for name in DOCUMENTED[kind].split())


def test_the_documented_order() -> None:
    assert row("order", vendor("order")) == {
        **ORDER,
        "security": "162411",
        "order_type_name": "买入",
        "price_type_name": "限价",
        "order_status_name": "已成",
        "offset_flag_name": "买入",
        "direction_name": "多",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_plain_fields_pass_as_they_are(kind: str) -> None:
    made = row(kind, vendor(kind))
    assert {key: made[key] for key in FIELDS[kind]} == FIELDS[kind]


def test_balance_is_easytraders_word_for_asset() -> None:
    assert rows("balance", [vendor("asset")]) == rows("asset", [vendor("asset")])
    assert rows("balance", []).kind == "asset"


def test_an_unknown_code_shows_as_itself() -> None:
    made = row("order", vendor("order", order_status=77, price_type=999, direction=[0]))
    assert (made["order_status_name"], made["price_type_name"], made["direction_name"]) == (77, 999, [0])


def test_the_remark_shows_the_users_part() -> None:
    objects = [
        vendor("order", order_remark=text) for text in ("", f"grid~{TOKEN}", f"~{TOKEN}", "手工", "a~b")
    ]
    shown = ["", "grid", "", "手工", "a~b"]
    assert [made["order_remark"] for made in rows("order", objects)] == shown
    assert [row("order", each)["order_remark"] for each in objects] == shown


def test_a_remark_that_did_not_fit_comes_from_the_caller() -> None:
    sent = outgoing_remark("网格策略第三档", TOKEN)
    objects = [vendor("order", order_remark=sent), vendor("order", order_remark=f"x~{order_token('1', 'b')}")]
    known = {TOKEN: "网格策略第三档"}
    assert [made["order_remark"] for made in rows("order", objects, known)] == ["网格策略第三档", "x"]
    assert row("order", objects[0], known)["order_remark"] == "网格策略第三档"
    assert row("order", objects[0])["order_remark"] == ""


class HalfCut:
    """A vendor-like object of which some getters raise, as on a Chinese character cut in half."""

    def __init__(self, fields: dict[str, Any], *broken: str) -> None:
        self._fields = fields
        self._broken = broken

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__["_broken"]:
            raise UnicodeDecodeError("utf-8", b"\xe4\xb8", 0, 1, "unexpected end")
        try:
            return self.__dict__["_fields"][name]
        except KeyError:
            raise AttributeError(name) from None


def _with_property(name: str) -> type:
    def broken(self: object) -> str:
        raise UnicodeDecodeError("utf-8", b"\xe4\xb8", 0, 1, "unexpected end")

    return type("Vendor", (SimpleNamespace,), {name: property(broken)})


@pytest.mark.parametrize(
    "name", ["order_remark", "status_msg", "stock_code", "strategy_name", "instrument_name"]
)
def test_a_broken_getter_costs_one_field(name: str) -> None:
    lacking = {key: value for key, value in ORDER.items() if key != name}
    expected: dict[str, Any] = {**row("order", vendor("order")), name: None}
    if name == "stock_code":
        expected["security"] = None
    whole = row("order", vendor("order"))
    for broken in (HalfCut(ORDER, name), _with_property(name)(**lacking)):
        assert row("order", broken) == expected
        assert rows("order", [vendor("order"), broken, vendor("order")]) == [whole, expected, whole]
        assert rows("order", [broken, broken]) == [expected, expected]


def test_objects_of_one_class_may_have_different_fields() -> None:
    old = vendor("order")
    del old.instrument_name
    assert [made["instrument_name"] for made in rows("order", [old, vendor("order")])] == [None, "华宝油气"]
    assert [made["instrument_name"] for made in rows("order", [vendor("order"), old])] == ["华宝油气", None]


def test_objects_of_different_classes() -> None:
    class Slots:
        __slots__ = tuple(key for key in ORDER if key != "secu_account")

        def __init__(self) -> None:
            for key in self.__slots__:
                setattr(self, key, ORDER[key])

    made = rows("order", [Slots(), vendor("order"), HalfCut(ORDER)])
    assert [each["secu_account"] for each in made] == [None, "A1", "A1"]
    assert rows("order", [Slots(), Slots()]) == [made[0], made[0]]


def test_a_full_object_first_does_not_speak_for_the_others() -> None:
    def slotted(*lacking: str) -> Any:
        names = tuple(key for key in ORDER if key not in lacking)
        made: Any = type("Slots", (), {"__slots__": names})()
        for key in names:
            setattr(made, key, ORDER[key])
        return made

    whole = row("order", vendor("order"))
    for lacking in ((), ("secu_account",), ("stock_code", "status_msg")):
        made = rows("order", [slotted(), slotted(*lacking), vendor("order")])
        without = dict.fromkeys((*lacking, *(("security",) if "stock_code" in lacking else ())))
        assert made == [whole, {**whole, **without}, whole]
        assert [list(each) for each in made] == [list(whole)] * 3


def test_an_unset_slot_is_a_missing_field() -> None:
    class Slots:
        __slots__ = tuple(ORDER)

    assert set(row("order", Slots()).values()) == {None}


def test_records_are_a_snapshot() -> None:
    order = vendor("order")
    made = rows("order", [order])
    order.order_status = 50
    assert made[0]["order_status"] == 56
    assert made.df["order_status"][0] == 56


def test_an_edited_row_shows_everywhere() -> None:
    made = rows("order", [vendor("order")])
    made[0]["status_msg"] = "edited"
    assert made.df["status_msg"][0] == "edited"
    assert "edited" in repr(made)


def test_none_is_not_an_empty_answer() -> None:
    with pytest.raises(InvalidArgument, match="None"):
        rows("order", None)  # type: ignore[arg-type]


def test_unknown_kind() -> None:
    with pytest.raises(InvalidArgument, match="order"):
        rows("deal", [])


def test_a_table_of_ones_own() -> None:
    table = Table("fee", (Column("rate", "费率", "float", "m_dRate", shown=True),))
    made = rows(table, [SimpleNamespace(m_dRate=0.5)])
    assert made == [{"rate": 0.5}]
    assert pickle.loads(pickle.dumps(made)).df.equals(made.df)
    assert repr(made) == "费率\n 0.5\n1 行"


@pytest.mark.parametrize(
    "keys", [("a-b", "x"), ("class", "x"), ("__class__", "__dict__"), ("费率", "_x"), ("x",)]
)
def test_a_key_may_be_any_text(keys: tuple[str, ...]) -> None:
    table = Table("odd", tuple(Column(key, key, "int", "volume") for key in keys))
    made = rows(table, [vendor("position"), vendor("position", volume=7)])
    assert made == [dict.fromkeys(keys, vendor("position").volume), dict.fromkeys(keys, 7)]
    assert made.df.columns.tolist() == list(keys)


# --- a list ------------------------------------------------------------------------------------


def three() -> Records:
    codes = ("600036.SH", "162411.SZ", "163402.SZ")
    return rows(
        "order",
        [
            vendor("order", stock_code=code, order_id=at, order_status=50 + at * 3)
            for at, code in enumerate(codes)
        ],
    )


def test_it_is_a_list_of_dicts() -> None:
    made = three()
    assert isinstance(made, list)
    assert all(type(each) is dict for each in made)
    assert made == list(made)
    assert json.loads(json.dumps(made)) == made
    assert rows("order", []) == []
    assert not rows("order", [])


def test_each_row_is_a_dict_of_its_own() -> None:
    keys = list(TABLES["order"].keys)
    made = three()
    first, second, third = made
    first["note"], first[1] = "mine", None
    del second["price"]
    second["price"] = 9.5
    third.update({f"more{at}": at for at in range(40)})
    del third["security"]
    later = three()
    assert list(first) == [*keys, "note", 1]
    assert list(second) == [*(key for key in keys if key != "price"), "price"]
    assert list(third) == [*keys[1:], *(f"more{at}" for at in range(40))]
    assert [list(each) for each in later] == [keys] * 3
    assert [each["price"] for each in later] == [ORDER["price"]] * 3
    assert {**first, "order_id": 2}.keys() == first.keys()
    assert pickle.loads(pickle.dumps(third)) == third
    assert not hasattr(first, "__dict__")


def test_slices_and_copies_are_records() -> None:
    made = three()
    copies = (made[:], made.copy(), copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made)))
    for each in copies:
        assert type(each) is Records
        assert each == made
        assert each.table is made.table
        assert each.df.equals(made.df)
    assert type(made[1:]) is Records
    assert made[1:].df["order_id"].tolist() == [1, 2]
    assert made[-1]["order_id"] == 2


@pytest.mark.parametrize(
    "code", ["600036", "600036.SH", "sh600036", "600036.XSHG", " 600036 ", parse("600036")]
)
def test_where_takes_every_form_of_a_code(code: object) -> None:
    assert [each["stock_code"] for each in three().where(security=code)] == ["600036.SH"]


def test_where() -> None:
    made = three()
    # Bare, it means Shanghai to an order; in a list it is simply looked for.
    assert [each["stock_code"] for each in made.where(security="163402")] == ["163402.SZ"]
    assert made.where(security="163402.SH") == []
    assert [each["order_id"] for each in made.where(status="已报")] == [0]
    assert [each["order_id"] for each in made.where(status=56)] == [2]
    assert [each["order_id"] for each in made.where(order_type=23, order_id=1)] == [1]
    assert made.where() == made
    assert type(made.where(status="废单")) is Records
    assert list(made.where(status="废单").df.columns) == list(made.df.columns)


@pytest.mark.parametrize(
    "conditions",
    [{"stauts": "已报"}, {"security": "sh60003"}, {"security": None}, {"security": "６０００３６"}],
)
def test_where_refuses_what_could_never_match(conditions: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        three().where(**conditions)
    with pytest.raises(InvalidArgument):
        rows("asset", []).where(status="已报")
