"""Imports xtquant safely: the installed one, a broker's own copy, any module with its API, or the simulated one.

Never executes ``xtquant/__init__.py`` (it asks a package index for updates, for up to ten seconds, and
prints), never falls back from the real client to the simulated one, and changes no line of the vendor's code.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from easytrader_qmt.errors import InvalidArgument, NativeClientMissing
from easytrader_qmt.miniqmt.deadline import within
from easytrader_qmt.quotes import QuoteSource, XtdataQuotes

PUBLIC = "xtquant"
QUOTE_SECONDS = 3.0
"""How long a quote may take before an order goes on without it."""
_MISSING = (
    "无法加载 xtquant 的原生交易组件（{reason}）：use('miniqmt') 只能在 Windows 上用 64 位 Python 3.10–3.13 "
    "连接真实的 MiniQMT，请换到该环境运行；要在本机编写和测试策略，请改用仿真终端 use('sim')"
)


@dataclass(frozen=True)
class Vendor:
    """One loaded copy of the vendor's Python layer.

    ``trader_class`` and ``account_class`` are the vendor's own; ``version`` is what it says of itself.
    ``locate`` tells where a terminal's path really lies: in a process that is simulated as a whole, the path
    of a real terminal means the simulated one. ``quotes`` gives the quote source beside a terminal.
    """

    trader_class: Any
    account_class: Any
    version: str
    origin: str
    simulated: bool
    locate: Callable[[Any], Any] = lambda path: path
    quotes: Callable[[str], QuoteSource | None] = lambda path: None


def load(source: object = None) -> Vendor:
    """The vendor's layer over the real native client.

    ``source`` is ``None`` (the installed xtquant), the folder of a broker's own copy, or a module with
    xtquant's API. Raises NativeClientMissing where no native client can load, InvalidArgument for a
    source that is none of these.
    """
    if source is None:
        return _installed()
    if isinstance(source, ModuleType):
        return of_module(source)
    if isinstance(source, (str, Path)):
        return _of_folder(Path(source))
    raise InvalidArgument(
        f"xtquant={source!r} 无效：请给出券商 xtquant 目录的路径，或一个与 xtquant 接口相同的模块"
    )


def of_module(module: ModuleType) -> Vendor:
    """A Vendor from a module that carries xtquant's API, itself or in ``xttrader`` and ``xttype``."""
    trader = _find(module, "XtQuantTrader", "xttrader")
    account = _find(module, "StockAccount", "xttype")
    if trader is None or account is None:
        lacking = "XtQuantTrader" if trader is None else "StockAccount"
        raise InvalidArgument(f"xtquant={module.__name__!r} 无效：模块里没有 {lacking}")
    return Vendor(
        trader_class=_quiet(trader),
        account_class=account,
        version=str(getattr(module, "__version__", "")),
        origin=str(getattr(module, "__file__", None) or module.__name__),
        simulated=bool(getattr(module, "__simulated__", False)),
        locate=getattr(module, "__locate__", None) or (lambda path: path),
        quotes=getattr(module, "__quotes__", None) or (lambda path: _xtdata_quotes(module)),
    )


def layer(package: str, folder: Path, native: ModuleType | None = None) -> ModuleType:
    """The vendor's package from ``folder`` under the name ``package``, its ``__init__`` not executed.

    ``native`` takes the place of the extension module. Raises ImportError when the layer cannot load.
    """
    module = sys.modules.get(package)
    if module is None:
        module = ModuleType(package)
        spec = importlib.machinery.ModuleSpec(
            package, None, origin=str(folder / "__init__.py"), is_package=True
        )
        spec.submodule_search_locations = [str(folder)]
        module.__spec__, module.__path__, module.__file__ = spec, [str(folder)], spec.origin
        module.__dict__["__version__"] = _stated_version(folder)
        sys.modules[package] = module
    if native is not None:
        sys.modules[f"{package}.xtpythonclient"] = native
        module.__dict__["xtpythonclient"] = native
        module.__dict__["__simulated__"] = bool(getattr(native, "__simulated__", False))
    for name in ("xtconstant", "xttype", "xttrader"):
        importlib.import_module(f"{package}.{name}")
    return module


def installed_folder() -> Path:
    """Where the installed xtquant lies. Raises NativeClientMissing when there is none."""
    loaded = sys.modules.get(PUBLIC)
    if loaded is not None and getattr(loaded, "__path__", None):
        return Path(next(iter(loaded.__path__)))
    spec = importlib.machinery.PathFinder.find_spec(PUBLIC)
    if spec is None or not spec.submodule_search_locations:
        raise NativeClientMissing(_MISSING.format(reason="没有安装 xtquant，请先执行 pip install xtquant"))
    return Path(next(iter(spec.submodule_search_locations)))


def native_available() -> bool:
    """Whether a native client that this interpreter could load lies in the installed xtquant."""
    loaded = sys.modules.get(f"{PUBLIC}.xtpythonclient")
    if loaded is not None:
        return not getattr(loaded, "__simulated__", False)
    try:
        folder = installed_folder()
    except NativeClientMissing:
        return False
    return importlib.machinery.PathFinder.find_spec("xtpythonclient", [str(folder)]) is not None


def installed_version() -> str | None:
    """The installed xtquant's version, such as ``250807.1.2``; None when it is not installed."""
    try:
        return version(PUBLIC)
    except PackageNotFoundError:
        return None


def api_generation(folder: Path) -> str:
    """Which of the known native versions the Python layer in ``folder`` was written for.

    Read from what the layer uses, because the version it states is missing from some copies.
    """
    text = (folder / "xttrader.py").read_text(encoding="utf-8", errors="replace")
    for marker, generation in (
        ("smart_algo_order_async", "250807.1.2"),
        ("m_strAccountID1", "250516.1.1"),
        ("sync_transaction_from_external", "241014.1.2"),
    ):
        if marker in text:
            return generation
    return "240613.1.0"


def _installed() -> Vendor:
    native = sys.modules.get(f"{PUBLIC}.xtpythonclient")
    if getattr(native, "__simulated__", False) and not getattr(native, "__declared__", False):
        raise NativeClientMissing(_MISSING.format(reason="本进程里的 xtquant 已被 use('sim') 接到仿真终端上"))
    folder = installed_folder()
    try:
        return of_module(layer(PUBLIC, folder))
    except ImportError as error:
        raise NativeClientMissing(_MISSING.format(reason=_short(error))) from error


def _of_folder(folder: Path) -> Vendor:
    if not (folder / "xttrader.py").is_file():
        folder = folder / PUBLIC
    if not (folder / "xttrader.py").is_file():
        raise InvalidArgument(
            f"xtquant={str(folder.parent)!r} 无效：目录里没有 xttrader.py，请给出券商 xtquant 目录的路径"
        )
    name = _name_for(folder)
    try:
        return of_module(layer(name, folder))
    except ImportError as error:
        hint = "" if name == PUBLIC else "；本进程已加载另一份 xtquant，请在新进程中第一个加载这一份"
        raise NativeClientMissing(_MISSING.format(reason=_short(error) + hint)) from error


def _name_for(folder: Path) -> str:
    """The public name for the first copy of xtquant, so that ``import xtquant`` means the same copy."""
    loaded = sys.modules.get(PUBLIC)
    if loaded is None or Path(next(iter(loaded.__path__), "")).resolve() == folder.resolve():
        return PUBLIC
    return next(name for name in _private_names() if _is_free(name, folder))


def _private_names() -> Iterator[str]:
    number = 1
    while True:
        yield f"_easytrader_qmt_xtquant_{number}"
        number += 1


def _is_free(name: str, folder: Path) -> bool:
    loaded = sys.modules.get(name)
    return loaded is None or Path(next(iter(loaded.__path__), "")).resolve() == folder.resolve()


def _stated_version(folder: Path) -> str:
    try:
        text = (folder / "__init__.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r"^__version__\s*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return found.group(1) if found else ""


def _find(module: ModuleType, name: str, submodule: str) -> Any:
    found = getattr(module, name, None)
    if found is not None:
        return found
    inner = getattr(module, submodule, None)
    if inner is None and getattr(module, "__path__", None):
        try:
            inner = importlib.import_module(f"{module.__name__}.{submodule}")
        except ImportError:
            return None
    return getattr(inner, name, None)


def _xtdata_quotes(module: ModuleType) -> QuoteSource | None:
    """The quotes that come with a copy of xtquant; found out only when first asked, for xtdata is large."""

    def load() -> Any:
        found = getattr(module, "xtdata", None)
        if found is None:
            found = importlib.import_module(f"{module.__name__}.xtdata")
            # It greets on the console when it connects: in the middle of a program's own output.
            found.__dict__["enable_hello"] = False
        return found

    return XtdataQuotes(load, lambda ask: within(QUOTE_SECONDS, ask, "xtdata 行情"))


def _quiet(trader_class: Any) -> Any:
    """The vendor's class without its finaliser.

    ``XtQuantTrader.__del__`` replaces the main thread's asyncio event loop whenever the collector happens to
    run it there; nothing else of the class is touched.
    """
    if not isinstance(trader_class, type) or not hasattr(trader_class, "__del__"):
        return trader_class
    return type(
        trader_class.__name__,
        (trader_class,),
        {
            "__del__": lambda self: None,
            "__module__": trader_class.__module__,
            "__doc__": trader_class.__doc__,
        },
    )


def _short(error: ImportError) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
