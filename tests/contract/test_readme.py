"""The documents' promises: their Python runs, their commands exist, and both languages say the same."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests import documents
from tests.facade import sim_run

PYTHON = [
    (path, number, text)
    for path in (documents.ROOT / "README.md", documents.ROOT / "README.zh-CN.md")
    for number, text in enumerate(documents.blocks(path, "python"))
]


@pytest.mark.parametrize(
    ("path", "number", "text"), PYTHON, ids=[f"{path.name}-{number}" for path, number, _ in PYTHON]
)
def test_every_python_block_runs(path: Path, number: int, text: str, tmp_path: Path) -> None:
    if path.name != "README.md" and text == documents.blocks(documents.ROOT / "README.md", "python")[number]:
        return  # the same block, run above
    done = sim_run(tmp_path, text)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "委托" in done.stdout


def test_the_documents_agree_and_link_to_what_exists() -> None:
    assert documents.problems() == []


def test_the_english_readme_has_what_it_promises() -> None:
    text = (documents.ROOT / "README.md").read_text(encoding="utf-8")
    assert "use('miniqmt')" in text
    assert "use('sim')" in text
    assert len(documents.blocks(documents.ROOT / "README.md", "python")) >= 2


@pytest.mark.parametrize("name", ["demo", "test"])
def test_the_two_commands(name: str) -> None:
    words = shlex.split(documents.command(name))
    assert words[:4] == ["python", "-m", "pip", "install"]
    assert (
        words[words.index("&&") + 1 :]
        == {
            "demo": ["python", "-m", "easytrader_qmt", "demo"],
            "test": ["python", "-m", "pytest"],
        }[name]
    )


def test_a_command_that_is_not_marked() -> None:
    with pytest.raises(SystemExit, match="nonsense"):
        documents.command("nonsense")
