"""Importing does nothing, and loading xtquant through this package asks no network and prints nothing."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import pytest

import easytrader_qmt
from easytrader_qmt import api
from easytrader_qmt.miniqmt import vendor
from tests.facade import child, script

WATCH = """
import json, os, sys, threading

done = []

def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system",
                 "os.mkdir", "urllib.Request"):
        done.append(event + " " + repr(args[:1]))
    elif event == "open":
        path, mode, flags = args
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and path != os.devnull:
            done.append("open " + repr(path))

sys.dont_write_bytecode = True
before = set(sys.modules)
sys.addaudithook(watch)
"""
TOLD = """
print(json.dumps({"done": done, "threads": threading.active_count(), "new": sorted(set(sys.modules) - before)}))
"""


def watched(text: str, folder: Path, **env: str) -> dict[str, Any]:
    """What a script did in a process of its own; its own output must be this report alone."""
    done = child(script(folder, WATCH + text + TOLD), cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    [line] = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


HEAVY = (
    "pandas",
    "numpy",
    "loguru",
    "rich",
    "click",
    "tenacity",
    "requests",
    "xtquant",
    "sqlite3",
    "asyncio",
)


@pytest.mark.parametrize(
    "module",
    ["easytrader_qmt", "easytrader_qmt.errors", "easytrader_qmt.exceptions", "easytrader_qmt.records"],
)
def test_importing_does_nothing(module: str, tmp_path: Path) -> None:
    told = watched(f"import {module}\n", tmp_path)
    assert told["done"] == []
    assert told["threads"] == 1
    assert [name for name in told["new"] if name.split(".")[0] in HEAVY] == []


def test_importing_the_adapter_and_the_simulation(tmp_path: Path) -> None:
    told = watched("import easytrader_qmt.miniqmt, easytrader_qmt.sim, easytrader_qmt.cli\n", tmp_path)
    assert told["done"] == []
    assert told["threads"] == 1
    assert [name for name in told["new"] if name.split(".")[0] in ("pandas", "numpy", "xtquant")] == []


def test_no_log_sink_is_added_or_taken_away(tmp_path: Path) -> None:
    text = """
from loguru import logger
handlers = dict(logger._core.handlers)
import easytrader_qmt, easytrader_qmt.miniqmt
easytrader_qmt.use("sim")
assert dict(logger._core.handlers) == handlers
"""
    assert child(script(tmp_path, text), cwd=tmp_path).returncode == 0


SPY = """
with open({asked!r}, "a") as file:
    file.write(__name__ + "\\n")

def get(*args, **words):
    with open({asked!r}, "a") as file:
        file.write("get " + repr(args))
    raise OSError

get_distribution = get
"""


def spies(folder: Path) -> tuple[Path, dict[str, str]]:
    """Where requests and pkg_resources can be imported, and what they were asked."""
    import os

    asked = folder / "asked"
    stubs = folder / "stubs"
    stubs.mkdir()
    for name in ("requests", "pkg_resources"):
        (stubs / f"{name}.py").write_text(SPY.format(asked=str(asked)), encoding="utf-8")
    path = os.pathsep.join([str(stubs), *filter(None, [os.environ.get("PYTHONPATH")])])
    return asked, {"PYTHONPATH": path}


LOADS = {
    "use('sim')": "import easytrader_qmt\neasytrader_qmt.use('sim')\n",
    "use('miniqmt')": (
        "import easytrader_qmt\ntry:\n    easytrader_qmt.use('miniqmt')\n"
        "except easytrader_qmt.NativeClientMissing:\n    pass\n"
    ),
    "then import xtquant": (
        "import easytrader_qmt\neasytrader_qmt.use('sim')\nimport xtquant, xtquant.xttrader\n"
        "from xtquant import xtconstant\nassert xtconstant.STOCK_BUY == 23\n"
    ),
}


@pytest.mark.parametrize("how", LOADS)
def test_loading_xtquant_asks_nobody(how: str, tmp_path: Path) -> None:
    if how == "then import xtquant" and vendor.native_available():
        pytest.skip("xtquant means the real client here")
    asked, env = spies(tmp_path)
    done = child(script(tmp_path, WATCH + LOADS[how] + TOLD), cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert [event for event in told["done"] if event.startswith(("socket", "subprocess", "urllib"))] == []
    assert not asked.exists()


def test_the_spies_would_notice(tmp_path: Path) -> None:
    """The vendor's own ``__init__`` does ask, which is what the test above rules out."""
    asked, env = spies(tmp_path)
    init = (vendor.installed_folder() / "__init__.py").read_text(encoding="utf-8", errors="replace")
    if "check_for_update" not in init:
        pytest.skip("this version does not ask")
    child(script(tmp_path, "import xtquant\n"), cwd=tmp_path, env=env)
    assert asked.exists()


def test_all_is_sorted_and_true() -> None:
    names = easytrader_qmt.__all__
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    for name in names:
        assert getattr(easytrader_qmt, name) is not None
    public = {
        name
        for name, value in vars(easytrader_qmt).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - {"annotations"} <= set(names)


def test_what_the_document_imports() -> None:
    from easytrader_qmt import exceptions
    from easytrader_qmt.miniqmt import DefaultXtQuantTraderCallback, MiniqmtTrader

    assert issubclass(exceptions.TradeError, Exception)
    assert exceptions.NotLoginError is easytrader_qmt.ConnectError
    assert isinstance(DefaultXtQuantTraderCallback, type)
    assert isinstance(MiniqmtTrader, type)
    assert easytrader_qmt.use is api.use
    assert easytrader_qmt.__version__


def test_the_package_is_typed() -> None:
    assert (Path(easytrader_qmt.__file__).parent / "py.typed").is_file()
