"""What crosses a link byte by byte: frames, and the fields of requests. See docs/link.md."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easytrader_qmt.sim.link_frames import BrokenLinkError, FrameTooLongError, decode, encode
from easytrader_qmt.sim.link_requests import checked_fields

pytestmark = pytest.mark.usefixtures("no_leaks")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(value=JSON)
@settings(max_examples=200, derandomize=True)
def test_every_value_crosses_unchanged(value: Any) -> None:
    frame = encode({"type": "answer", "payload": value}, 1 << 20)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    assert repr(decode(frame[4:])["payload"]) == repr(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[1]",
        b'"text"',
        b"{}",
        b'{"type": 1}',
        b'{"type": "x", "price": NaN}',
        b'{"type": "x"} trailing',
        b"[" * 200_000,
        b'{"type": "x", "n": ' + b"9" * 10_000 + b"}",
        b"\x80\x04\x95",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenLinkError):
        decode(body)


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(FrameTooLongError):
        encode({"type": "x", "text": "长" * 1000}, 1000)


def test_half_a_character_crosses_unharmed() -> None:
    assert decode(encode({"type": "x", "text": "\ud800"}, 100)[4:])["text"] == "\ud800"


def test_a_request_is_completed_and_checked_by_the_native_struct() -> None:
    fields = checked_fields("cancelOrderStock", {"account_id": "1", "order_id": 7, "unknown": []})
    assert fields["market"] == -1
    assert (fields["order_id"], fields["order_sysid"]) == (7, "")
    assert "unknown" not in fields
    for wrong in ({"account_id": []}, {"order_id": "7"}, {"order_id": 2**64}, {"market": None}):
        with pytest.raises(BrokenLinkError):
            checked_fields("cancelOrderStock", wrong)
    with pytest.raises(BrokenLinkError):
        checked_fields("__init__", {})


def test_a_nan_price_crosses_as_the_native_client_takes_it() -> None:
    sent = decode(encode({"type": "request", "fields": {"price": math.nan}}, 1000)[4:])
    assert math.isnan(checked_fields("orderStock", sent["fields"])["price"])
