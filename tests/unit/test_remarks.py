"""What a remark leaves as, and how it is read back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.remarks import order_token, outgoing_remark, token_of, user_part

TOKEN = order_token("1234567890", "a-1")


def test_a_token_never_changes() -> None:
    # Remarks at the counter and tokens in a journal outlive this version.
    assert TOKEN == "ml5zktw2lvnw"


def test_tokens_differ() -> None:
    same_joined = {
        order_token("1", "23"),
        order_token("12", "3"),
        order_token("1", "2:3"),
        order_token("1:2", "3"),
    }
    assert len(same_joined) == 4
    assert len({order_token("1", "a", attempt) for attempt in range(1000)}) == 1000
    assert order_token("1", "a") == order_token("1", "a", 0)
    assert order_token("账号", "单号") != order_token("账号", "单")


@pytest.mark.parametrize(
    ("remark", "sent"),
    [
        ("", f"~{TOKEN}"),
        ("grid", f"grid~{TOKEN}"),
        ("ten-letter", f"ten-letter~{TOKEN}"),
        ("eleven-more", f"~{TOKEN}"),
        ("网格", f"~{TOKEN}"),
        ("a~b", f"a~b~{TOKEN}"),
    ],
)
def test_outgoing(remark: str, sent: str) -> None:
    assert outgoing_remark(remark, TOKEN) == sent


@pytest.mark.parametrize(
    "token", ["", "short", TOKEN + "a", TOKEN.upper(), "abcdefghijk1", "abcdefghijk~", "甲" * 12]
)
def test_a_foreign_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument):
        outgoing_remark("", token)


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "grid",
        "~",
        "abcdefghijkl",
        "~abcdefghijk",
        "~ABCDEFGHIJKL",
        "~abcdef1hijkl",
        "a-abcdefghijkl",
        "网格策略",
    ],
)
def test_a_foreign_remark_stays(foreign: str) -> None:
    assert token_of(foreign) is None
    assert user_part(foreign) == foreign


@settings(print_blob=True)
@given(st.text(max_size=40), st.text(), st.text(), st.integers(0, 99))
def test_round_trip(remark: str, account_id: str, client_order_id: str, attempt: int) -> None:
    account_id, client_order_id = (
        text.encode(errors="ignore").decode() for text in (account_id, client_order_id)
    )
    token = order_token(account_id, client_order_id, attempt)
    sent = outgoing_remark(remark, token)
    assert sent.isascii()
    assert len(sent) <= 23
    assert token_of(sent) == token
    fits = remark.isascii() and len(remark) <= 10
    assert user_part(sent) == (remark if fits else "")
