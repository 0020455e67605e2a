"""Runs every row of the observed behaviour, in a process of its own because some rows hang by design.

Decides nothing: the rows are in `conformance_connection`, `conformance_callbacks` and `conformance_orders`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

from easytrader_qmt.sim import conformance_callbacks, conformance_connection, conformance_orders
from easytrader_qmt.sim.conformance_bench import Desk, NotHere, Row, Wrong, child_environment
from easytrader_qmt.sim.conformance_observed import Finding

__all__ = ["ROWS", "findings", "in_a_child"]

ROWS: tuple[Row, ...] = (*conformance_connection.ROWS, *conformance_callbacks.ROWS, *conformance_orders.ROWS)
_GROUP = "行为"
_CHILD_SECONDS = 90.0
_MAY_BE_SILENT = frozenset({"import.no_native"})
"""Rows that cannot be looked at everywhere."""


def findings(rows: Sequence[Row], desk: Desk) -> Iterator[Finding]:
    """Run ``rows`` in this process; rows that cannot be looked at on this platform bring nothing."""
    for row in rows:
        try:
            row.check(desk)
        except NotHere:
            continue
        except Exception as error:
            text = str(error) if isinstance(error, Wrong) else f"{type(error).__name__}: {error}"
            yield Finding(row.key, _GROUP, "wrong", f"{row.title}：{text}")
        else:
            yield Finding(row.key, _GROUP, "different" if row.differs else "conforming", row.title)


def in_a_child() -> list[Finding]:
    """Run every row in a process of its own; the rows that it did not get to are missing."""
    command = [sys.executable, "-m", "easytrader_qmt.sim.conformance_behaviour"]
    try:
        done = subprocess.run(
            command, env=child_environment(), capture_output=True, timeout=_CHILD_SECONDS, check=False
        )
        said, error = done.stdout, done.stderr.decode("utf-8", "replace").strip()[-500:]
    except subprocess.TimeoutExpired as expired:
        said, error = expired.stdout or b"", f"{_CHILD_SECONDS:g} 秒没有结束"
    found = [
        Finding(**json.loads(line))
        for line in said.decode("utf-8", "replace").splitlines()
        if line[:1] == "{"
    ]
    silent = {row.key: row.title for row in ROWS if row.key not in _MAY_BE_SILENT}
    for one in found:
        silent.pop(one.key, None)
    lost = [Finding(key, _GROUP, "missing", f"{title}：没有报告。{error}") for key, title in silent.items()]
    return [*found, *lost]


def main() -> None:
    """Run every row, say one JSON line for each, and end the process with whatever still hangs in it."""
    desk = Desk()
    for finding in findings(ROWS, desk):
        sys.stdout.write(json.dumps(vars(finding)) + "\n")
        sys.stdout.flush()
    desk.clear()
    os._exit(0)


if __name__ == "__main__":
    main()
