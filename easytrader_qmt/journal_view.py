"""The order journal for a person at a terminal: which entries, as an aligned table or as text to keep.

It only reads entries: it never makes a journal where there is none, and never shows a real account's number in
full. Opening a journal of an older format brings it up to date, and then an older library cannot open it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from easytrader_qmt.clock import SystemClock
from easytrader_qmt.drawing import cell, cells_wide
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.fields import Column
from easytrader_qmt.folders import default_journal
from easytrader_qmt.journal import Entry, Journal, Outcome
from easytrader_qmt.journal_export import as_csv, as_json
from easytrader_qmt.miniqmt.names import name_of
from easytrader_qmt.miniqmt.privacy import shorten

__all__ = ["OUTCOME_NAMES", "journal_text"]

OUTCOME_NAMES: dict[str, str] = {
    "sending": "发送中",
    "accepted": "已报到",
    "refused": "被拒绝",
    "not_sent": "未发送",
    "in_doubt": "结果未知",
    "absent": "未到柜台",
}
"""The outcomes of an order in the journal's words; `Journal.entries` takes the keys."""

_GAP = "  "
_COLUMNS = (
    Column("begun_at", "时间", "time", ""),
    Column("account_id", "资金账号", "str", ""),
    Column("stock_code", "证券", "str", ""),
    Column("side", "方向", "str", ""),
    Column("price", "价格", "float", "", look="price"),
    Column("amount", "数量", "int", "", look="count"),
    Column("outcome", "结果", "str", ""),
    Column("order_id", "委托编号", "int", ""),
    Column("client_order_id", "客户端编号", "str", ""),
    Column("remark", "备注", "str", ""),
    Column("message", "说明", "str", ""),
)


def journal_text(
    path: str | os.PathLike[str] | None = None,
    *,
    account: str | None = None,
    day: str | None = None,
    outcome: str | None = None,
    security: str | None = None,
    limit: int | None = None,
    export: str | None = None,
) -> Iterator[str]:
    """The newest ``limit`` entries that fit every filter, oldest first: lines of a table, or pieces of a text.

    ``path`` None is the default journal. ``day`` as ``2025-11-03`` in Asia/Shanghai; ``outcome`` a key or a name
    of `OUTCOME_NAMES`, ``refused`` with those that were taken first; ``export`` is ``csv`` or ``json``.
    Raises InvalidArgument for a file that is not there and for a filter that makes no sense, InvalidOrder for an
    unreadable code, JournalError.
    """
    place = os.path.abspath(os.path.expanduser(os.fspath(path) if path is not None else default_journal()))
    if export not in (None, "csv", "json"):
        raise InvalidArgument(f"导出格式只能是 csv 或 json，收到 {export!r}")
    wanted = _outcome(outcome)
    if not os.path.isfile(place):
        raise InvalidArgument(f"没有委托日志 {place}：还没有下过单，或请用 --path 指出日志文件")
    journal = Journal(place, clock=SystemClock())
    try:
        if wanted == "refused":
            # The list calls an order that was taken and then refused a refused one as well.
            every = journal.entries(account, day=day, security=security)
            found = tuple(entry for entry in every if entry.outcome == wanted or entry.rejected_later)
            found = found[:limit][::-1]
        else:
            found = journal.entries(account, day=day, outcome=wanted, security=security, limit=limit)[::-1]
    finally:
        journal.close()
    if export is None:
        return _table(found, lambda number: number if account == number else _shown(number))
    return as_csv(found) if export == "csv" else as_json(found)


def _outcome(text: str | None) -> Outcome | None:
    if text is None:
        return None
    names = {name: key for key, name in OUTCOME_NAMES.items()} | {key: key for key in OUTCOME_NAMES}
    if text not in names:
        known = "、".join(f"{key}（{name}）" for key, name in OUTCOME_NAMES.items())
        raise InvalidArgument(f"没有委托结果 {text!r}，可选：{known}")
    return cast(Outcome, names[text])


def _shown(account: str) -> str:
    return account if account.startswith("SIM") else shorten(account)


def _table(entries: Sequence[Entry], shown: Callable[[str], str]) -> Iterator[str]:
    lines = [[column.heading for column in _COLUMNS]]
    lines += [[cell(column, row[column.key]) for column in _COLUMNS] for row in _rows(entries, shown)]
    widths = [max(cells_wide(line[at]) for line in lines) for at in range(len(_COLUMNS))]
    for line in lines:
        yield _GAP.join(map(_padded, _COLUMNS, line, widths)).rstrip()
    yield f"{len(entries)} 笔"


def _rows(entries: Sequence[Entry], shown: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield {
            "begun_at": entry.begun_at,
            "account_id": shown(entry.account_id),
            "stock_code": entry.stock_code,
            "side": name_of("order_type", entry.order_type),
            "price": entry.price,
            "amount": entry.amount,
            "outcome": OUTCOME_NAMES[entry.outcome] + ("，后被拒绝" if entry.rejected_later else ""),
            "order_id": entry.order_id or None,
            "client_order_id": entry.client_order_id,
            "remark": entry.user_remark,
            "message": entry.rejected_later or entry.message,
        }


def _padded(column: Column, text: str, width: int) -> str:
    blank = " " * (width - cells_wide(text))
    return blank + text if column.dtype in ("int", "float") else text + blank
