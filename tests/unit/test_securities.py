"""Every form of a code, every board, and no guess."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easytrader_qmt.boards import BOARDS, Board
from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.securities import RULES, Rules, Security, parse, shared_prefix

FORMS = [
    ("600036", "600036.SH"),
    ("600036.SH", "600036.SH"),
    ("600036.sh", "600036.SH"),
    ("sh600036", "600036.SH"),
    ("SH600036", "600036.SH"),
    ("Sh600036", "600036.SH"),
    ("600036.XSHG", "600036.SH"),
    ("600036.xshg", "600036.SH"),
    ("600036.SSE", "600036.SH"),
    ("000001", "000001.SZ"),
    ("000001.XSHE", "000001.SZ"),
    ("000001.SZSE", "000001.SZ"),
    ("sz000001", "000001.SZ"),
    ("430047.BJ", "430047.BJ"),
    ("430047.BSE", "430047.BJ"),
    ("430047.XBSE", "430047.BJ"),
    ("bj920002", "920002.BJ"),
    ("920002", "920002.BJ"),
    (" 600036 \n", "600036.SH"),
    # An explicit exchange wins over every table.
    ("000001.SH", "000001.SH"),
    ("sh000300", "000300.SH"),
    ("600036.SZ", "600036.SZ"),
    ("163402.SZ", "163402.SZ"),
    ("999999.BJ", "999999.BJ"),
    # The longest prefix wins.
    ("155001", "155001.SH"),
    ("159915", "159915.SZ"),
    ("131810", "131810.SZ"),
    ("163402", "163402.SH"),
    # Bonds that easytrader's own rule sends to Shenzhen.
    ("115001", "115001.SH"),
    ("122001", "122001.SH"),
    ("136001", "136001.SH"),
    ("143001", "143001.SH"),
    ("175001", "175001.SH"),
    ("185001", "185001.SH"),
    ("188001", "188001.SH"),
    ("240001", "240001.SH"),
    ("010107", "010107.SH"),
    ("018001", "018001.SH"),
    ("019666", "019666.SH"),
    ("020001", "020001.SH"),
]


@pytest.mark.parametrize(("written", "stock_code"), FORMS)
def test_form(written: str, stock_code: str) -> None:
    found = parse(written)
    assert found.stock_code == str(found) == stock_code
    assert found.code + "." + found.market == stock_code


# name, a code, kind, min_buy, step, tick, day limit, most in a limit order, most in a market order
ROWS = [
    ("上海主板", "600036", "stock", 100, 100, "0.01", "0.1", 1_000_000, 1_000_000),
    ("上海主板", "605001", "stock", 100, 100, "0.01", "0.1", 1_000_000, 1_000_000),
    ("科创板", "688981", "stock", 200, 1, "0.01", "0.2", 100_000, 50_000),
    ("科创板", "689009", "stock", 200, 1, "0.01", "0.2", 100_000, 50_000),
    ("深圳主板", "003816", "stock", 100, 100, "0.01", "0.1", 1_000_000, 1_000_000),
    ("创业板", "300750", "stock", 100, 100, "0.01", "0.2", 300_000, 150_000),
    ("创业板", "302132", "stock", 100, 100, "0.01", "0.2", 300_000, 150_000),
    ("北交所", "920002", "stock", 100, 1, "0.01", "0.3", 1_000_000, 1_000_000),
    ("北交所", "835185", "stock", 100, 1, "0.01", "0.3", 1_000_000, 1_000_000),
    ("上海基金", "510300", "fund", 100, 100, "0.001", "0.1", 1_000_000, 1_000_000),
    ("上海T+0基金", "518880", "fund", 100, 100, "0.001", "0.1", 1_000_000, 1_000_000),
    ("科创板基金", "588000", "fund", 100, 100, "0.001", "0.2", 1_000_000, 1_000_000),
    ("深圳基金", "162411", "fund", 100, 100, "0.001", "0.1", 1_000_000, 1_000_000),
    ("上海可转债", "113050", "convertible", 10, 10, "0.001", "0.2", 1_000_000, 1_000_000),
    ("深圳可转债", "128136", "convertible", 10, 10, "0.001", "0.2", 1_000_000, 1_000_000),
    ("上海债券", "019666", "bond", 10, 10, "0.001", None, 1_000_000, 1_000_000),
    ("上海国债逆回购", "204001", "repo", 10, 10, "0.005", None, 1_000_000, 1_000_000),
    ("深圳国债逆回购", "131810", "repo", 10, 10, "0.005", None, 1_000_000, 1_000_000),
    ("上海B股", "900901", "b_share", 100, 100, "0.001", "0.1", 1_000_000, 1_000_000),
    ("深圳B股", "200002", "b_share", 100, 100, "0.01", "0.1", 1_000_000, 1_000_000),
]


@pytest.mark.parametrize(
    ("name", "code", "kind", "least", "step", "tick", "limit", "most", "at_market"), ROWS
)
def test_board(
    name: str,
    code: str,
    kind: str,
    least: int,
    step: int,
    tick: str,
    limit: str | None,
    most: int,
    at_market: int,
) -> None:
    board = parse(code).board
    assert (board.name, board.kind, board.min_buy, board.step) == (name, kind, least, step)
    assert board.tick == Decimal(tick)
    assert board.day_limit == (None if limit is None else Decimal(limit))
    assert (board.max_limit_volume, board.max_market_volume) == (most, at_market)


def test_every_board_is_in_the_table_above() -> None:
    assert {row[0] for row in ROWS} == {board.name for board in BOARDS}


def test_every_prefix_finds_its_own_board() -> None:
    for board in BOARDS:
        for prefix in board.prefixes:
            code = prefix.ljust(6, "7")
            assert parse(code).board is board, code


def test_same_day_sales() -> None:
    assert {board.name for board in BOARDS if board.t0} == {
        "上海T+0基金",
        "上海可转债",
        "深圳可转债",
        "上海债券",
    }


@pytest.mark.parametrize("code", ["700001.SH", "sz999999", "123456.BJ"])
def test_unknown_prefix_with_an_exchange_has_lenient_rules(code: str) -> None:
    board = parse(code).board
    assert (board.kind, board.min_buy, board.step, board.tick) == ("other", 1, 1, Decimal("0.001"))
    assert board.max_limit_volume is board.max_market_volume is board.day_limit is None
    assert board.market == parse(code).market


@pytest.mark.parametrize(
    "bad",
    [
        None,
        600036,
        600036.0,
        True,
        b"600036",
        ["600036"],
        {},
        "",
        " ",
        "60003",
        "6000366",
        "600036.",
        ".SH",
        "SH",
        "600036.HK",
        "600036.SH.SH",
        "sh600036.SH",
        "sh600036.SZ",
        "hk00700",
        "600036 SH",
        "6000 36",
        "600O36",
        "６０００３６",
        "٦٠٠٠٣٦",
        "ſh600036",
        "600036.ſh",
        "招商银行",
        "600036\x00",
        "777777",
        "999999",
        "500",
        "040001",
    ],
)
def test_refused(bad: object) -> None:
    with pytest.raises(InvalidOrder) as caught:
        parse(bad)
    assert caught.value.field == "security"
    assert caught.value.value is bad
    assert "600036.SH" in str(caught.value)
    assert caught.value.sent is False


def test_refused_again_after_a_success() -> None:
    rules = Rules()
    rules.parse("600036")
    for _ in range(2):
        with pytest.raises(InvalidOrder):
            rules.parse("777777")


def test_text_of_another_type() -> None:
    class Text(str):
        __slots__ = ()

    assert parse(Text("sh600036")).stock_code == "600036.SH"


def test_cached() -> None:
    assert parse("600036") is parse("600036")


def test_a_security_is_read_under_the_rules_asked() -> None:
    special = RULES.override("600036", tick="0.001")
    assert special.parse(parse("600036")).board.tick == Decimal("0.001")
    assert parse(special.parse("600036")).board.tick == Decimal("0.01")


@pytest.mark.parametrize(("code", "number"), [("600036", 0), ("000001", 1), ("920002", 70)])
def test_market_id(code: str, number: int) -> None:
    assert parse(code).market_id == number


def test_shared_prefix() -> None:
    assert shared_prefix("163402") == "163402.SZ"
    assert shared_prefix(" 163402 ") == "163402.SZ"
    assert shared_prefix(parse("163402")) == "163402.SZ"
    assert shared_prefix("163402.SH") is None
    assert shared_prefix("sz163402") is None
    assert shared_prefix("600036") is None
    with pytest.raises(InvalidOrder):
        shared_prefix("777777")


def test_override_leaves_everything_else() -> None:
    special = RULES.override("sh600036", tick=0.001, day_limit="0.05", min_buy=1, step=1)
    board = special.parse("600036.SH").board
    assert (board.tick, board.day_limit, board.min_buy) == (Decimal("0.001"), Decimal("0.05"), 1)
    assert board.ticks_per_yuan == 1000
    assert special.parse("600000").board is RULES["上海主板"]
    assert parse("600036").board is RULES["上海主板"]
    again = special.override("600036", day_limit=None).parse("600036").board
    assert (again.day_limit, again.tick) == (None, Decimal("0.001"))


def test_replace_boards() -> None:
    other = Board("北交所", "stock", "BJ", ("920",), min_buy=1, step=1)
    new = Board("新板", "stock", "SZ", ("309",))
    rules = RULES.override("600036", step=1).replace([other, new])
    assert rules["北交所"].min_buy == 1
    assert rules.parse("309001").board is new
    assert rules.parse("600036").board.step == 1
    assert len(rules) == len(RULES) + 1
    assert list(RULES) == [name for name in rules if name != "新板"]
    with pytest.raises(InvalidOrder):
        rules.parse("430047")


def test_a_prefix_of_two_markets_is_no_answer() -> None:
    rules = RULES.replace([Board("也是600", "stock", "SZ", ("600",))])
    with pytest.raises(InvalidOrder, match="请写明交易所"):
        rules.parse("600036")
    assert rules.parse("600036.SZ").board.name == "也是600"
    assert rules.parse("600036.SH").board.name == "上海主板"


@pytest.mark.parametrize(
    "fields",
    [
        {"lot": 1},
        {"market": "SZ"},
        {"tick": "x"},
        {"tick": 0},
        {"tick": None},
        {"tick": "NaN"},
        {"step": 0},
        {"step": 1.0},
        {"min_buy": -1},
        {"max_limit_volume": 1},
        {"day_limit": "ten"},
    ],
)
def test_impossible_override(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        RULES.override("600036", **fields)


def test_impossible_boards() -> None:
    with pytest.raises(InvalidArgument):
        Board("x", "stock", "HK", ("0",))  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument):
        Rules([*BOARDS, BOARDS[0]])


def test_rules_compare_and_cannot_be_changed() -> None:
    assert Rules() == RULES
    assert RULES.override("600036", step=1) != RULES
    assert Rules() != dict(RULES)
    with pytest.raises(TypeError):
        RULES["上海主板"] = BOARDS[0]  # type: ignore[index]
    with pytest.raises(AttributeError):
        parse("600036").board.step = 1  # type: ignore[misc]


def test_a_security_can_be_stored() -> None:
    found = parse("600036")
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert isinstance(again, Security)
    assert (again.stock_code, again.board.ticks_per_yuan) == ("600036.SH", 100)


@settings(print_blob=True)
@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except InvalidOrder as error:
        assert error.field == "security"  # noqa: PT017
    else:
        assert found.stock_code[:6] in text
        assert parse(found.stock_code) == found


@settings(print_blob=True)
@given(
    st.integers(0, 999_999),
    st.sampled_from([".SH", ".XSHE", ".BSE"]),
    st.sampled_from([str.upper, str.lower]),
)
def test_a_written_exchange_always_wins(number: int, suffix: str, case: object) -> None:
    found = parse(case(f"{number:06d}{suffix}"))  # type: ignore[operator]
    assert found.market == {".SH": "SH", ".XSHE": "SZ", ".BSE": "BJ"}[suffix]
    assert found.board.market == found.market
