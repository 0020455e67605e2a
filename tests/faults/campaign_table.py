"""A campaign's figures as a table: on the console one run, in Markdown all of them side by side.

Pure: figures in, text out.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.measure import Table
from tests.faults.campaign_truth import Result

ROWS = (
    ("intended", "orders intended", "要下的委托"),
    ("faults", "faults injected", "注入的故障"),
    ("placed", "orders placed", "到达柜台"),
    ("lost", "orders lost", "丢失"),
    ("doubled", "orders doubled", "重复"),
    ("missed", "trades missed", "漏掉的成交"),
    ("twice", "trades delivered twice", "重复送达的成交"),
    ("late", "calls beyond their deadline", "超过期限的调用"),
    ("killed", "processes that had to be killed", "不得不杀死的进程"),
    ("ready_seconds", "longest time to READY, s", "到 READY 最长，秒"),
    ("seconds", "seconds", "用时，秒"),
    ("wrong", "orders or numbers nobody asked for", "无主的委托或错误的编号"),
    ("trades", "trades in the book", "柜台的成交"),
    ("recovered", "trades told after an outage", "断线后补送的成交"),
    ("at_start", "trades learned at a start", "重启策略时查到的成交"),
    ("both_ways", "trades that came both ways at a start", "查到后又送达、由策略自己去重的成交"),
    ("cancels", "cancels asked", "撤单"),
    ("cancels_untrue", "cancels told untruly", "撤单结果与柜台不符"),
    ("readies", "times READY", "到 READY 的次数"),
    ("doubts", "orders once in doubt", "曾经结果未知的委托"),
    ("held", "calls to be made again later", "被告知没有发送、稍后再下的调用"),
    ("no_disk", "of these for a full disk", "其中因为磁盘已满"),
)
_COMPARED = 11
"""So many of the rows are columns of the first Markdown table."""

_KINDS = {
    "disconnect": "断线，有通知",
    "silent disconnect": "断线，没有通知",
    "disconnect, queries bring None": "断线，查询得到 None",
    "freeze, answers come late": "终端无响应，应答晚到",
    "freeze, answers never come": "终端无响应，应答不来",
    "order placed, response lost": "委托到达，应答丢失",
    "order lost": "委托没有到达",
    "order placed, answered with -1": "委托到达，应答是 -1",
    "everything late": "所有消息延迟",
    "pushes duplicated": "推送重复",
    "pushes reordered": "推送乱序",
    "pushes replayed": "重放全天推送",
    "connects refused": "拒绝连接",
    "connect hangs": "connect 不返回",
    "subscribe hangs": "subscribe 不返回",
    "stop hangs": "stop 不返回",
    "terminal killed": "杀死终端进程再启动",
    "terminal stopped": "终端进程停住",
    "strategy killed": "杀死策略进程再启动",
    "disk full under the journal": "委托日志的磁盘已满",
}
_CALLS = {
    "place": "下单",
    "again": "同一编号再次下单",
    "cancel": "撤单",
    "query": "查询",
    "connect": "重新连接",
}
_COMMAND = "python -m tests.faults.campaign --orders 委托数 --seed 种子 --contender ours|easytrader"
_NOTES = (
    "以柜台自己的账为准。丢失：要下的委托在账里没有；重复：在账里不止一笔。漏掉：账里的成交，策略的处理函数没有被告知，"
    "启动时的查询里也没有；重复送达：处理函数被再次告知。超过期限：比期限多出 0.5 秒以上。",
    "到 READY 的时间从断线、策略启动，或终端重新可以连接时算起。不得不杀死：没有故障时 15 秒没有任何进展；"
    "剧本里的杀死不算。",
    "easytrader 没有委托编号，也不重连，它的策略照用户通常的做法：抛出异常、3.5 秒没有返回或没有得到编号就再下一次，"
    "收到断线通知或调用没有返回之后再调用一次 `connect()`。",
)


def printed(result: Result) -> str:
    """One run as one table."""
    rows = [("contender", result.contender), ("seed", f"{result.seed}")]
    rows += [(label, _cell(getattr(result, name))) for name, label, _ in ROWS]
    rows += [(f"longest call: {call}, s", _cell(seconds)) for call, seconds in sorted(result.longest.items())]
    rows += [(f"  {kind}", _cell(times)) for kind, times in result.kinds.items()]
    return "\n".join(f"{label:<40}{value:>12}" for label, value in rows)


def tables(results: Sequence[Result]) -> list[Table]:
    """Every run as a row with what must be zero; then what the runs went through, a column each."""
    first = Table(
        "故障演练",
        _COMMAND,
        ("", *(label for _, _, label in ROWS[:_COMPARED])),
        [(_run(one), *(_cell(getattr(one, name)) for name, _, _ in ROWS[:_COMPARED])) for one in results],
        _NOTES,
    )
    rows = [(label, *(_cell(getattr(one, name)) for one in results)) for name, _, label in ROWS[_COMPARED:]]
    for call, label in _CALLS.items():
        rows.append((f"最长的调用：{label}，秒", *(_cell(one.longest.get(call, 0.0)) for one in results)))
    for kind, label in _KINDS.items():
        rows.append((f"故障：{label}", *(_cell(one.kinds.get(kind, 0)) for one in results)))
    return [first, Table("演练的经过", _COMMAND, ("", *map(_run, results)), rows)]


def _run(result: Result) -> str:
    return f"{result.contender}，种子 {result.seed}"


def _cell(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
