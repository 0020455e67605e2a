"""When an empty answer is believed, and how long its proof may take."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from easytrader_qmt.errors import QueryFailed
from easytrader_qmt.miniqmt import deadline, sync
from easytrader_qmt.miniqmt.session import Session
from tests.clocks import FakeClock
from tests.vendor_objects import vendor

ACCOUNT = SimpleNamespace(account_id="1111111111", account_type=2)
ASSET, POSITIONS, ORDERS = "query_stock_asset", "query_stock_positions", "query_stock_orders"


class Answering:
    """A session whose answers are given, by name, in the order they come; each takes three seconds."""

    call_timeout = 10.0

    def __init__(self, clock: FakeClock, **answers: list[Any]) -> None:
        self._clock = clock
        self._answers = answers
        self.asked: list[tuple[str, float | None]] = []

    def query(self, name: str, *args: Any, timeout: float | None = None) -> Any:
        self.asked.append((name, timeout))
        self._clock.pass_(3.0)
        return self._answers[name].pop(0)

    def ask(self, name: str, *args: Any, timeout: float | None = None) -> Callable[[], Any]:
        answer = self.query(name, timeout=timeout)
        return lambda: answer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    made = FakeClock()
    monkeypatch.setattr(deadline, "time", made)
    return made


Ask = Callable[[Session], Any]
ASKS: dict[str, Ask] = {
    "list": lambda session: sync.list_of(session, POSITIONS, ACCOUNT),
    "answer": lambda session: sync.answer_of(session, POSITIONS, ACCOUNT, "持仓", ACCOUNT),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_what_is_not_empty_needs_no_proof(clock: FakeClock, ask: Ask) -> None:
    session = Answering(clock, query_stock_positions=[[vendor("position")]])
    assert len(ask(cast(Session, session))) == 1
    assert session.asked == [(POSITIONS, 10.0)]


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_an_empty_answer_counts_only_between_two_assets_and_all_within_one_deadline(
    clock: FakeClock, ask: Ask
) -> None:
    session = Answering(clock, query_stock_positions=[[], []], query_stock_asset=[vendor("asset")] * 2)
    assert ask(cast(Session, session)) == []
    assert session.asked == [(POSITIONS, 10.0), (ASSET, 7.0), (POSITIONS, 4.0), (ASSET, 1.0)]


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_login_between_the_empty_answer_and_the_asset_proves_nothing(clock: FakeClock, ask: Ask) -> None:
    session = Answering(
        clock, query_stock_positions=[[], [vendor("position")]], query_stock_asset=[vendor("asset")]
    )
    assert len(ask(cast(Session, session))) == 1


@pytest.mark.parametrize("assets", [[None], [vendor("asset"), None], [-1], [vendor("asset"), -1]])
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_an_asset_that_is_missing_on_either_side_is_no_proof(
    clock: FakeClock, ask: Ask, assets: list[Any]
) -> None:
    session = Answering(clock, query_stock_positions=[[], []], query_stock_asset=list(assets))
    with pytest.raises(QueryFailed):
        ask(cast(Session, session))


def test_an_empty_list_of_a_snapshot_that_was_sent_with_the_asset_is_asked_for_behind_it(
    clock: FakeClock,
) -> None:
    """The terminal may have answered it while the account was logged out, and the asset after the login."""
    session = Answering(
        clock,
        query_stock_asset=[vendor("asset")] * 2,
        query_stock_positions=[[], [vendor("position")]],
        query_stock_orders=[[], [vendor("order")]],
        query_stock_trades=[[]],
    )
    found = sync.snapshot(cast(Session, session), ACCOUNT)
    assert (len(found.positions), len(found.orders)) == (1, 1)
    assert session.asked[-1][0] == ASSET, "the empty list of trades stands between two assets"
