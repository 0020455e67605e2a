"""Where traced Python memory grows: by line of code, between one moment and a later one.

Slows everything down several times while it is on. Never judges what it finds.
"""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Iterable
from types import TracebackType

_OWN = tuple(tracemalloc.Filter(False, name) for name in (tracemalloc.__file__, __file__))


class GrowthSites:
    """Traces what is allocated inside its ``with`` block; ``under`` is the folder whose code counts, or all."""

    def __init__(self, under: str = "", apart: Iterable[str] = ()) -> None:
        self._filters = [*_OWN, *(tracemalloc.Filter(False, os.path.join(name, "*")) for name in apart)]
        if under:
            self._filters.append(tracemalloc.Filter(True, os.path.join(under, "*")))
        self._start: tracemalloc.Snapshot | None = None

    def __enter__(self) -> GrowthSites:
        tracemalloc.start(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tracemalloc.stop()

    def begin(self) -> None:
        """What is alive now is not growth."""
        self._start = self._now()

    def grown(self) -> list[tracemalloc.StatisticDiff]:
        """What has grown since, line by line, the most bytes first."""
        assert self._start is not None, "begin() comes first"
        return self._now().compare_to(self._start, "lineno")

    def _now(self) -> tracemalloc.Snapshot:
        gc.collect()
        return tracemalloc.take_snapshot().filter_traces(self._filters)


def top(grown: Iterable[tracemalloc.StatisticDiff], days: int, lines: int = 15) -> list[str]:
    """The lines that have grown most, per day, and the sum of all of them."""
    every = list(grown)
    made = [
        f"{site.size_diff / days:>+12,.0f} bytes {site.count_diff / days:>+9,.1f} objects a day"
        f"  {site.traceback[0].filename}:{site.traceback[0].lineno}"
        for site in every[:lines]
    ]
    whole = sum(site.size_diff for site in every) / days
    return [*made, f"{whole:>+12,.0f} bytes a day in all of the traced code"]
