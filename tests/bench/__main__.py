"""``python -m tests.bench``: every contender in one process, interleaved; prints Markdown tables."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from tests.bench.measure import Table

SUBJECTS = ("order", "basket", "queries", "events", "reconnect", "growth", "imports")


def main() -> None:
    """Run the subjects that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=SUBJECTS, metavar="NAME", help=", ".join(SUBJECTS))
    parser.add_argument(
        "--quick", action="store_true", help="few rounds: shows that it runs, measures little"
    )
    parser.add_argument(
        "--markdown", metavar="DIR", help="put the tables into DIR/benchmarks.md, at their markers"
    )
    given = parser.parse_args()
    print(surroundings(), end="\n\n")
    for name in given.only or SUBJECTS:
        command = f"python -m tests.bench --only {name}" + (" --quick" if given.quick else "")
        tables: list[Table] = importlib.import_module(f"tests.bench.{name}").run(given.quick, command)
        text = "\n".join(table.markdown() for table in tables)
        print(text, flush=True)
        if given.markdown:
            keep(Path(given.markdown) / "benchmarks.md", name, text)


def surroundings() -> str:
    """What the numbers were measured on."""
    parts = [f"Python {platform.python_version()}", f"{platform.system()} {platform.machine()}"]
    parts += [f"{os.cpu_count()} CPU"]
    parts += [f"{name} {version(name)}" for name in ("xtquant", "easytrader", "pandas", "loguru")]
    return "，".join(parts)


def keep(page: Path, name: str, text: str) -> None:
    """Put a subject's tables between its markers in the page. Raises ValueError for a page without them."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} has no {begin} … {end}")
    page.write_text(f"{before}{begin}\n\n{text}\n{surroundings()}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
