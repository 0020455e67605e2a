"""The kill switch: a small file that stops orders in every process that watches it, and after a restart.

What it cannot tell counts as killed. It never stops a cancel and never reads more than the file's reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading

from easytrader_qmt import busy_files
from easytrader_qmt.clock import Clock, shanghai
from easytrader_qmt.errors import InvalidArgument

__all__ = ["Glance", "KillSwitch"]

_GLANCE_SECONDS = 0.02
"""For how long orders that leave one after another share one look at the file."""

_ENDINGS = ("", ".txt") if sys.platform == "win32" else ("",)
"""What the file's name may have behind it: a text file made in Windows' Explorer has an ending that is not shown."""

_NO_SUCH_PLACE = (3, 15, 53, 67)
"""Windows' errors for a folder, a drive, a server and a share that are not there."""


class KillSwitch:
    """On while ``path`` exists, whatever wrote it; without a path it holds in this process only."""

    def __init__(self, path: str | None, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._here: str | None = None
        self.turns = 0
        """How often it was turned on from this process."""

    def on(self) -> bool:
        """Whether orders are stopped; asks the file system each time."""
        if self._here is not None:
            return True
        return self.path is not None and any(_is_there(self.path + ending) for ending in _ENDINGS)

    def reason(self) -> str:
        """Why it is on, as far as that was written; ''."""
        if self._here is not None:
            return self._here
        for ending in _ENDINGS:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                with open((self.path or "") + ending, encoding="utf-8") as file:
                    written = json.loads(file.read(4096))
                return f"{written['reason']}（{written['at']}）"
        return ""

    def turn_on(self, reason: object) -> bool:
        """Stop orders here at once. False: the file could not be written, so only here, until `turn_off`."""
        # Whatever is given must not keep the file from being written: an exception is a natural reason.
        reason = _plain(reason)
        self._here = reason
        self.turns += 1
        if self.path is None:
            return True
        at = shanghai(self._clock.now()).isoformat(timespec="seconds")
        content = json.dumps({"reason": reason, "at": at, "pid": os.getpid()}, ensure_ascii=False)
        draft = f"{self.path}.{os.getpid()}.{threading.get_ident()}.new"
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(draft, "w", encoding="utf-8") as file:
                file.write(content)
            busy_files.replace(draft, self.path, self._clock)
        except OSError:
            with contextlib.suppress(OSError):
                os.remove(draft)
            try:
                # A scanner that holds the draft does not hold this one, and that it exists is enough.
                with open(self.path, "w", encoding="utf-8") as file:
                    file.write(content)
            except OSError:
                return False
        # From here on the file alone decides, so that another process can let orders through again.
        self._here = None
        return True

    def turn_off(self) -> None:
        """Let orders through again, everywhere. Raises InvalidArgument if the file cannot be removed."""
        for path in [] if self.path is None else [self.path + ending for ending in _ENDINGS]:
            try:
                busy_files.remove(path, self._clock)
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError as error:
                raise InvalidArgument(
                    f"总开关文件 {path} 删不掉（{error}），下单仍然停止。请手工删除它"
                ) from error
        self._here = None


def _is_there(path: str) -> bool:
    """Whether the file is there; also where that cannot be told."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        if getattr(error, "winerror", None) in _NO_SUCH_PLACE:
            # Windows says so too of a drive that this user does not see, or a server that is away.
            place = os.path.splitdrive(path)[0]
            return bool(place) and not os.path.isdir(place + os.sep)
        return False
    except OSError:
        return True
    return True


def _plain(reason: object) -> str:
    """The reason as text that any file and console takes."""
    try:
        said = reason if isinstance(reason, str) else str(reason) or type(reason).__name__
    except Exception:
        said = type(reason).__name__
    return said.encode("utf-8", "replace").decode()


class Glance:
    """One look at the switch for many orders that leave together, and a new one before it gets old.

    Asking the file system for each order of a basket would double what some of them cost. A turn in this
    process is seen at once, one in another process within 20 milliseconds.
    """

    def __init__(self, switch: KillSwitch, clock: Clock) -> None:
        self._switch = switch
        self._clock = clock
        self._look()

    def on(self) -> bool:
        """Whether orders are stopped."""
        if self._turns != self._switch.turns or self._clock.monotonic() - self._at > _GLANCE_SECONDS:
            self._look()
        return self._seen

    def _look(self) -> None:
        self._turns, self._at = self._switch.turns, self._clock.monotonic()
        self._seen = self._switch.on()
