"""Interleaved rounds, percentiles and Markdown tables. Never decides whether a number is good."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Contender:
    """One who is measured: ``step`` is timed, inside ``around``, which is not.

    A step that returns a float has timed itself, in seconds.
    """

    name: str
    step: Callable[[], object]
    around: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True)
class Table:
    """One table of a report; cells are text already."""

    title: str
    command: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = field(default=())

    def markdown(self) -> str:
        """The table with its command and its notes."""
        lines = [f"### {self.title}", "", f"`{self.command}`", ""]
        lines += [
            f"| {' | '.join(self.heads)} |",
            f"|{'|'.join(['---'] + ['---:'] * (len(self.heads) - 1))}|",
        ]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines) + "\n"


def interleaved(
    contenders: Sequence[Contender],
    rounds: int,
    block: int = 1,
    warm: int = 1,
    before: Callable[[], object] | None = None,
) -> Samples:
    """Seconds of each step, ``block`` of them at a turn: A…B…A…B…, so that noise hits all alike.

    ``before`` runs before each step and is not timed. The first ``warm`` rounds do not count.
    """
    samples: Samples = {one.name: [] for one in contenders}
    for number in range(rounds + warm):
        # Who comes first changes, so that nobody always pays for what the one before left behind.
        shift = number % len(contenders)
        for one in (*contenders[shift:], *contenders[:shift]):
            took: list[float] = []
            with one.around():
                gc.collect()
                for _ in range(block):
                    if before is not None:
                        before()
                    begun = time.perf_counter()
                    told = one.step()
                    took.append(told if isinstance(told, float) else time.perf_counter() - begun)
                    # Freed here: letting go of one's hundred thousand dicts is not the next one's work.
                    del told
            if number >= warm:
                samples[one.name] += took
    return samples


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of them lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return percentile(values, 0.5)


def span(seconds: float) -> str:
    """Seconds in a unit that fits."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.2f} ms"
    return f"{seconds:.2f} s"


def ratio(values: Sequence[float], base: Sequence[float], block: int = 1) -> float:
    """How many times ``base`` they are: the middle one of the ratios of each round's medians.

    Those of one round were measured within moments of each other, so a load that comes and goes cancels out.
    """
    rounds = range(0, min(len(values), len(base)), block)
    return median([median(values[at : at + block]) / median(base[at : at + block]) for at in rounds])


def compared(samples: Mapping[str, Sequence[float]], base: str, block: int = 1) -> list[tuple[str, ...]]:
    """A row for each contender: median, 5th and 95th percentile, ratio to ``base``."""
    return [
        (
            name,
            span(median(values)),
            f"{span(percentile(values, 0.05))} – {span(percentile(values, 0.95))}",
            f"{ratio(values, samples[base], block):.2f}",
            str(len(values)),
        )
        for name, values in samples.items()
    ]


COMPARED = ("参赛者", "中位数", "第 5–95 百分位", "比值", "样本")
