"""The order journal as text, to be kept or opened elsewhere. It only formats what it is given."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

from easytrader_qmt.clock import shanghai
from easytrader_qmt.journal_entries import COLUMNS, Entry

__all__ = ["as_csv", "as_json"]

_TIMES = ("begun_at", "finished_at")


def as_csv(entries: Iterable[Entry]) -> Iterator[str]:
    """A header, then a line for each entry."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(_shown(entry).values())
    yield buffer.getvalue()


def as_json(entries: Iterable[Entry]) -> Iterator[str]:
    """One array with an object for each entry."""
    lead = "["
    for entry in entries:
        yield f"{lead}\n  {json.dumps(_shown(entry), ensure_ascii=False)}"
        lead = ","
    yield "[]\n" if lead == "[" else "\n]\n"


def _shown(entry: Entry) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(entry, name) for name in COLUMNS}
    for name in _TIMES:
        seconds = getattr(entry, name)
        row[name] = shanghai(seconds).isoformat(timespec="milliseconds") if seconds else None
    return row
