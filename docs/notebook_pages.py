"""A hook of mkdocs: shows the notebooks of the guide as pages, with the outputs they were saved with.

Needs nothing but mkdocs. It never runs a notebook (the tests do), and a page it makes fetches nothing.
"""

from __future__ import annotations

import json
import re
import shutil
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

SUFFIX = ".ipynb"
_HEAD = """---
hide:
  - toc
---
"""
_STYLE = """<style>
.md-typeset .notebook-output { border-left: .15rem solid var(--md-default-fg-color--lightest);
  margin: -.5em 0 1.5em; overflow-x: auto; padding-left: .8rem }
.md-typeset .notebook-output pre { font-size: .85em; margin: .4em 0; white-space: pre-wrap }
.md-typeset .notebook-output p { font-size: .6rem; margin: .4em 0; color: var(--md-default-fg-color--light) }
.md-typeset .notebook-output .md-typeset__scrollwrap { margin: 0 }
.md-typeset .notebook-output .md-typeset__table { margin: .3em 0; padding: 0 }
.md-typeset .notebook-output table:not([class]) :is(th, td) { min-width: 0; padding: .4em .7em }
.md-typeset .notebook-output table[data-frame] :is(th, td) { text-align: right }
</style>"""
# pandas brings its own looks; without them its tables look like all others of the guide.
_PANDAS_STYLE = re.compile(r"<style scoped>.*?</style>", re.DOTALL)
_PANDAS_TABLE = '<table border="1" class="dataframe">'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Make each notebook a page, so that the navigation and links can name it."""
    from mkdocs.structure.files import File

    class NotebookPage(File):
        def is_documentation_page(self) -> bool:
            return True

    for file in list(files):
        if file.src_uri.endswith(SUFFIX):
            files.remove(file)
            files.append(
                NotebookPage(file.src_uri, config.docs_dir, config.site_dir, config.use_directory_urls)
            )
    return files


def on_page_read_source(page: Page, config: MkDocsConfig) -> str | None:
    """The Markdown of a notebook's page; None for every other page."""
    if not page.file.src_uri.endswith(SUFFIX):
        return None
    source = Path(config.docs_dir, page.file.src_uri)
    return markdown_of(json.loads(source.read_text(encoding="utf-8")), source.name)


def on_post_build(config: MkDocsConfig) -> None:
    """Put the notebooks beside their pages, for those who want to run them."""
    for source in Path(config.docs_dir).rglob("*" + SUFFIX):
        there = Path(config.site_dir, source.relative_to(config.docs_dir))
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, there)


def markdown_of(notebook: dict[str, Any], name: str) -> str:
    """A notebook as Markdown: texts as they are, code as code, outputs as HTML beside a bar."""
    parts = []
    for cell in notebook["cells"]:
        text = _joined(cell["source"])
        if cell["cell_type"] != "code":
            parts.append(text)
            continue
        parts.append(f"```python\n{text}\n```")
        outputs = "".join(map(html_of, cell["outputs"]))
        if outputs:
            parts.append(f'<div class="notebook-output">{outputs}</div>')
    download = f'<p><a href="{escape(name)}" download>下载这个笔记本</a>，在自己的机器上运行。</p>'
    return _HEAD + "\n\n".join([parts[0], download, _STYLE, *parts[1:]]) + "\n"


def html_of(output: dict[str, Any]) -> str:
    """One output of a cell as HTML: a table, a picture, or else its text."""
    if output["output_type"] == "stream":
        return _text(_joined(output["text"]))
    found = output.get("data", {})
    if "text/html" in found:
        html = _PANDAS_STYLE.sub("", _joined(found["text/html"]))
        return html.replace(_PANDAS_TABLE, "<table data-frame>")
    if "image/png" in found:
        picture = "".join(_joined(found["image/png"]).split())
        width = output["metadata"].get("image/png", {}).get("width", "")
        return f'<img alt="上面的代码画出的图" width="{width}" src="data:image/png;base64,{picture}">'
    return _text(_joined(found.get("text/plain", "")))


def _text(text: str) -> str:
    return f"<pre>{escape(text.rstrip())}</pre>"


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
