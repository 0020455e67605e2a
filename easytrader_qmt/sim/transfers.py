"""Money and shares between the simulated counter (极速柜台) and the account's second one (普通柜台).

Moves only what lies there and may leave; never reaches a bank, another account or another node. The second
counter neither trades nor settles: it keeps what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from easytrader_qmt.sim.account import Account, Position, secu_account
from easytrader_qmt.sim.credit import CreditDesk
from easytrader_qmt.sim.daybook import DayBook, Row
from easytrader_qmt.sim.execution import Execution
from easytrader_qmt.sim.money import mills, yuan
from easytrader_qmt.sim.outcomes import Event

FUNDS_IN, FUNDS_OUT, NODE_SH_TO_SZ, NODE_SZ_TO_SH = 510, 511, 512, 513
"""资金划拨: 普通柜台 to 极速柜台, back, and between the nodes of Shanghai and Shenzhen."""

SHARES_IN, SHARES_OUT = 520, 521
"""股份划拨: 普通柜台 to 极速柜台, and back."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What became of a transfer; ``text`` says why not."""

    success: bool
    text: str
    events: tuple[Event, ...] = ()


class TransferDesk:
    """The way between the two counters for the accounts on one counter's books."""

    def __init__(self, day: DayBook, execution: Execution, credit: CreditDesk) -> None:
        self._day = day
        self._execution = execution
        self._credit = credit

    def move(
        self, account_id: str, direction: int, amount: float, stock_code: str = "", volume: int = 0
    ) -> Transferred:
        """Move ``amount`` yuan (510 in, 511 out) or ``volume`` shares (520 in, 521 out)."""
        account = self._day.accounts.get(account_id)
        if account is None:
            return Transferred(False, f"资金账号 {account_id} 未登录")
        code = full_code(stock_code) if direction in (SHARES_IN, SHARES_OUT) else ""
        if code:
            # What was closed today is still listed, and owes nothing.
            book = account.credit
            indebted = book is not None and not all(one.closed for one in book.compacts)
            text = move_shares(account, direction, code, volume, indebted)
        else:
            text = move_funds(account, direction, mills(amount), self._credit.fetchable(account))
        if text:
            return Transferred(False, text)
        self._day.touch(account)
        told = self._execution.positions(account, [code] if code else [])
        return Transferred(True, "", (self._execution.asset(account), *told))

    def fund(self, account_id: str) -> list[Row]:
        """The ComFund row; none for an unknown account."""
        account = self._day.accounts.get(account_id)
        return [fund_row(account)] if account else []

    def positions(self, account_id: str) -> list[Row]:
        """The ComPosition rows."""
        account = self._day.accounts.get(account_id)
        if account is None:
            return []
        return [
            position_row(account, held, self._execution.last(code))
            for code, held in account.com_positions.items()
        ]


def move_funds(account: Account, direction: int, amount: int | None, fetchable: int) -> str:
    """Move ``amount`` mills; the reason when it may not be, empty when it was done."""
    if direction in (NODE_SH_TO_SZ, NODE_SZ_TO_SH):
        return "仿真柜台只有一个节点，不支持节点间资金划拨"
    if direction not in (FUNDS_IN, FUNDS_OUT):
        return f"不支持的划拨方向 {direction}"
    if amount is None or amount <= 0:
        return "划拨金额不合法"
    if direction == FUNDS_IN:
        if amount > account.com_cash:
            return "普通柜台可用资金不足"
        account.com_cash -= amount
        account.cash += amount
        return ""
    if amount > min(fetchable, account.cash):
        return "极速柜台可取资金不足"
    account.cash -= amount
    account.com_cash += amount
    return ""


def move_shares(account: Account, direction: int, code: str, volume: int, indebted: bool) -> str:
    """Move ``volume`` shares of a full code with their part of the cost; the reason when it may not be.

    An ``indebted`` margin account keeps its shares: they are the collateral.
    """
    inward = direction == SHARES_IN
    source = account.com_positions if inward else account.positions
    target = account.positions if inward else account.com_positions
    held = source.get(code)
    if volume <= 0:
        return "划拨数量不合法"
    if held is None or volume > held.can_use_volume:
        return ("普通柜台" if inward else "极速柜台") + "证券可用数量不足"
    if indebted and not inward:
        return "有未了结负债，担保品不能转出"
    there = target.get(code)
    if there is None:
        there = target[code] = Position(code, held.instrument_name)
    cost, open_cost = held.cost, held.open_cost
    held.frozen_volume += volume
    held.sold(volume)
    there.volume += volume
    there.cost += cost - held.cost
    there.open_cost += open_cost - held.open_cost
    if inward and not held.volume:
        del source[code]
    return ""


def fund_row(account: Account) -> dict[str, Any]:
    """The ComFund row of the second counter."""
    cash = yuan(account.com_cash)
    return {
        "m_bSuccess": True,
        "m_strMsg": "",
        "m_strMoneyType": "0",
        "m_dCurrentBalance": cash,
        "m_dEnableBalance": cash,
        "m_dFetchBalance": cash,
        "m_dInterest": 0.0,
        "m_dAssetBalance": cash,
        "m_dFetchCash": cash,
        "m_dMarketValue": 0.0,
        "m_dDebt": 0.0,
    }


def position_row(account: Account, held: Position, last: int) -> dict[str, Any]:
    """The ComPosition row of one security at a last price in mills; market 1 is Shanghai, 2 Shenzhen, 9 北交所."""
    number, _, exchange = held.stock_code.partition(".")
    worth = held.volume * last
    return {
        "m_bSuccess": True,
        "m_strMsg": "",
        "m_strAccountID": secu_account(account.account_id, held.stock_code),
        "m_strHandFlag": "0",
        "m_strExchangeType": {"SH": "1", "SZ": "2"}.get(exchange, "9"),
        "m_strStockCode": number,
        "m_strStockName": held.instrument_name,
        "m_dTotalAmt": float(held.volume),
        "m_dEnableAmount": float(held.can_use_volume),
        "m_dLastPrice": yuan(last),
        "m_dCostPrice": yuan(held.cost) / held.volume if held.volume else 0.0,
        "m_dIncome": yuan(worth - held.cost),
        "m_dIncomeRate": (worth - held.cost) / held.cost if held.cost else 0.0,
        "m_dMarketValue": yuan(worth),
        "m_dCostBalance": yuan(held.cost),
        "m_nBsOnTheWayVol": 0,
        "m_nPrEnableVol": held.can_use_volume,
        "m_bIsutfInterface": True,
        "m_strStockCode1": held.stock_code,
    }


def full_code(sent: str) -> str:
    """``SH600000``, as the vendor's documentation writes it here, as ``600000.SH``; a full code as it is."""
    if sent[:2] in ("SH", "SZ", "BJ") and "." not in sent:
        return f"{sent[2:]}.{sent[:2]}"
    return sent
