"""The cells of a chapter: those of its percent script, and those of the notebook beside it.

A script is read as jupytext reads it, but a cell's id is a hash of its content, not random, and of its metadata only tags count.
"""
import hashlib
import re
from pathlib import Path

CHAPTERS = Path(__file__).resolve().parent.parent.parent.parent / "chapters"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LANGUAGE = {"name": "python", "file_extension": ".py", "mimetype": "text/x-python", "pygments_lexer": "ipython3"}


class ChapterFailed(Exception):
    """A chapter can't be built; the text tells its author where and why."""


def tools():
    """jupytext, nbformat, nbclient and jupyter_client; ChapterFailed, with what to type, where one is missing."""
    try:
        import ipykernel                                # noqa: F401  the kernel is a process that imports it
        import jupyter_client
        import jupytext
        import nbclient
        import nbformat
        return jupytext, nbformat, nbclient, jupyter_client
    except ImportError as error:
        raise ChapterFailed(f"{error.name} is not installed, and building notebooks needs it: `make` installs it, "
                            "with the rest of the extra `test` of setup.cfg") from None


def chapter_scripts(folder=CHAPTERS):
    return sorted(folder.glob("[0-9][0-9]_*.py"))


def load(script):
    """The notebook of a percent script, unrun."""
    jupytext, nbformat = tools()[:2]
    notebook = jupytext.read(script, fmt="py:percent")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen = {}
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {})
        key = hashlib.sha1(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
        seen[key] = seen.get(key, 0) + 1
        cell.id = key if seen[key] == 1 else f"{key}-{seen[key]}"
    return notebook


def stored(script):
    """The notebook beside the script as it was built last; None if there is none, or not one that can be read."""
    nbformat = tools()[1]
    try:
        return nbformat.reads(script.with_suffix(".ipynb").read_text(encoding="utf-8"), 4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError, nbformat.reader.NotJSONError):
        return None


def text_of(notebook):
    return tools()[1].writes(notebook) + "\n"


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code"]


def place(script, notebook, cell):
    """How its author finds a cell: "cell 17 (line 212)", counted over code cells as the notebook numbers them."""
    index = next(i for i, c in enumerate(notebook.cells) if c is cell)
    marks = [n for n, line in enumerate(script.read_text(encoding="utf-8").splitlines(), 1) if re.match(r"# %%(\s|$)", line)]
    line = f" (line {marks[index] + 1})" if len(marks) == len(notebook.cells) else ""
    number = sum(c.cell_type == "code" for c in notebook.cells[:index + 1])
    return f"cell {number}{line}" if cell.cell_type == "code" else f"the text after cell {number}{line}"
