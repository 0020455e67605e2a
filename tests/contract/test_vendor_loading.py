"""How xtquant comes in: never by its ``__init__``, never silently simulated, from a folder or a module too."""

from __future__ import annotations

import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import easytrader_qmt as easytrader
from easytrader_qmt.errors import InvalidArgument, NativeClientMissing
from easytrader_qmt.miniqmt import vendor
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import child, script

needs_no_native_client = pytest.mark.skipif(vendor.native_available(), reason="a native client loads here")

STAND_IN = """
from easytrader_qmt.sim.layer import native_module

globals().update({name: value for name, value in vars(native_module()).items() if not name.startswith("__")})
"""


def copied(to: Path, native: str | None = STAND_IN) -> Path:
    """A broker's own copy of xtquant, its native client one that works anywhere."""
    source, folder = vendor.installed_folder(), to / "bin.x64" / "Lib" / "site-packages" / "xtquant"
    shutil.copytree(source, folder, ignore=_all_but_python)
    (folder / "__init__.py").write_text("raise SystemExit('__init__ was executed')\n", encoding="utf-8")
    if native is not None:
        (folder / "xtpythonclient.py").write_text(native, encoding="utf-8")
    return folder


def _all_but_python(folder: str, names: list[str]) -> set[str]:
    kept = {name for name in names if name.endswith(".py") or name.startswith("xtbson") or "bson" in folder}
    return set(names) - kept | {name for name in names if name == "__pycache__"}


MISSING = """
import easytrader_qmt as easytrader
{before}
try:
    user = easytrader.use("miniqmt"{words})
except easytrader.NativeClientMissing as error:
    print(error)
    print(isinstance(error, ImportError), error.sent)
else:
    print("LOADED", user)
"""


@needs_no_native_client
@pytest.mark.parametrize(
    "before", ["", "easytrader.use('sim')", "with easytrader.use('sim') as u: u.connect()"]
)
def test_a_machine_without_the_native_client(before: str, tmp_path: Path) -> None:
    done = child(script(tmp_path, MISSING.format(before=before, words="")), cwd=tmp_path)
    said, kind = done.stdout.splitlines()[-2:]
    assert len(done.stdout.splitlines()) == 2
    assert "LOADED" not in done.stdout
    for word in ("Windows", "64 位", "3.10–3.13", "use('sim')", "xtquant"):
        assert word in said
    assert kind == "True False"
    assert "Traceback" not in done.stderr


@needs_no_native_client
def test_after_a_simulation_in_this_process(user: SimTrader) -> None:
    with pytest.raises(NativeClientMissing, match="use\\('sim'\\)"):
        easytrader.use("miniqmt")
    assert user.buy("600036", 35.5, 100)["entrust_no"] > 0


@needs_no_native_client
def test_the_simulation_is_there_after_a_failed_load(tmp_path: Path) -> None:
    text = (
        MISSING.format(before="", words="")
        + "with easytrader.use('sim') as u:\n    u.connect()\n    print(u.state)\n"
    )
    done = child(script(tmp_path, text), cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "READY", done.stderr


FOLDER = """
import sys
import easytrader_qmt as easytrader
from easytrader_qmt.sim import Terminal
{before}
terminal = Terminal({home!r})
user = easytrader.use("miniqmt", xtquant={folder!r})
user.connect({home!r}, "1234567890")
print(user.buy("600036", 35.5, 100)["entrust_no"] == terminal.orders("1234567890")[0]["order_id"])
print(user.position[0]["volume"], user.broker_type, type(user.trader).__name__)
print(sys.modules[type(user.trader).__module__].__file__)
user.exit()
"""


@pytest.mark.parametrize("named", ["the package", "what holds it"])
@pytest.mark.parametrize("before", ["", "easytrader.use('sim')"])
def test_a_brokers_own_copy(named: str, before: str, tmp_path: Path) -> None:
    package = copied(tmp_path)
    folder = package if named == "the package" else package.parent
    text = FOLDER.format(before=before, home=str(tmp_path / "userdata_mini"), folder=str(folder))
    done = child(script(tmp_path, text), cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["True", "100 miniqmt XtQuantTrader"], done.stderr
    assert Path(lines[2]).parent == package


def test_a_copy_whose_native_client_cannot_load(tmp_path: Path) -> None:
    package = copied(tmp_path, native="raise ImportError('DLL load failed: 找不到指定的模块')\n")
    done = child(
        script(tmp_path, MISSING.format(before="", words=f", xtquant={str(package)!r}")), cwd=tmp_path
    )
    assert "DLL load failed: 找不到指定的模块" in done.stdout.splitlines()[0], done.stderr
    assert "LOADED" not in done.stdout


def test_a_folder_without_xtquant(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing", str(tmp_path)):
        with pytest.raises(InvalidArgument, match="xttrader"):
            easytrader.use("miniqmt", xtquant=folder)


@pytest.mark.parametrize("source", [5, b"x", ["x"], object()])
def test_a_source_that_is_none_of_these(source: Any) -> None:
    with pytest.raises(InvalidArgument, match="xtquant="):
        easytrader.use("miniqmt", xtquant=source)


@pytest.mark.parametrize("shape", ["flat", "package", "submodules"])
def test_a_module_with_its_api(shape: str, xt: Any, terminal: Terminal) -> None:
    """A bridge that imitates xtquant, which brokers' users load instead of it."""
    module: Any = xt
    if shape != "package":
        module = types.ModuleType("bridge")
        if shape == "flat":
            module.XtQuantTrader, module.StockAccount = xt.xttrader.XtQuantTrader, xt.xttype.StockAccount
        else:
            module.xttrader, module.xttype = xt.xttrader, xt.xttype
    user = easytrader.use("miniqmt", xtquant=module)
    try:
        user.connect(terminal.home, "1234567890")
        assert user.buy("600036", 35.5, 100)["entrust_no"] == terminal.orders("1234567890")[0]["order_id"]
        assert isinstance(user.trader, xt.xttrader.XtQuantTrader)
    finally:
        user.exit()


def test_a_module_without_its_api() -> None:
    module: Any = types.ModuleType("bridge")
    with pytest.raises(InvalidArgument, match="XtQuantTrader"):
        easytrader.use("miniqmt", xtquant=module)
    module.XtQuantTrader = object
    with pytest.raises(InvalidArgument, match="StockAccount"):
        easytrader.use("miniqmt", xtquant=module)


def test_use_names_a_word_that_miniqmt_does_not_have(xt: Any) -> None:
    with pytest.raises(InvalidArgument, match="no_such_word"):
        easytrader.use("miniqmt", xtquant=xt, no_such_word=1)
    with pytest.raises(InvalidArgument, match="terminal"):
        easytrader.use("miniqmt", xtquant=xt, terminal=None)


@needs_no_native_client
def test_the_vendors_own_imports_mean_the_simulation_once_it_was_asked_for(user: SimTrader) -> None:
    from xtquant.xttrader import XtQuantTrader
    from xtquant.xttype import StockAccount

    assert isinstance(user.trader, XtQuantTrader)
    assert isinstance(user.account, StockAccount)


def test_the_vendors_finaliser_is_quiet(user: SimTrader, xt: Any) -> None:
    own = type(user.trader)
    assert own is not xt.xttrader.XtQuantTrader
    assert own.__name__ == "XtQuantTrader"
    assert own.__del__(user.trader) is None


def test_each_observed_version_is_recognised(tmp_path: Path) -> None:
    marks = {
        "240613.1.0": "",
        "241014.1.2": "sync_transaction_from_external",
        "250516.1.1": "sync_transaction_from_external m_strAccountID1",
        "250807.1.2": "sync_transaction_from_external m_strAccountID1 smart_algo_order_async",
    }
    for generation, text in marks.items():
        (tmp_path / "xttrader.py").write_text(text, encoding="utf-8")
        assert vendor.api_generation(tmp_path) == generation


def test_the_trader_class_is_the_vendors_file(user: SimTrader) -> None:
    source = sys.modules[type(user.trader).__module__].__file__
    assert source is not None
    assert Path(source).parent == vendor.installed_folder()


def test_simulated_says_so(new_user: Callable[..., SimTrader], log: list[str]) -> None:
    user = new_user()
    user.connect()
    assert user.simulated is True
    assert "仿真" in repr(user)
    assert [line for line in log if "仿真" in line]
