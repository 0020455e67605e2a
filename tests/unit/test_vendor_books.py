"""What the vendor's layer remembers is bounded, and still does what the layer asks of it."""

from __future__ import annotations

from types import SimpleNamespace

from easytrader_qmt.miniqmt.vendor_books import Recent, bound


def test_as_a_set() -> None:
    book = Recent(4)
    book.add(1)
    book.add(1)
    book.discard(7)
    assert 1 in book
    book.discard(1)
    assert 1 not in book


def test_the_latest_are_kept() -> None:
    book = Recent(4)
    for number in range(100):
        book.add(number)
        assert number in book
        assert number < 2 or number - 1 in book
        assert len(book) <= 4


def test_as_a_dict() -> None:
    book = Recent(4)
    book["a"] = "error"
    assert book.pop("a", None) == "error"
    assert book.pop("a", None) is None


def test_only_what_is_there_and_of_the_known_type() -> None:
    trader = SimpleNamespace(handled_async_order_stock_order_id=set(), queuing_order_errors_byid=[])
    bound(trader)
    assert isinstance(trader.handled_async_order_stock_order_id, Recent)
    assert trader.queuing_order_errors_byid == []
    assert not hasattr(trader, "queuing_order_errors_byseq")
