"""The order journal's statements: text, and the values that go with it. It never runs one."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from easytrader_qmt import securities
from easytrader_qmt.clock import SHANGHAI
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.journal_entries import COLUMNS

__all__ = ["AFTER", "FINISH", "FOUND_LIVE", "INSERT", "OF_ANY_TOKEN", "OF_ID", "OF_TOKEN", "OPEN"]
__all__ += ["REFUSE_NUMBER", "REFUSE_TOKEN", "TAKE_BACK", "filters", "newest"]

INSERT = (
    "INSERT INTO orders (account_id, client_order_id, attempt, token, remark, user_remark, strategy_name,"
    " stock_code, order_type, price_type, price, amount, notional, session_id, pid, marker, begun_at,"
    " account_type, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sending')"
    " ON CONFLICT DO NOTHING"
)

_NUMBER = "order_id = CASE WHEN :order_id > 0 THEN :order_id ELSE order_id END, finished_at = :now"
_REFUSE = (
    "UPDATE orders SET"
    " rejected_later = CASE WHEN outcome = 'accepted' AND rejected_later = ''"
    "  THEN :message ELSE rejected_later END,"
    " message = CASE outcome WHEN 'accepted' THEN message ELSE :message END,"
    f" {_NUMBER},"
    " outcome = CASE outcome WHEN 'accepted' THEN 'accepted' ELSE 'refused' END"
    " WHERE outcome <> 'refused' AND key = "
)
# A counter numbers each day's orders anew. There is no index, so the search ends after some days' orders.
_RECENT = "begun_at >= :midnight AND key > (SELECT max(key) FROM orders) - 100000"
REFUSE_NUMBER = (
    f"{_REFUSE}(SELECT key FROM orders WHERE account_id = :account AND order_id = :order AND {_RECENT}"
    " ORDER BY key DESC LIMIT 1)"
)
REFUSE_TOKEN = f"{_REFUSE}(SELECT key FROM orders WHERE token = :order AND account_id = :account)"


def _set(outcome: str, weaker: str) -> str:
    return (
        f"UPDATE orders SET outcome = '{outcome}', message = :message, {_NUMBER}"
        f" WHERE key = :key AND outcome IN ({weaker})"
    )


FINISH = {
    "accepted": (
        "UPDATE orders SET"
        " rejected_later = CASE WHEN outcome = 'refused' AND rejected_later = ''"
        "  THEN message ELSE rejected_later END,"
        f" outcome = 'accepted', message = :message, {_NUMBER}"
        " WHERE key = :key AND outcome <> 'accepted'"
    ),
    "refused": f"{_REFUSE}:key",
    "not_sent": _set("not_sent", "'sending'"),
    "in_doubt": _set("in_doubt", "'sending'"),
    "absent": _set("absent", "'sending', 'in_doubt'"),
}
"""The statement that writes an outcome, and leaves a firmer one alone."""

TAKE_BACK = (
    "UPDATE orders SET outcome = 'not_sent', message = '发送前被中断' WHERE token = ? AND outcome = 'sending'"
)
"""For an intent of one's own that nobody was told of."""

FOUND_LIVE = (
    f"UPDATE orders SET outcome = 'accepted', message = :message, rejected_later = '', {_NUMBER}"
    " WHERE key = :key AND outcome IN ('absent', 'refused')"
)

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM orders"
OF_ID = f"{_SELECT} WHERE account_id = ? AND client_order_id = ? ORDER BY attempt"
OF_TOKEN = f"{_SELECT} WHERE token = ? AND account_id = ?"
OF_ANY_TOKEN = f"{_SELECT} WHERE token = ?"
OPEN = (
    f"{_SELECT} WHERE account_id = ?1 AND outcome IN ('sending', 'in_doubt')"
    " AND (?2 = 0 OR account_type IN (0, ?2)) ORDER BY key"
)
AFTER = f"{_SELECT} WHERE key > ? ORDER BY key LIMIT ?"


def newest(where: str, limit: int | None) -> str:
    """The entries that fit, newest first; ``limit`` None: all."""
    return f"{_SELECT}{where} ORDER BY key DESC LIMIT {-1 if limit is None else limit}"


def filters(
    account_id: str | None, day: date | str | None, outcome: str | None, security: str | None
) -> tuple[str, tuple[object, ...]]:
    """A WHERE clause and its values; a None filters nothing.

    ``in_doubt`` and ``sending`` both find both: which one a row is depends on whether its process lives.
    """
    parts: list[str] = []
    values: list[object] = []
    if account_id is not None:
        parts.append("account_id = ?")
        values.append(account_id)
    if day is not None:
        start = _midnight(day)
        parts.append("begun_at >= ? AND begun_at < ?")
        values += [start.timestamp(), (start + timedelta(days=1)).timestamp()]
    if outcome in ("sending", "in_doubt"):
        parts.append("outcome IN ('sending', 'in_doubt')")
    elif outcome is not None:
        if outcome not in FINISH:
            raise InvalidArgument(f"委托结果只能是 sending、{'、'.join(FINISH)}，收到 {outcome!r}")
        parts.append("outcome = ?")
        values.append(outcome)
    if security is not None:
        parts.append("stock_code = ?")
        values.append(securities.parse(security).stock_code)
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), tuple(values)


def _midnight(day: date | str) -> datetime:
    if isinstance(day, date):
        return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    for form in ("%Y-%m-%d", "%Y%m%d"):
        try:
            return datetime.strptime(day, form).replace(tzinfo=SHANGHAI)
        except (TypeError, ValueError):
            continue
    raise InvalidArgument(f"日期写作 2025-11-03，收到 {day!r}")
