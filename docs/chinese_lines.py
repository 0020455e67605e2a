"""A hook of mkdocs: a line break inside a Chinese sentence is no space.

Markdown turns every line break of a paragraph into a space, which shows in Chinese text. Code, tables, headings
and the starts of list items stay as they are.
"""

from __future__ import annotations

import re
import unicodedata

_FENCE = re.compile(r"^ *(```|~~~)")
_BEGINS = re.compile(r"^ *([-*+>#|:<!]|\d+\. |```|~~~|$)")
_ENDS = re.compile(r"^ *([#|<:]|```|~~~|$)|[|>]$")


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page's Markdown with the lines of its paragraphs joined where Chinese meets Chinese."""
    made: list[str] = []
    inside = False
    for line in markdown.split("\n"):
        if made and not inside and not _BEGINS.search(line) and not _ENDS.search(made[-1]):
            before, after = made[-1].rstrip(), line.lstrip()
            if _no_space_between(before[-1], after[0]):
                made[-1] = before + after
                continue
        if _FENCE.search(line):
            inside = not inside
        made.append(line)
    return "\n".join(made)


def _no_space_between(before: str, after: str) -> bool:
    both = _is_wide(before) and _is_wide(after)
    return both or any(_is_wide(one) and unicodedata.category(one)[0] == "P" for one in (before, after))


def _is_wide(letter: str) -> bool:
    # The quotation marks of Chinese text count as ambiguous.
    return unicodedata.east_asian_width(letter) in ("W", "F") or letter in "“”‘’…—"
