"""``use()``: from a broker's name to a trader.

Never connects, and never gives the simulation to someone who did not ask for it by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from easytrader_qmt.errors import InvalidArgument

if TYPE_CHECKING:
    from easytrader_qmt.miniqmt.trader import MiniqmtTrader
    from easytrader_qmt.sim.trader import SimTrader

BROKERS = ("miniqmt", "sim")
_ALSO = {"qmt": "miniqmt", "迅投": "miniqmt", "仿真": "sim", "模拟": "sim"}


@overload
def use(broker: Literal["sim"], debug: bool = ..., **kwargs: Any) -> SimTrader: ...
@overload
def use(broker: str, debug: bool = ..., **kwargs: Any) -> MiniqmtTrader: ...
def use(broker: str, debug: bool = False, **kwargs: Any) -> MiniqmtTrader:
    """A trader for ``'miniqmt'`` (a real terminal) or ``'sim'`` (a simulated one, started here).

    ``debug`` logs details and whole account numbers. ``use('miniqmt', xtquant=...)`` takes the folder of a
    broker's own xtquant copy, or a module with xtquant's API. ``use('sim', terminal=..., cash=...)`` takes a
    terminal that already runs, or how many yuan the new one's account starts with.

    Raises InvalidArgument for an unknown name, NativeClientMissing where xtquant cannot trade.
    """
    name = broker.strip().lower() if isinstance(broker, str) else broker
    name = _ALSO.get(name, name)
    if name == "miniqmt":
        from easytrader_qmt.miniqmt.trader import MiniqmtTrader
        from easytrader_qmt.miniqmt.vendor import load

        source = kwargs.pop("xtquant", None)
        _refuse_rest("miniqmt", kwargs, ("xtquant",))
        return MiniqmtTrader(load(source), debug=debug)
    if name == "sim":
        from easytrader_qmt.sim.trader import SimTrader

        allowed = ("terminal", "cash", "clock")
        given = {key: kwargs.pop(key) for key in allowed if key in kwargs}
        _refuse_rest("sim", kwargs, allowed)
        return SimTrader(debug=debug, **given)
    raise InvalidArgument(f"不支持的券商 {broker!r}，可选：{'、'.join(BROKERS)}")


def _refuse_rest(broker: str, rest: dict[str, Any], allowed: tuple[str, ...]) -> None:
    if rest:
        raise InvalidArgument(
            f"use({broker!r}) 没有参数 {'、'.join(sorted(rest))}，可用参数：debug、{'、'.join(allowed)}"
        )
