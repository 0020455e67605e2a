"""The checks of the documents find what they are there to find, and find nothing in this project's own."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests import documents
from tests.facade import script


def test_the_documents_are_in_order() -> None:
    assert documents.problems() == []


def test_the_navigation_names_every_page() -> None:
    named = documents.pages_in_navigation()
    assert named[0] == "index.md"
    pages = {path.relative_to(documents.GUIDE).as_posix() for path in documents.GUIDE.rglob("*.md")}
    assert pages <= set(named)


@pytest.fixture
def guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own with two pages."""
    pages = tmp_path / "docs"
    pages.mkdir()
    readme = "# 项目\n\n[指南](docs/a.md)\n\n```python\nx = 1\n```\n"
    script(tmp_path, readme, "README.md")
    script(tmp_path, readme, "README.zh-CN.md")
    script(tmp_path, "site_name: x\n\nnav:\n  - 首页: a.md\n  - 组:\n      - 二: b.md\n", "mkdocs.yml")
    script(pages, "# 甲\n\n## 第一 节\n\n[乙](b.md#second-part)\n![图](a.md)\n`[x](nowhere.md)`\n", "a.md")
    script(
        pages, "# 乙\n\n## Second *part*\n\n## 同\n\n## 同\n\n## 定 {#own-id}\n\n[甲](a.md#第一-节)\n", "b.md"
    )
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    monkeypatch.setattr(documents, "GUIDE", pages)
    documents.anchors.cache_clear()
    return pages


def test_a_project_in_order(guide: Path) -> None:
    assert documents.problems() == []
    assert documents.anchors(guide / "b.md") == {"乙", "second-part", "同", "同_1", "own-id"}


def test_comments_are_in_the_readmes_own_language(guide: Path) -> None:
    for name, comment in (("README.md", "  # a number"), ("README.zh-CN.md", "# 一个数")):
        page = guide.parent / name
        page.write_text(
            page.read_text(encoding="utf-8").replace("x = 1", f"x = 1 {comment}"), encoding="utf-8"
        )
    assert documents.problems() == []


@pytest.mark.parametrize(
    ("page", "line", "wrong"),
    [
        ("a.md", "[x](c.md)", "docs/a.md: link to c.md leads nowhere"),
        ("a.md", "![x](images/c.svg)", "docs/a.md: link to images/c.svg leads nowhere"),
        ("a.md", "[x](b.md#gone)", "docs/a.md: link to b.md#gone: no such heading"),
        ("a.md", "[x](#gone)", "docs/a.md: link to #gone: no such heading"),
        ("a.md", "[x](../README.md)", "docs/a.md: link to ../README.md leads out of the guide"),
        ("c.md", "# 丙", "mkdocs.yml: the navigation lacks c.md"),
        ("../README.md", "```python\ny\n```", "README.md and README.zh-CN.md differ in their code blocks"),
        ("../mkdocs.yml", "  - 三: d.md", "mkdocs.yml: d.md is not there"),
        ("../mkdocs.yml", "  - 又: b.md", "mkdocs.yml: b.md is named 2 times"),
    ],
)
def test_what_is_wrong_is_found(guide: Path, page: str, line: str, wrong: str) -> None:
    with (guide / page).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    assert documents.problems() == [wrong]


def test_what_a_page_would_fetch(tmp_path: Path) -> None:
    good = '<link href="a.css" rel="stylesheet"><img src="b.svg"><a href="https://example.org">x</a>'
    script(tmp_path, good, "good.html")
    assert documents.fetched_from_elsewhere(tmp_path) == []
    for number, bad in enumerate(
        (
            '<script src="https://example.org/x.js">',
            '<link href="//example.org/x.css" rel="stylesheet">',
            '<img alt="" src="https://example.org/x.png">',
        )
    ):
        script(tmp_path, bad, f"bad{number}.html")
    assert [line.split(":")[0] for line in documents.fetched_from_elsewhere(tmp_path)] == [
        "bad0.html",
        "bad1.html",
        "bad2.html",
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("断线后\n自动重连", "断线后自动重连"),
        ("连接，\nxtquant 不管", "连接，xtquant 不管"),
        ("调用\nxtquant 的", "调用\nxtquant 的"),
        ("- 第一条，\n  还没完。\n- 第二条", "- 第一条，还没完。\n- 第二条"),
        ("# 题\n正文", "# 题\n正文"),
        ("一。\n\n二。", "一。\n\n二。"),
        ("| 表 |\n|---|\n| 格 |", "| 表 |\n|---|\n| 格 |"),
        ("见：\n```text\n一\n二\n```\n三", "见：\n```text\n一\n二\n```\n三"),
        ("“是”\n“否”", "“是”“否”"),
    ],
)
def test_a_line_break_in_chinese_is_no_space(written: str, read: str) -> None:
    hook = runpy.run_path(str(documents.GUIDE / "chinese_lines.py"))["on_page_markdown"]
    assert hook(written, page=None, config=None, files=None) == read
