"""The notebooks of the guide run to their end, show what they were saved with, and become pages of the guide."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests import documents
from tests.facade import child, script

NOTEBOOKS = sorted((documents.GUIDE / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
PICTURES = {"01-first-session": 0, "02-positions-and-trades": 2, "03-watch-a-reconnect": 0}

# In a process of its own: what the notebook libraries warn about on some systems is no business of these tests.
RUN = """
import json, sys
import nbclient, nbformat

notebook = nbformat.read(sys.argv[1], as_version=4)
client = nbclient.NotebookClient(
    notebook, timeout=60, startup_timeout=120, kernel_name="python3", resources={"metadata": {"path": "."}}
)
client.execute()
nbformat.validate(notebook)
with open("ran.json", "w", encoding="utf-8") as file:
    json.dump(notebook, file)
"""
# Places of a machine: its home, temporary and installation folders.
MACHINE = re.compile(
    r"(?<![\w/])/(?:home|root|tmp|usr|opt|var|work|Users|private)/|[A-Z]:\\|site-packages|ipykernel_"
)


def saved(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def shown(cell: dict[str, Any]) -> str:
    """What a reader sees below a cell as text; of a picture, that it is there. No warnings about fonts."""
    said, rest = "", ""
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            said += joined(output["text"]) if output["name"] == "stdout" else ""
        elif "image/png" in output["data"]:
            rest += "(picture)\n"
        else:
            rest += joined(output["data"]["text/plain"]) + "\n"
    return said + rest


@pytest.fixture
def hook() -> ModuleType:
    """What mkdocs loads to make pages of notebooks."""
    spec = importlib.util.spec_from_file_location("notebook_pages", documents.GUIDE / "notebook_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_it_runs_and_shows_what_it_was_saved_with(path: Path, tmp_path: Path) -> None:
    script(tmp_path, path.read_text(encoding="utf-8"), path.name)
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "XDG_DATA_HOME")
    env = {name: str(tmp_path / name.lower()) for name in (*places, "LOCALAPPDATA")}
    done = child(script(tmp_path, RUN, "run.py"), path.name, cwd=tmp_path, env={**env, "MPLBACKEND": ""})
    assert done.returncode == 0, done.stderr[-4000:]
    ran = saved(tmp_path / "ran.json")
    wrong = [
        output for cell in code_cells(ran) for output in cell["outputs"] if output["output_type"] == "error"
    ]
    assert wrong == []
    warned = [
        joined(output["text"])
        for cell in code_cells(ran)
        for output in cell["outputs"]
        if output.get("name") == "stderr"
    ]
    assert [text for text in warned if "missing from" in text] == []  # one for each character without a font
    again = [shown(cell) for cell in code_cells(ran)]
    assert again == [shown(cell) for cell in code_cells(saved(path))]
    assert "".join(again).count("(picture)") == PICTURES[path.stem]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_it_was_saved_after_one_clean_run(path: Path) -> None:
    notebook = saved(path)
    cells = code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [one for one in outputs if one["output_type"] == "error" or one.get("name") == "stderr"] == []
    texts = json.dumps(
        [shown(cell) for cell in cells]
        + [one["data"].get("text/html", "") for one in outputs if "data" in one],
        ensure_ascii=False,
    )
    assert MACHINE.findall(texts) == []
    assert "仿真" in joined(notebook["cells"][0]["source"])
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert "version" not in notebook["metadata"]["language_info"]
    assert path.stat().st_size < 400_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_its_links_lead_somewhere(path: Path, tmp_path: Path) -> None:
    texts = [joined(cell["source"]) for cell in saved(path)["cells"] if cell["cell_type"] == "markdown"]
    targets = list(documents.links(script(tmp_path, "\n\n".join(texts), "texts.md")))
    assert [documents.broken(path, target) for target in targets] == [""] * len(targets)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_its_page_has_all_of_it(path: Path, hook: ModuleType, tmp_path: Path) -> None:
    notebook = saved(path)
    page = hook.markdown_of(notebook, path.name)
    for cell in notebook["cells"]:
        assert joined(cell["source"]) in page
    assert page.count("<img ") == page.count("data:image/png;base64,") == PICTURES[path.stem]
    assert page.count('<div class="notebook-output">') == sum(
        bool(cell["outputs"]) for cell in code_cells(notebook)
    )
    assert page.count("<table") == json.dumps(notebook).count("<table")
    assert f'href="{path.name}"' in page
    script(tmp_path, page, "page.html")
    assert documents.fetched_from_elsewhere(tmp_path) == []


def test_all_of_them_are_here() -> None:
    assert list(PICTURES) == NAMES


@pytest.mark.parametrize(
    ("output", "html"),
    [
        ({"output_type": "stream", "name": "stdout", "text": ["a\n", "<b>\n"]}, "<pre>a\n&lt;b&gt;</pre>"),
        ({"output_type": "execute_result", "data": {"text/plain": "1 < 2"}}, "<pre>1 &lt; 2</pre>"),
        (
            {
                "output_type": "execute_result",
                "data": {
                    "text/html": [
                        "<div>\n<style scoped>\n.x {}\n</style>",
                        '<table border="1" class="dataframe">',
                    ],
                    "text/plain": "x",
                },
            },
            "<div>\n<table data-frame>",
        ),
        (
            {
                "output_type": "display_data",
                "data": {"image/png": "QUJD\n", "text/plain": "<Figure>"},
                "metadata": {"image/png": {"width": 80}},
            },
            '<img alt="上面的代码画出的图" width="80" src="data:image/png;base64,QUJD">',
        ),
    ],
)
def test_outputs_on_a_page(hook: ModuleType, output: dict[str, Any], html: str) -> None:
    assert hook.html_of(output) == html
