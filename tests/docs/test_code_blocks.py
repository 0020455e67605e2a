"""Every code block of the guide and the READMEs runs, as a reader would run it, against the simulated terminal.

Python blocks run through ``python -m easytrader_qmt sim run``, one process for each page, each block a script of
its own; ``<!-- continues -->`` above a block makes it go on where the one before it ended, ``<!-- output -->``
above a text block says that this is exactly what was printed, ``<!-- file: NAME -->`` saves a block for a command
further down. Commands that start with ``python -m easytrader_qmt`` run too, unless ``<!-- not run: why -->``;
``<!-- exit status: N -->`` says how they end when that is not 0.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import documents
from tests.documents import Block
from tests.facade import child, script, sim_run

OURS = "python -m easytrader_qmt "
PAGES = [path for path in documents.documents() if documents.code_blocks(path)]
NAMES = [path.relative_to(documents.ROOT).as_posix() for path in PAGES]
MARKS = ("continues", "output", "file: ", "not run: ", "exit status: ", "command: ")
MOST_NOT_RUN = 8
RUN_SECONDS = 150.0

# Each script keeps its lines' numbers, so that a traceback names the line of the page.
DRIVER = """
import contextlib, io, json, sys, threading, traceback

with open("scripts.json", encoding="utf-8") as file:
    scripts = json.load(file)
results = []
for name, text in scripts:
    said = io.StringIO()
    wrong = ""
    with contextlib.redirect_stdout(said):
        try:
            exec(compile(text, name, "exec"), {"__name__": "__main__"})
        except BaseException:
            wrong = traceback.format_exc()
    left = [one.name for one in threading.enumerate() if one.name == "easytrader-qmt supervisor"]
    if left and not wrong:
        wrong = "the connection is still open at the end: user.exit() is missing"
    results.append([said.getvalue(), wrong])
with open("results.json", "w", encoding="utf-8") as file:
    json.dump(results, file)
sys.exit(any(wrong for said, wrong in results))
"""

# What the READMEs call your_script.py: a script for raw xtquant.
READERS_OWN = """
from xtquant.xttrader import XtQuantTrader
from xtquant.xttype import StockAccount

trader = XtQuantTrader(r"D:\\QMT\\userdata_mini", 123456)
trader.start()
assert trader.connect() == 0
assert trader.order_stock(StockAccount("1000000365"), "600036.SH", 23, 100, 11, 35.5) > 0
trader.stop()
"""


@dataclass
class Script:
    """One or more python blocks that belong together, and what the page says they print."""

    blocks: list[Block]
    output: list[Block] = field(default_factory=list)

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.blocks[0].line

    @property
    def text(self) -> str:
        """Its source, every line where it stands in the page."""
        lines: list[str] = []
        for block in self.blocks:
            lines += [""] * (block.line - 1 - len(lines))
            lines += block.body.splitlines()
        return "\n".join(lines) + "\n"


def scripts_of(blocks: Iterable[Block]) -> list[Script]:
    """The python blocks of a page as scripts, with the outputs that follow them."""
    found: list[Script] = []
    for block in blocks:
        if block.language == "python" and not block.mark.startswith("file: "):
            if block.mark == "continues":
                assert found, f"line {block.line} continues nothing"
                found[-1].blocks.append(block)
            else:
                found.append(Script([block]))
        elif block.mark == "output":
            assert found, f"line {block.line} is the output of nothing"
            found[-1].output.append(block)
    return found


def files_of(blocks: Iterable[Block]) -> Iterator[tuple[str, str]]:
    """The files a page tells its reader to save."""
    for block in blocks:
        if block.mark.startswith("file: "):
            yield block.mark.removeprefix("file: "), block.body


def commands_of(blocks: Iterable[Block]) -> Iterator[tuple[Block, str]]:
    """The commands of this package that a page shows and that end by themselves."""
    for block in blocks:
        if block.language == "bash" and not block.mark.startswith(("not run: ", "command: ")):
            for line in block.body.replace("\\\n", " ").splitlines():
                if line.startswith(OURS):
                    yield block, line


def tidy(text: str) -> str:
    """Printed text without what an editor or a table leaves at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def placed(folder: Path, blocks: Iterable[Block]) -> None:
    script(folder, READERS_OWN, "your_script.py")
    for name, text in files_of(blocks):
        assert Path(name).name == name
        script(folder, text, name)


def private(folder: Path) -> dict[str, str]:
    """An environment in which nothing is kept outside of the folder."""
    home = folder / "home"
    home.mkdir()
    return {"XDG_DATA_HOME": str(home), "LOCALAPPDATA": str(home)}


def what_is_wrong_with_python(path: Path, folder: Path) -> str:
    """Run a page's scripts; '' when each of them does what the page says."""
    blocks = documents.code_blocks(path)
    scripts = scripts_of(blocks)
    if not scripts:
        return ""
    placed(folder, blocks)
    name = path.relative_to(documents.ROOT).as_posix()
    script(folder, json.dumps([[name, one.text] for one in scripts]), "scripts.json")
    done = sim_run(folder, DRIVER, env=private(folder))
    if not (folder / "results.json").exists():
        return f"{done.stdout}\n{done.stderr}"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    for one, (said, wrong) in zip(scripts, results, strict=True):
        if wrong:
            return f"{name}, the block at line {one.line}:\n{wrong}\n{done.stderr[-3000:]}"
        expected = "".join(block.body for block in one.output)
        if one.output and tidy(said) != tidy(expected):
            return f"{name}, the block at line {one.line} printed\n{said}\nand the page says\n{expected}"
    return "" if done.returncode == 0 else f"status {done.returncode}: {done.stderr}"


def what_is_wrong_with_commands(path: Path, folder: Path) -> str:
    """Run a page's commands; '' when each of them ends as the page says."""
    blocks = documents.code_blocks(path)
    placed(folder, blocks)
    env = private(folder)
    for block, line in commands_of(blocks):
        expected = int(block.mark.removeprefix("exit status: ")) if block.mark.startswith("exit") else 0
        done = child(*shlex.split(line)[1:], cwd=folder, env=env)
        if done.returncode != expected or "Traceback" in done.stderr:
            return f"{path.name}, line {block.line}: {line}\n{done.returncode}\n{done.stdout}{done.stderr}"
    return ""


Runs = dict[tuple[str, Path], "Future[str]"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """What is wrong with each page, all pages at the same time."""
    work = {"python": what_is_wrong_with_python, "commands": what_is_wrong_with_commands}
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        yield {
            (kind, path): pool.submit(check, path, tmp_path_factory.mktemp(kind))
            for kind, check in work.items()
            for path in PAGES
        }


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_python_blocks_run(path: Path, runs: Runs) -> None:
    assert runs["python", path].result(RUN_SECONDS) == ""


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_commands_run(path: Path, runs: Runs) -> None:
    assert runs["commands", path].result(RUN_SECONDS) == ""


def test_every_mark_is_known_and_every_file_is_run() -> None:
    for path in PAGES:
        blocks = documents.code_blocks(path)
        unknown = [block for block in blocks if block.mark and not block.mark.startswith(MARKS)]
        assert unknown == [], path.name
        ran = " ".join(line for _, line in commands_of(blocks))
        for name, _ in files_of(blocks):
            assert f" {name}" in ran, f"{path.name} saves {name} and runs it nowhere"


def test_few_commands_are_left_out() -> None:
    left_out = [
        block for path in PAGES for block in documents.code_blocks(path) if block.mark.startswith("not run: ")
    ]
    assert all(block.language == "bash" for block in left_out)
    assert len(left_out) <= MOST_NOT_RUN


def found_in(tmp_path: Path, text: str) -> list[Block]:
    return documents.code_blocks(script(tmp_path, text, "page.md"))


def test_blocks_keep_their_lines(tmp_path: Path) -> None:
    page = "# a\n\n```python\nx = 1\n```\n\nb\n\n<!-- continues -->\n```python\nprint(x)\n```\n"
    (one,) = scripts_of(found_in(tmp_path, page))
    assert one.text.splitlines()[3] == "x = 1"
    assert one.text.splitlines()[10] == "print(x)"
    page += "\n```python\nprint(2)\n```\n\n<!-- output -->\n```text\n2\n```\n"
    first, second = scripts_of(found_in(tmp_path, page))
    assert (first.output, [block.body for block in second.output]) == ([], ["2\n"])


@pytest.mark.parametrize("mark", ["continues", "output"])
def test_a_mark_without_a_script_before_it(tmp_path: Path, mark: str) -> None:
    language = {"continues": "python", "output": "text"}[mark]
    with pytest.raises(AssertionError, match="nothing"):
        scripts_of(found_in(tmp_path, f"<!-- {mark} -->\n```{language}\nx\n```\n"))


def test_which_commands_run(tmp_path: Path) -> None:
    page = (
        "```bash\npip install x\npython -m easytrader_qmt demo\n```\n"
        "<!-- not run: it never ends -->\n```bash\npython -m easytrader_qmt watch\n```\n"
        "<!-- command: demo -->\n```bash\npython -m easytrader_qmt demo\n```\n"
    )
    assert [line for _, line in commands_of(found_in(tmp_path, page))] == ["python -m easytrader_qmt demo"]


def test_what_the_driver_says_of_a_block(tmp_path: Path) -> None:
    texts = [
        ["one", "print('一')"],
        ["two", "\n1 / 0"],
        ["three", "import easytrader_qmt\nuser = easytrader_qmt.use('sim')\nuser.connect()"],
    ]
    script(tmp_path, json.dumps(texts), "scripts.json")
    assert sim_run(tmp_path, DRIVER).returncode == 1
    results: list[Any] = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results[0] == ["一\n", ""]
    assert 'File "two", line 2' in results[1][1]
    assert "user.exit() is missing" in results[2][1]
