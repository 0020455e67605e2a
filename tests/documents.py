"""The documents as data: their commands and code blocks, and the checks that keep them true.

``--command NAME`` prints a command marked in README.md; ``--check`` compares the READMEs' code blocks and looks
for links that lead nowhere.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def blocks(path: Path, language: str | None = None) -> list[str]:
    """The fenced code blocks of a document."""
    text = path.read_text(encoding="utf-8")
    return [body for name, body in _BLOCK.findall(text) if language in (None, name)]


def command(name: str) -> str:
    """The command that README.md marks with ``<!-- command: NAME -->``."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- command: {name} -->\n```bash\n(.*?)\n```", text, re.DOTALL)
    if found is None:
        raise SystemExit(f"README.md marks no command {name!r}")
    return found.group(1).strip()


def documents() -> list[Path]:
    """Every Markdown document of the project."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def problems() -> list[str]:
    """What is wrong with the documents; empty when nothing is."""
    found = []
    if blocks(ROOT / "README.md") != blocks(ROOT / "README.zh-CN.md"):
        found.append("README.md and README.zh-CN.md differ in their code blocks")
    for document in documents():
        for target in _LINK.findall(document.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            if not (document.parent / target.split("#")[0]).exists():
                found.append(f"{document.relative_to(ROOT)}: link to {target} leads nowhere")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--command")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    if asked.command:
        print(command(asked.command))
        return 0
    found = problems()
    print("\n".join(found) or "documents are in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
