"""Classroom: a folder of submissions, one CSV row a student.

    submissions/ada/03_autodiff/gather.py        or submissions/ada/exercises/03_autodiff/gather.py

What is missing counts 0.  Every file runs in a process of its own, which sees neither the solutions nor the other submissions.
"""
import ast
import csv
import sys
from pathlib import Path

from tqdm import tqdm

from ..exercises import SOLUTIONS, stub_of, without_marks
from ..outline import CHAPTERS, chapters, tasks_of
from ..table import number
from .grade import grade_all


def grade(folder, which, seed, csv_path=None, jobs=None, out=sys.stdout):
    """Grade every student's files, write the rows, and print them.  NotADirectoryError or ValueError if there are no students."""
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    homes = {student.name: _home(student) for student in sorted(folder.iterdir()) if student.is_dir() and not student.name.startswith(".")}
    if not homes:
        raise ValueError(f"{folder} holds no folders; expected one per student, with files such as NAME/03_autodiff/gather.py")
    tasks = [t for c in chapters(which) for t in tasks_of(c.folder)]
    work = [(task, home) for home in homes.values() for task in tasks]
    with tqdm(total=len(work), unit="file", file=sys.stderr, disable=None) as bar:
        results = grade_all(work, jobs, done=lambda k, result: bar.update(), seed=seed, hidden=[folder.resolve()])
    notes = _notes(homes, tasks)
    rows = [_header(which, tasks)]
    for k, student in enumerate(homes):
        rows.append(_row(student, which, tasks, results[k * len(tasks):(k + 1) * len(tasks)], notes[student]))
    path = Path(csv_path) if csv_path else folder.parent / "grades.csv"
    with open(path, "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows(rows)
    csv.writer(out, lineterminator="\n").writerows(rows)
    print(f"{len(homes)} submissions, {len(tasks)} tasks each, seed {seed}; written to {path}", file=sys.stderr)


def _home(student):
    """The folder in which a student's chapters lie."""
    for folder in (student, student / "exercises"):
        if any((folder / c.folder).is_dir() for c in CHAPTERS):
            return folder
    return student


def _header(which, tasks):
    return ["student", *(f"{t.chapter[:2]}/{t.name} ({number(t.points)})" for t in tasks), *(c.folder for c in chapters(which)), "total", "notes"]


def _row(student, which, tasks, results, notes):
    by_chapter = [sum(r.points for r in results if r.task.chapter == c.folder) for c in chapters(which)]
    missing = [f"{r.task.chapter[:2]}/{r.task.name}" for r in results if r.state == "missing"]
    if missing:
        notes = [f"no file: {' '.join(missing)}"] + notes
    return [_safe(student), *(number(r.points) for r in results), *map(number, by_chapter), number(sum(by_chapter)), "; ".join(notes)]


def _safe(text):
    """A name that a spreadsheet will not take for a formula."""
    return "'" + text if text[:1] in "=+-@\t" else text


def _notes(homes, tasks):
    """{student: what a teacher should look at}: files that are the same as another student's, or as our solution, but for names of
    nothing: comments, docstrings and layout do not count."""
    notes = {student: [] for student in homes}
    for task in tasks:
        ours = _essence(without_marks((SOLUTIONS / task.file).read_text(encoding="utf-8")), task.suffix) if (SOLUTIONS / task.file).exists() else None
        stub = _essence_of_stub(task)
        same = {}
        for student, home in homes.items():
            try:
                essence = _essence((home / task.file).read_text(encoding="utf-8"), task.suffix)
            except (OSError, UnicodeDecodeError):
                continue
            if essence == ours:
                notes[student].append(f"{task.chapter[:2]}/{task.name} is the solution")
            elif essence != stub:
                same.setdefault(essence, []).append(student)
        for group in same.values():
            for student in group if len(group) > 1 else ():
                notes[student].append(f"{task.chapter[:2]}/{task.name} as {' and '.join(s for s in group if s != student)}")
    return notes


def _essence_of_stub(task):
    try:
        return _essence(stub_of((SOLUTIONS / task.file).read_text(encoding="utf-8"), task.file), task.suffix)
    except OSError:
        return None


def _essence(text, suffix):
    """The program without comments, docstrings and layout; the words of the text where it is not Python."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        comment = "//" if suffix == ".cu" else "#"
        return " ".join(line.partition(comment)[0].strip() for line in text.splitlines())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            node.body = body[1:]
    return ast.dump(tree)
