"""Every way people write a security code in, one `Security` with its board rules out.

An exchange that is written always wins, and a bare code that no row knows is refused. The longest known prefix
decides a bare code: ``163402`` is a Shanghai bond although Shenzhen's funds begin with 16 too; `shared_prefix`
names the other security, so that whoever acts on the code can warn. Never asks a quote source and never changes a
table in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from easytrader_qmt.boards import BOARDS, GENERIC_BOARDS, MARKET_IDS, Board, Market
from easytrader_qmt.errors import InvalidArgument, InvalidOrder, shown

__all__ = ["MARKET_IDS", "RULES", "Board", "Rules", "Security", "parse", "shared_prefix"]

ACCEPTED_FORMS = "600036、600036.SH、sh600036、600036.XSHG、600036.SSE（深圳 SZ/XSHE/SZSE，北京 BJ/XBSE/BSE）"

_SUFFIXES: dict[str, Market] = {
    "SH": "SH",
    "XSHG": "SH",
    "SSE": "SH",
    "SZ": "SZ",
    "XSHE": "SZ",
    "SZSE": "SZ",
    "BJ": "BJ",
    "XBSE": "BJ",
    "BSE": "BJ",
}
_FORM = re.compile(
    r"(?P<code>[0-9]{6})(?:\.(?P<suffix>" + "|".join(_SUFFIXES) + r"))?"
    r"|(?P<lead>SH|SZ|BJ)(?P<led>[0-9]{6})"
)
# Codes are few; the bound only keeps a program that feeds in rubbish from growing without end.
_MOST_PARSED = 65_536


@dataclass(frozen=True, slots=True)
class Security:
    """One security: six digits, its market and the rules of its board."""

    code: str
    market: Market
    board: Board = field(repr=False, hash=False)
    stock_code: str = field(init=False, repr=False, compare=False)
    """The vendor's form, such as ``600036.SH``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stock_code", f"{self.code}.{self.market}")

    @property
    def market_id(self) -> int:
        """The vendor's number of the market."""
        return MARKET_IDS[self.market]

    def __str__(self) -> str:
        return self.stock_code


class Rules(Mapping[str, Board]):
    """An immutable table of boards by name, and the parser that uses it.

    >>> RULES["科创板"].min_buy
    200
    >>> RULES.parse("sh688981").stock_code
    '688981.SH'

    Safe to share between threads. Raises InvalidArgument for two boards of one name.
    """

    __slots__ = ("_boards", "_by_prefix", "_overrides", "_parsed", "_shared")

    def __init__(
        self, boards: Iterable[Board] = BOARDS + GENERIC_BOARDS, overrides: Mapping[str, Board] | None = None
    ) -> None:
        self._boards: dict[str, Board] = {}
        self._by_prefix: dict[str, list[Board]] = {}
        for board in boards:
            if board.name in self._boards:
                raise InvalidArgument(f"板块名称重复: {board.name}")
            self._boards[board.name] = board
            for prefix in board.prefixes:
                self._by_prefix.setdefault(prefix, []).append(board)
        self._overrides: dict[str, Board] = dict(overrides or {})
        self._parsed: dict[str, Security] = {}
        self._shared: dict[str, str | None] = {}

    def __getitem__(self, name: str) -> Board:
        return self._boards[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._boards)

    def __len__(self) -> int:
        return len(self._boards)

    def __repr__(self) -> str:
        return f"Rules({len(self._boards)} 个板块, {len(self._overrides)} 个单独设置)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rules):
            return NotImplemented
        return self._boards == other._boards and self._overrides == other._overrides

    __hash__ = None  # type: ignore[assignment]

    def replace(self, boards: Iterable[Board]) -> Rules:
        """New rules with these boards in place of the ones of the same name; new names are added."""
        return Rules((self._boards | {board.name: board for board in boards}).values(), self._overrides)

    def override(self, security_code: object, **fields: Any) -> Rules:
        """New rules in which one security has other fields than its board has.

        ``tick`` and ``day_limit`` may be numbers or text; ``day_limit`` is a ratio, to be
        read only: a day's limits are checked as the quotes tell them.
        Raises InvalidOrder for an unreadable code, InvalidArgument for an unknown or impossible field.
        """
        security = self.parse(security_code)
        allowed = {"name", "kind", "min_buy", "step", "tick", "day_limit", "max_limit_volume"}
        allowed |= {"max_market_volume", "t0", "odd_lot_sale"}
        if unknown := sorted(set(fields) - allowed):
            raise InvalidArgument(f"规则没有字段 {unknown}，可用: {sorted(allowed)}")
        for key in ("tick", "day_limit"):
            if fields.get(key) is not None:
                try:
                    fields[key] = Decimal(str(fields[key]))
                except InvalidOperation:
                    raise InvalidArgument(f"{key} 必须是数字，收到 {fields[key]!r}") from None
        board = replace(security.board, **fields)
        return Rules(self._boards.values(), {**self._overrides, security.stock_code: board})

    def parse(self, security: object) -> Security:
        """Read a code in any accepted form.

        Raises InvalidOrder (field ``security``) for anything else, and for a bare code that no board knows.
        """
        if type(security) is str:
            found = self._parsed.get(security)
            if found is not None:
                return found
        return self._read(security)

    def _read(self, security: object) -> Security:
        if isinstance(security, Security):
            return self.parse(security.stock_code)
        if not isinstance(security, str):
            raise _unreadable(security, f"必须是字符串，收到 {type(security).__name__}")
        written = _match(security)
        if written is None:
            raise _unreadable(security, "格式无法识别")
        code, market = written
        board = self._bare(code, security) if market is None else self._listed(code, market)
        made = Security(code, board.market, self._overrides.get(f"{code}.{board.market}", board))
        if len(self._parsed) >= _MOST_PARSED:
            self._parsed.clear()
        self._parsed[str.__str__(security)] = made
        return made

    def _listed(self, code: str, market: Market) -> Board:
        for length in range(6, -1, -1):
            for board in self._by_prefix.get(code[:length], ()):
                if board.market == market:
                    return board
        return next(board for board in GENERIC_BOARDS if board.market == market)

    def _bare(self, code: str, written: str) -> Board:
        # The empty prefix of the generic boards is not looked up: it would be a guess.
        for length in range(6, 0, -1):
            boards = self._by_prefix.get(code[:length], ())
            if len(boards) == 1:
                return boards[0]
            if boards:
                names = "、".join(board.name for board in boards)
                raise _unreadable(written, f"可能属于 {names}，请写明交易所")
        raise _unreadable(written, "不认识这个代码段，请写明交易所")

    def shared_prefix(self, security: object) -> str | None:
        """The other security that a bare code may have meant, such as ``163402.SZ`` for ``163402``.

        None when the exchange was written, or when no other market has a board for the code. A `Security`
        counts as bare. Raises InvalidOrder as `parse` does.
        """
        if type(security) is not str:
            return self._other(security)
        try:
            return self._shared[security]
        except KeyError:
            other = self._other(security)
        if len(self._shared) >= _MOST_PARSED:
            self._shared.clear()
        self._shared[security] = other
        return other

    def _other(self, security: object) -> str | None:
        found = self.parse(security)
        if isinstance(security, str):
            written = _match(security)
            if written is not None and written[1] is not None:
                return None
        for length in range(6, 0, -1):
            for board in self._by_prefix.get(found.code[:length], ()):
                if board.market != found.market:
                    return f"{found.code}.{board.market}"
        return None


def _match(text: str) -> tuple[str, Market | None] | None:
    text = text.strip()
    # Upper-casing may turn letters of other alphabets into ASCII ones, so they are refused before.
    form = _FORM.fullmatch(text.upper()) if text.isascii() else None
    if form is None:
        return None
    if form["lead"]:
        return form["led"], cast(Market, form["lead"])
    return form["code"], _SUFFIXES[form["suffix"]] if form["suffix"] else None


def _unreadable(value: object, why: str) -> InvalidOrder:
    return InvalidOrder(
        f"证券代码 {shown(value)} {why}。可用写法: {ACCEPTED_FORMS}",
        field="security",
        value=value,
        rule=f"可用写法: {ACCEPTED_FORMS}",
    )


RULES = Rules()
"""The default rules."""


def parse(security: object) -> Security:
    """Read a code under the default rules; see `Rules.parse`."""
    return RULES.parse(security)


def shared_prefix(security: object) -> str | None:
    """What else a bare code may have meant, under the default rules; see `Rules.shared_prefix`."""
    return RULES.shared_prefix(security)
