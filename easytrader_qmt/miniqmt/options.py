"""The arguments of ``connect`` and ``prepare``, checked before anything is done with them.

Never touches the disk except to read the configuration file it was given, and never logs.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.miniqmt.default_callback import checked_callback
from easytrader_qmt.miniqmt.policy import ReconnectPolicy, count, flag, seconds
from easytrader_qmt.miniqmt.session import Deadlines
from easytrader_qmt.orders import PriceRounding
from easytrader_qmt.quotes import QuoteSource, checked_source
from easytrader_qmt.risk import RiskLimits
from easytrader_qmt.securities import RULES, Rules

# What easytrader's remote client sends along for brokers of every kind; meaningless to MiniQMT.
_EASYTRADER_ONLY = frozenset({"user", "password", "exe_path", "comm_password", "broker"})


@dataclass(frozen=True)
class ConnectOptions:
    """Everything ``connect`` can be told, checked. Seconds unless said otherwise."""

    miniqmt_path: str
    """The terminal's ``userdata_mini``, an existing folder."""
    stock_account: str
    """The account's number, text of at most 23 bytes."""
    account_type: str = "STOCK"
    """The vendor's word for the kind of account, such as STOCK or CREDIT."""
    trader_callback: Any = None
    """Hears every push as the vendor's own object; None logs them, False is none."""
    reconnect_enabled: bool = True
    """Whether a lost connection is made anew without being asked."""
    reconnect_interval: float = 5.0
    """Between two attempts; 0.1 at least."""
    max_reconnect_attempts: int = 0
    """In one outage; 0 for ever."""
    reconnect_backoff: float | None = None
    """Let the interval double with each attempt, with jitter, up to this; None: steady."""
    heartbeat_interval: float = 30.0
    """Between two probes of a quiet connection; 0 for none."""
    call_timeout: float = 10.0
    """For an order, a cancel or a query."""
    connect_timeout: float = 15.0
    """For one ``connect()`` of the vendor's."""
    stop_timeout: float = 5.0
    """For one ``stop()`` of the vendor's; then it is left behind."""
    wait: float = 0.0
    """How long a first connect keeps trying; 0 for a single attempt."""
    session_id: int | None = None
    """Use this session id only; None leases one of the pool."""
    session_ids: tuple[int, int] = (100, 119)
    """The pool's first and last id."""
    raise_on_reject: bool = False
    """Whether a refusal by the counter raises OrderRejected instead of answering -1."""
    price_rounding: PriceRounding = "nearest"
    """What becomes of a price between two ticks: ``nearest``, or ``strict`` to refuse it."""
    quotes: QuoteSource | Literal[False] | None = None
    """What knows the day's price limits; None: the terminal's own quotes, False: nothing does."""
    journal: str | os.PathLike[str] | Literal[False] | None = None
    """The order journal's file; None: the default one, False: none, so ids hold for this process only."""
    risk: RiskLimits = field(default_factory=RiskLimits)
    """Limits an order must keep to; all off by default. ``connect`` takes them by name."""
    rules: Rules = field(default_factory=lambda: RULES)
    """The board rules; see ``securities.RULES.override``."""

    @property
    def policy(self) -> ReconnectPolicy:
        """When to reconnect."""
        return ReconnectPolicy(
            enabled=self.reconnect_enabled,
            interval=self.reconnect_interval,
            max_attempts=self.max_reconnect_attempts,
            backoff=self.reconnect_backoff,
            heartbeat=self.heartbeat_interval,
        )

    @property
    def deadlines(self) -> Deadlines:
        """How long each vendor call may take."""
        return Deadlines(self.call_timeout, self.connect_timeout, self.stop_timeout)


OPTION_NAMES = tuple(field.name for field in fields(ConnectOptions))


def check(given: dict[str, Any]) -> ConnectOptions:
    """Options from keyword arguments. Raises InvalidArgument naming argument, value and rule.

    The path must be an existing folder: starting a client anywhere else would create it, with 72 MiB in it.
    """
    unknown = sorted(set(given) - set(OPTION_NAMES))
    if unknown:
        raise InvalidArgument(f"connect 没有参数 {'、'.join(unknown)}，可用参数：{'、'.join(OPTION_NAMES)}")
    made = dict(given)
    made["miniqmt_path"] = terminal_path(given.get("miniqmt_path"))
    made["stock_account"] = account_number(given.get("stock_account"))
    made["account_type"] = account_type(given.get("account_type", "STOCK"))
    made["trader_callback"] = checked_callback(given.get("trader_callback"))
    for name in ("reconnect_interval", "heartbeat_interval", "wait"):
        if name in made:
            made[name] = seconds(name, made[name])
    for name in ("call_timeout", "connect_timeout", "stop_timeout"):
        if name in made:
            made[name] = seconds(name, made[name], zero_ok=False)
    if made.get("reconnect_backoff") is not None:
        made["reconnect_backoff"] = seconds("reconnect_backoff", made["reconnect_backoff"], zero_ok=False)
    if "max_reconnect_attempts" in made:
        made["max_reconnect_attempts"] = count("max_reconnect_attempts", made["max_reconnect_attempts"])
    for name in ("reconnect_enabled", "raise_on_reject"):
        if name in made:
            made[name] = flag(name, made[name])
    if made.get("price_rounding", "nearest") not in ("nearest", "strict"):
        raise InvalidArgument(f"price_rounding={made['price_rounding']!r} 无效，可选：nearest、strict")
    if made.get("quotes") not in (None, False):
        made["quotes"] = checked_source(made["quotes"])
    if "journal" in made:
        made["journal"] = _journal(made["journal"])
    if made.get("risk") is None:
        made.pop("risk", None)
    elif not isinstance(made["risk"], RiskLimits):
        made["risk"] = RiskLimits.from_mapping(made["risk"])
    if not isinstance(made.get("rules", RULES), Rules):
        raise InvalidArgument(
            f"rules={made['rules']!r} 无效：应为 securities.Rules，例如 RULES.override(...)"
        )
    _check_allowed(made.get("risk"), made.get("rules", RULES))
    if made.get("session_id") is not None:
        made["session_id"] = _session_number("session_id", made["session_id"])
    if "session_ids" in made:
        made["session_ids"] = _pool(made["session_ids"])
    return ConnectOptions(**made)


def terminal_path(path: object, *, simulated: bool = False) -> str:
    """The terminal's userdata_mini folder as given, which must exist; or the ``simulated`` terminal's folder."""
    if isinstance(path, os.PathLike):
        path = os.fspath(path)
    if simulated and (not isinstance(path, str) or not path.strip() or not os.path.isdir(path)):
        raise InvalidArgument(
            f"miniqmt_path={path!r} 无效：仿真不需要路径，直接 user.connect()；要连接独立进程的仿真终端，"
            "请给出 sim terminal 所用的、已存在的目录；没有创建任何文件"
        )
    if not isinstance(path, str) or not path.strip():
        raise InvalidArgument(
            f"miniqmt_path={path!r} 无效：请给出 QMT 安装目录下 userdata_mini 的完整路径，"
            r"例如 D:\国金证券QMT交易端\userdata_mini"
        )
    if not os.path.isdir(path):
        raise InvalidArgument(
            f"miniqmt_path={path!r} 不存在或不是目录：请检查路径，应为 QMT 安装目录下的 userdata_mini；没有创建任何文件"
            + ("" if path.isprintable() else "；路径里有控制字符，多半是反斜杠没有写成 " + r"\\")
        )
    return path


def account_number(account: object) -> str:
    """The account number, which must be text of at most 23 bytes, what the native client keeps of it."""
    if not isinstance(account, str) or not account.strip():
        raise InvalidArgument(f"stock_account={account!r} 无效：资金账号必须是非空字符串，例如 '1000000365'")
    if not account.isprintable() or len(account.encode()) > 23:
        raise InvalidArgument(f"stock_account={account!r} 无效：最多 23 字节，且不含控制字符")
    return account.strip()


def account_type(kind: object) -> str:
    """The vendor's word for the kind of account, upper case; the vendor itself refuses unknown ones."""
    if not isinstance(kind, str) or not kind.strip():
        raise InvalidArgument(f"account_type={kind!r} 无效：应为 STOCK、CREDIT 等字符串")
    return kind.strip().upper()


def prepared(config_path: object, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of ``prepare``: keywords, keywords nested under ``kwargs``, or a JSON file's content.

    What easytrader's remote client adds for other brokers is dropped. Later sources win over the file.
    """
    found: dict[str, Any] = {}
    if config_path is not None:
        found.update(_read(config_path))
    nested = given.pop("kwargs", None)
    for source in (nested, given):
        if source is None:
            continue
        if not isinstance(source, dict):
            raise InvalidArgument(f"prepare 的 kwargs={source!r} 无效：应为参数字典")
        found.update(source)
    account = found.get("user")
    if account and not found.get("stock_account"):
        found["stock_account"] = account
    return {name: value for name, value in found.items() if name not in _EASYTRADER_ONLY}


def _read(config_path: object) -> dict[str, Any]:
    if not isinstance(config_path, (str, os.PathLike)):
        raise InvalidArgument(f"config_path={config_path!r} 无效：应为 JSON 文件的路径")
    path = Path(config_path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidArgument(f"无法读取配置文件 {str(path)!r}：{error.strerror or error}") from None
    except ValueError as error:
        raise InvalidArgument(
            f"配置文件 {str(path)!r} 不是有效的 JSON（UTF-8）：{error}{backslash_hint(error)}"
        ) from None
    if not isinstance(content, dict):
        raise InvalidArgument(f"配置文件 {str(path)!r} 无效：应为一个 JSON 对象")
    return content


_BACKSLASHES = ("\\escape", "\\uXXXX", "Unescaped '\\'", "hex value")
"""In what the readers of JSON and TOML say of a Windows path that is written as it is."""


def backslash_hint(error: Exception) -> str:
    """What to write instead, where a configuration file could not be read for a single backslash; or ''."""
    said = str(error)
    if not any(each in said for each in _BACKSLASHES):
        return ""
    hint = r"；路径里的反斜杠要写成 \\ 或 /"
    return hint if isinstance(error, json.JSONDecodeError) else hint + "，或者用单引号 '…' 括起来"


def _check_allowed(risk: RiskLimits | None, rules: Rules) -> None:
    """Raise InvalidArgument for an unreadable code among the allowed securities."""
    for code in (risk.allowed if risk is not None else None) or ():
        try:
            rules.parse(code)
        except InvalidOrder as error:
            raise InvalidArgument(f"风控参数 allowed：{error}") from None


def _journal(value: Any) -> Any:
    """A path, False for no journal, None for the default one."""
    if value is None or value is False:
        return value
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if isinstance(path, str) and path and "\0" not in path:
        return path
    raise InvalidArgument(f"journal={value!r} 无效：应为日志文件的路径，或 False（不记日志）")


def _session_number(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise InvalidArgument(f"{name}={value!r} 无效：应为正整数")
    return value


def _pool(value: object) -> tuple[int, int]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise InvalidArgument(f"session_ids={value!r} 无效：应为 (最小会话ID, 最大会话ID)，例如 (100, 119)")
    first, last = (_session_number("session_ids", each) for each in value)
    if first > last or last - first >= 1000:
        raise InvalidArgument(
            f"session_ids={value!r} 无效：应从小到大，且不超过 1000 个（每个会话ID约占 72 MiB 磁盘）"
        )
    return first, last
