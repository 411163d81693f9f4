"""Outputs that are the same every time: what is taken out of them, what is masked when two are compared, and which stored ones are kept."""
import contextlib
import copy
import functools
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from .cells import CHAPTERS, code_cells

IGNORE = "nbval-ignore-output"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@functools.cache
def masks(folder):
    """The (regex, replacement) pairs of sanitize.cfg in a folder, as nbval reads them."""
    with contextlib.suppress(FileNotFoundError):
        return re.findall("^regex: (.*)$\n^replace: (.*)$", (folder / "sanitize.cfg").read_text(encoding="utf-8"), flags=re.M)
    return []


def masked(outputs, pairs):
    """Equal for two lists of outputs that differ only in what is masked."""
    def clean(value, key=None):
        if isinstance(value, dict):
            return {k: clean(v, k) for k, v in value.items() if k not in ("traceback", "execution_count", "metadata")}
        if isinstance(value, list):
            return [clean(v) for v in value]
        if isinstance(value, str) and key not in ("image/png", "image/jpeg", "output_type", "name"):
            for regex, replacement in pairs:
                value = re.sub(regex, replacement, value)
        return value
    return json.dumps(clean(json.loads(json.dumps(outputs))), sort_keys=True)


def tidy(outputs):
    """Take out of outputs, in place, what has no place on paper: colours, lines that were written over, this machine's folders."""
    for output in outputs:
        if output.output_type == "stream":
            output.text = re.sub(r"^.*\r(?=[^\n])", "", ANSI.sub("", output.text).replace("\r\n", "\n"), flags=re.M)
        elif output.output_type == "error":
            output.traceback = [_without_folders(ANSI.sub("", line)) for line in output.traceback]
            output.evalue = ANSI.sub("", output.evalue)


def _without_folders(line):
    home = str(Path.home())
    for folder in sorted({str(CHAPTERS.parent), sys.prefix, sys.base_prefix, tempfile.gettempdir()}, key=len, reverse=True):
        for form in (folder, folder.replace(home, "~", 1) if folder.startswith(home + os.sep) else folder):
            line = line.replace(form + os.sep, "")
    return line


def keep(notebook, old, pairs):
    """Put stored outputs in the place of new ones that tell nothing new; returns how many."""
    before = code_cells(old) if old else []
    by_id = {c.id: c for c in before}
    same, kept = True, 0
    for i, cell in enumerate(code_cells(notebook)):
        same = same and i < len(before) and before[i].source == cell.source
        was = by_id.get(cell.id)
        if was is None or was.outputs == cell.outputs or not was.outputs:
            continue
        ignored = IGNORE in cell.metadata.get("tags", [])
        if ignored and same or masked(was.outputs, pairs) == masked(cell.outputs, pairs):
            cell.outputs = copy.deepcopy(was.outputs)
            kept += 1
    return kept
