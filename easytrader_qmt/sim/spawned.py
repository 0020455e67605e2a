"""Starts a simulated terminal as a child process and waits until it answers; for tests and campaigns.

Never leaves a child behind that it was told to end, and never waits without a deadline.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, Any

import easytrader_qmt
from easytrader_qmt.sim import link_client, link_home
from easytrader_qmt.sim.link_client import ControlClient
from easytrader_qmt.sim.link_home import LinkError

_MODULE = "easytrader_qmt.sim.process"
_LINES_KEPT = 200


class SpawnedTerminal:
    """A terminal process that this process started; usable as a context manager, which ends it."""

    def __init__(self, directory: str | os.PathLike[str], process: subprocess.Popen[str]) -> None:
        self.directory = os.fspath(directory)
        self._process = process
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._said = threading.Event()
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="sim terminal output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def output(self) -> str:
        """The last lines the child has written."""
        return "\n".join(self._lines)

    def control(self, seconds: float = 10.0) -> ControlClient:
        """A control connection to the child."""
        return link_client.control(self.directory, seconds)

    def poll(self) -> int | None:
        """The exit status, None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float = 10.0) -> int:
        """The exit status once it has ended; subprocess.TimeoutExpired after ``seconds``."""
        status = self._process.wait(seconds)
        self._reader.join(seconds)
        return status

    def kill(self, seconds: float = 10.0) -> None:
        """End it at once, without a chance to tidy up."""
        self._process.kill()
        self.wait(seconds)

    def terminate(self, seconds: float = 10.0) -> int:
        """Ask it to end (on Windows: end it); its exit status."""
        self._process.terminate()
        return self.wait(seconds)

    def __enter__(self) -> SpawnedTerminal:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.poll() is None:
            self.kill()
        self._reader.join(10.0)

    def wait_until_ready(self, seconds: float) -> None:
        """Until the child answers. LinkError when it ends first or after ``seconds``; it is ended then."""
        deadline = time.monotonic() + seconds
        try:
            while not self._answers(deadline):
                if self._ended or time.monotonic() >= deadline:
                    raise LinkError(f"仿真终端进程没有就绪：{self.output or '没有任何输出'}")
        except BaseException:
            self.__exit__()
            raise

    def _answers(self, deadline: float) -> bool:
        """Whether it answers, asked after the next line it writes or half a second."""
        self._said.wait(max(0.0, min(0.5, deadline - time.monotonic())))
        self._said.clear()
        try:
            if link_home.read_address(self.directory).pid != self.pid:
                return False
            with self.control(max(0.1, deadline - time.monotonic())) as control:
                return bool(control.state()["simulated"])
        except (OSError, LinkError):
            return False

    def _read(self) -> None:
        stream: IO[str] | None = self._process.stdout
        if stream is None:
            return
        with stream:
            for line in stream:
                self._lines.append(line.rstrip("\n"))
                self._said.set()
        self._ended = True
        self._said.set()


def spawn(
    directory: str | os.PathLike[str],
    *,
    host: str | None = None,
    port: int | None = None,
    seed_cash: float | None = None,
    connect_timeout: float | None = None,
    session_gap: float | None = None,
    ready_seconds: float = 30.0,
) -> SpawnedTerminal:
    """Start ``python -m easytrader_qmt.sim.process`` at ``directory`` and wait until it answers.

    The options are those of ``serve``. Raises LinkError when it does not answer within ``ready_seconds``.
    """
    options = {
        "--host": host,
        "--port": port,
        "--seed-cash": seed_cash,
        "--connect-timeout": connect_timeout,
        "--session-gap": session_gap,
    }
    given = [f"{name}={value}" for name, value in options.items() if value is not None]
    python, environment = _interpreter()
    process = subprocess.Popen(
        [python, "-m", _MODULE, os.fspath(directory), *given],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        encoding="utf-8",
        errors="replace",
        **_own_group(),
    )
    child = SpawnedTerminal(directory, process)
    child.wait_until_ready(ready_seconds)
    return child


def _environment() -> dict[str, str]:
    """This process's, with this very package first for the child to import, and UTF-8 for its output."""
    package = str(Path(easytrader_qmt.__file__).resolve().parent.parent)
    paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}


def _interpreter() -> tuple[str, dict[str, str]]:
    """Which interpreter to start, and its environment: the one whose process id is the terminal's own.

    On Windows a virtual environment's python.exe only starts another, which knows by this variable where it belongs.
    """
    environment, base = _environment(), getattr(sys, "_base_executable", sys.executable)
    if sys.platform == "win32" and os.path.normcase(base) != os.path.normcase(sys.executable):
        return base, {**environment, "__PYVENV_LAUNCHER__": sys.executable}
    return sys.executable, environment


def _own_group() -> dict[str, Any]:
    # Ctrl+C in this process's console is not meant for the child.
    windows_flag = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", None)
    return {"start_new_session": True} if windows_flag is None else {"creationflags": windows_flag}
