"""The documents as data: their commands and code blocks, and the checks that keep them true.

``--command NAME`` prints a command marked in README.md; ``--check`` compares the READMEs' code blocks, looks for
links, anchors and images that lead nowhere, and for pages that the navigation lacks; ``--check-site DIR`` looks
through the built guide for anything a reader's browser would fetch from elsewhere. None of them uses a network.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs"

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n+)?^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?)(?: +\{ *#(?P<id>[\w-]+) *\})? *#*$", re.MULTILINE)
_PAGE = re.compile(r"^ *- (?:[^:\n]+: )?(?P<page>[\w./-]+\.(?:md|ipynb))$", re.MULTILINE)
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\"' >]+"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|icon))[^>]*\bhref=[\"']?(?:https?:)?//[^\"' >]+"
    r"|@import\s+(?:url\()?[\"']?(?:https?:)?//[^\"')]+"
)


@dataclass(frozen=True)
class Block:
    """One fenced code block. ``mark`` is the comment right above it, ``line`` that of its first line of code."""

    language: str
    body: str
    mark: str
    line: int


def code_blocks(path: Path) -> list[Block]:
    """Every fenced code block of a document, in order."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(
            found["language"],
            found["body"],
            found["mark"] or "",
            text.count("\n", 0, found.start("body")) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def blocks(path: Path, language: str | None = None) -> list[str]:
    """The texts of the fenced code blocks of a document."""
    return [block.body for block in code_blocks(path) if language in (None, block.language)]


def uncommented(path: Path) -> list[str]:
    """The texts of the fenced code blocks without comments: those are in the document's own language."""
    return [re.sub(r" *(?:(?<=\s)|^)# .*$", "", text, flags=re.MULTILINE) for text in blocks(path)]


def command(name: str) -> str:
    """The command that README.md marks with ``<!-- command: NAME -->``."""
    for block in code_blocks(ROOT / "README.md"):
        if block.mark == f"command: {name}":
            return block.body.strip()
    raise SystemExit(f"README.md marks no command {name!r}")


def documents() -> list[Path]:
    """Every Markdown document of the project."""
    return sorted([*ROOT.glob("*.md"), *GUIDE.rglob("*.md")])


def pages_in_navigation() -> list[str]:
    """The files that mkdocs.yml's navigation names, relative to ``docs``."""
    _, _, navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")
    return [found["page"] for found in _PAGE.finditer(re.split(r"^\w", navigation, flags=re.MULTILINE)[0])]


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a document's headings, as mkdocs.yml's slugs make them."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    found: list[str] = []
    seen: Counter[str] = Counter()
    for heading in _HEADING.finditer(text):
        slug = heading["id"] or slug_of(heading["text"])
        found.append(f"{slug}_{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(found)


def slug_of(heading: str) -> str:
    """A heading's anchor: lower case, nothing but letters, digits, ``-`` and ``_``; Chinese stays."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words).strip().lower().replace(" ", "-")


def links(path: Path) -> Iterator[str]:
    """The targets of a document's links and images, those inside code left out."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    for found in _LINK.finditer(re.sub(r"`[^`\n]*`", "", text)):
        yield found["target"]


def problems() -> list[str]:
    """What is wrong with the documents; empty when nothing is."""
    found = []
    if uncommented(ROOT / "README.md") != uncommented(ROOT / "README.zh-CN.md"):
        found.append("README.md and README.zh-CN.md differ in their code blocks")
    for document in documents():
        for target in links(document):
            wrong = broken(document, target)
            if wrong:
                found.append(f"{document.relative_to(ROOT)}: {wrong}")
    named = pages_in_navigation()
    found += [f"mkdocs.yml: {page} is not there" for page in named if not (GUIDE / page).is_file()]
    found += [
        f"mkdocs.yml: {page} is named {times} times" for page, times in Counter(named).items() if times > 1
    ]
    found += [
        f"mkdocs.yml: the navigation lacks {page.relative_to(GUIDE).as_posix()}"
        for page in sorted(GUIDE.rglob("*.md"))
        if page.relative_to(GUIDE).as_posix() not in named
    ]
    return found


def broken(document: Path, target: str) -> str:
    """What is wrong with a link of a document, ``''`` when nothing is; addresses elsewhere are not asked."""
    if re.match(r"[a-z]+:", target):
        return ""
    place, _, anchor = unquote(target).partition("#")
    there = (document.parent / place).resolve() if place else document
    if not there.exists():
        return f"link to {target} leads nowhere"
    if document.is_relative_to(GUIDE) and not there.is_relative_to(GUIDE):
        return f"link to {target} leads out of the guide"
    if anchor and there.suffix == ".md" and anchor not in anchors(there):
        return f"link to {target}: no such heading"
    return ""


def fetched_from_elsewhere(site: Path) -> list[str]:
    """What the pages and styles of a built site would make a browser fetch from another host."""
    found = []
    for page in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        for match in _FETCHED.finditer(page.read_text(encoding="utf-8")):
            found.append(f"{page.relative_to(site)}: {match.group()}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--command")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--check-site", type=Path, metavar="DIR")
    asked = parser.parse_args()
    if asked.command:
        print(command(asked.command))
        return 0
    if asked.check_site:
        found = fetched_from_elsewhere(asked.check_site)
        print("\n".join(found) or "the built guide fetches nothing from elsewhere")
    else:
        found = problems()
        print("\n".join(found) or "documents are in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
