"""The vendor's own, unmodified Python layer over the stand-in for its native extension.

Never replaces a real native client under the public name ``xtquant``, except in a process that was declared
simulated as a whole (``sim run``), which says so.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from types import ModuleType

from easytrader_qmt.miniqmt import vendor
from easytrader_qmt.quotes import QuoteSource
from easytrader_qmt.sim import quotes_api, registry
from easytrader_qmt.sim.market_view import LocalMarket, MarketView
from easytrader_qmt.sim.native import ClientSettings, Endpoint, make_module

_PRIVATE = "_easytrader_qmt_simulated_xtquant"
_lock = threading.Lock()
_finders: list[Callable[[str], Endpoint | None]] = [registry.at]


def find_endpoint(path: str) -> Endpoint | None:
    """The terminal that lives at ``path``: one in this process, or its own process."""
    for finder in tuple(_finders):
        endpoint = finder(path)
        if endpoint is not None:
            return endpoint
    return None


def add_finder(finder: Callable[[str], Endpoint | None], *, first: bool = False) -> None:
    """Teach the stand-in another way to find a terminal."""
    with _lock:
        if finder not in _finders:
            _finders.insert(0 if first else len(_finders), finder)


@functools.lru_cache(maxsize=1)
def native_module() -> ModuleType:
    """The stand-in for ``xtquant.xtpythonclient``, shaped like the installed version's."""
    # An empty path would put the session file wherever this process happens to stand.
    settings = ClientSettings(directory_of=lambda path: path or None)
    version = vendor.api_generation(vendor.installed_folder())
    return make_module(find_endpoint, version, settings=settings)


def simulated_vendor() -> vendor.Vendor:
    """The vendor's layer on the stand-in.

    Where no native client can exist it takes the public name, so that ``from xtquant.xttrader import …`` in
    a strategy works too; where a real one could be loaded it takes a private name beside it.
    """
    folder = vendor.installed_folder()
    with _lock:
        name = _PRIVATE if _real_client_possible() else vendor.PUBLIC
        return _simulated(vendor.layer(name, folder, native_module()))


def _simulated(package: ModuleType) -> vendor.Vendor:
    package.__dict__["__quotes__"] = find_quotes
    return vendor.of_module(package)


def find_quotes(path: str) -> QuoteSource | None:
    """The simulated market of the terminal at ``path``."""
    endpoint = find_endpoint(path)
    return endpoint if isinstance(endpoint, QuoteSource) else None


def declare_process_simulated(
    locate: Callable[[object], object] | None = None, market: Callable[[], MarketView] | None = None
) -> vendor.Vendor:
    """Make ``import xtquant`` mean the simulation in this whole process, whatever else could be loaded.

    For ``sim run`` and for tests of code that imports xtquant itself. From then on ``use('miniqmt')``
    connects to simulated terminals too, and says so. ``locate`` tells ``use('miniqmt')`` where the terminal
    of a path in a script really lies, ``market`` gives the one that ``xtquant.xtdata`` shows: without it the
    market of the only terminal in this process.
    """
    folder = vendor.installed_folder()
    native = native_module()
    loaded = sys.modules.get(f"{vendor.PUBLIC}.xtpythonclient")
    if loaded is not None and loaded is not native:
        raise RuntimeError("本进程已经加载了真实的 xtquant，不能再声明为仿真进程；请在新进程中运行")
    native.__dict__["__declared__"] = True
    with _lock:
        package = vendor.layer(vendor.PUBLIC, folder, native)
        package.__dict__["__locate__"] = locate
        _show_quotes(package, market if market is not None else only_market)
        return _simulated(package)


def only_market() -> MarketView:
    """The market of the only simulated terminal in this process. Raises RuntimeError when there is not just one."""
    terminals = [one for one in registry.living() if one.running]
    if len(terminals) != 1:
        homes = "、".join(one.home for one in terminals) or "没有"
        raise RuntimeError(f"无法连接行情服务：本进程应恰有一个运行中的仿真终端，现有: {homes}")
    return LocalMarket(terminals[0])


def _show_quotes(package: ModuleType, market: Callable[[], MarketView]) -> None:
    """Make ``xtdata`` of the package mean the simulated market."""
    name = f"{package.__name__}.{quotes_api.MODULE}"
    loaded = sys.modules.get(name)
    if loaded is not None and not getattr(loaded, "__simulated__", False):
        raise RuntimeError("本进程已经加载了真实的 xtquant.xtdata，不能再声明为仿真进程；请在新进程中运行")
    module = quotes_api.make_xtdata(market)
    sys.modules[name] = module
    package.__dict__[quotes_api.MODULE] = module


def _real_client_possible() -> bool:
    loaded = sys.modules.get(f"{vendor.PUBLIC}.xtpythonclient")
    if loaded is not None:
        return loaded is not native_module()
    return vendor.native_available()
