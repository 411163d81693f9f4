"""Exercises: the reader's files, made from solutions/ by taking out what the reader is to write.

    ### BEGIN SOLUTION
    return x * x                       ->     raise NotImplementedError("write this")
    ### END SOLUTION

In CUDA C the marks are comments, // ### BEGIN SOLUTION, and what is left is the comment // write this: the kernel does nothing.

A reader's file is never overwritten.  `exercises/.stubs.json` has the hash of every stub as it was made; a file with another hash
has been edited.  Only reset() writes into an edited file, and it keeps a copy first.
"""
import hashlib
import json
import re
import time
from pathlib import Path

from .outline import all_tasks

ROOT = Path(__file__).resolve().parent.parent.parent
EXERCISES, SOLUTIONS, SAVED = ROOT / "exercises", ROOT / "solutions", ROOT / "work" / "saved"
STUBS = ".stubs.json"
UNWRITTEN = 'raise NotImplementedError("write this")'
UNWRITTEN_CUDA = "// write this"
_BLOCK = re.compile(r"^([ \t]*)(?:// )?### BEGIN SOLUTION *\n(.*?)^[ \t]*(?:// )?### END SOLUTION *\n", re.M | re.S)


class FormError(Exception):
    """A solution is not written as it must be."""


def unwritten(file):
    """The line that stands in a stub where something is to be written."""
    return UNWRITTEN_CUDA if str(file).endswith(".cu") else UNWRITTEN


def stub_of(text, name):
    """The reader's version of a solution's text; FormError if nothing is taken out, or the marks do not match."""
    stub, count = _BLOCK.subn(lambda m: f"{m[1]}{unwritten(name)}\n", text)
    if count == 0 or "### " in re.sub(r"#{4,}", "", stub) and re.search(r"### (BEGIN|END) SOLUTION", stub):
        raise FormError(f"{name}: expected ### BEGIN SOLUTION and ### END SOLUTION around what the reader writes, each on its own line")
    return stub


def solved_parts(text):
    """The texts between the marks."""
    return [m[2] for m in _BLOCK.finditer(text)]


def without_marks(text):
    """A solution as a reader would hand it in."""
    return _BLOCK.sub(lambda m: m[2], text)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stubs(solutions=SOLUTIONS):
    """{file: text} of every stub, as the solutions give it; FileNotFoundError or FormError if one is missing or malformed."""
    return {task.file: stub_of((Path(solutions) / task.file).read_text(encoding="utf-8"), task.file) for task in all_tasks()}


def recorded(exercises=EXERCISES):
    """{file: hash} of the stubs as they were last made; empty where none were."""
    try:
        return json.loads((Path(exercises) / STUBS).read_text())
    except FileNotFoundError:
        return {}


def generate(exercises=EXERCISES, solutions=SOLUTIONS):
    """Write the stubs into files that the reader has not edited.  Returns (files written, files of the reader's left alone)."""
    exercises, before = Path(exercises), recorded(exercises)
    made = stubs(solutions)
    written, kept = [], []
    for file, text in made.items():
        path = exercises / file
        now = path.read_text(encoding="utf-8") if path.exists() else None
        if now == text:
            continue
        if now is not None and digest(now) != before.get(file):
            kept.append(file)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(file)
    for file in sorted(set(before) - set(made)):                      # a task that is no more
        path = exercises / file
        if path.exists() and digest(path.read_text(encoding="utf-8")) == before[file]:
            path.unlink()
    (exercises / STUBS).write_text(json.dumps({f: digest(t) for f, t in sorted(made.items())}, indent=1) + "\n")
    return written, kept


def is_untouched(task, text):
    """Whether a text is the stub of a task, letter by letter."""
    return digest(text) == recorded().get(task.file)


def is_edited(task, exercises=EXERCISES):
    """Whether the reader has changed (or removed) a task's file."""
    path = Path(exercises) / task.file
    return not path.exists() or digest(path.read_text(encoding="utf-8")) != recorded(exercises).get(task.file)


def reset(task, exercises=EXERCISES, solutions=SOLUTIONS, saved=SAVED):
    """Make a task's file a stub again.  Returns where the reader's version was saved, or None if there was nothing to save."""
    path, copy = Path(exercises) / task.file, None
    if path.exists() and is_edited(task, exercises):
        stamp = time.strftime("%Y-%m-%d_%H%M%S")
        copy = Path(saved) / task.chapter / f"{task.name}_{stamp}{task.suffix}"
        k = 1
        while copy.exists():
            k += 1
            copy = copy.with_name(f"{task.name}_{stamp}_{k}{task.suffix}")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stub_of((Path(solutions) / task.file).read_text(encoding="utf-8"), task.file), encoding="utf-8")
    return copy
