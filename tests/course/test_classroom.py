"""A folder of submissions: one row a student, whatever the student sent."""
import csv
import io
import os
import shutil
import subprocess
import sys

import pytest

from minitf.course.grader import classroom
from minitf.course.exercises import ROOT, SOLUTIONS, generate, without_marks
from minitf.course.outline import CHAPTERS, tasks_of

CHAPTER = CHAPTERS[2]
TASKS = tasks_of(CHAPTER.folder)


def hand_in(folder, texts):
    for file, text in texts.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture(scope="module")
def solved():
    return {t.file: without_marks((SOLUTIONS / t.file).read_text()) for t in TASKS}


def rows_of(folder, **options):
    out = io.StringIO()
    classroom.grade(folder, CHAPTER.folder, 2015, out=out, **options)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    return {r["student"]: r for r in rows}


def test_a_class(tmp_path, solved):
    folder = tmp_path / "submissions"
    first = TASKS[0].file
    hand_in(folder / "all of it", solved)
    hand_in(folder / "in exercises" / "exercises", {first: solved[first]})
    generate(tmp_path / "stubs")
    shutil.copytree(tmp_path / "stubs", folder / "untouched")
    (folder / "nothing").mkdir(parents=True)
    hand_in(folder / "noise", {t.file: b"\xff\xfe\x00 not text" for t in TASKS})
    hand_in(folder / "ends", {t.file: "import os\nos._exit(0)\n" for t in TASKS})
    hand_in(folder / "=cmd()", {TASKS[1].file: "# mine\nx = 1\n"})
    hand_in(folder / "copies", {TASKS[1].file: "x  =  1   # not mine\n"})
    hand_in(folder / "peeks", {t.file: f"text = open({str(folder / 'all of it' / t.file)!r}).read()\nexec(text)\n" for t in TASKS})
    (folder / ".hidden").mkdir()
    (folder / "a file").write_text("not a student")
    rows = rows_of(folder)
    assert set(rows) == {"all of it", "in exercises", "untouched", "nothing", "noise", "ends", "'=cmd()", "copies", "peeks"}
    assert {name: float(r["total"]) for name, r in rows.items() if float(r["total"])} == {"all of it": 25, "in exercises": TASKS[0].points}
    assert float(rows["all of it"][CHAPTER.folder]) == 25
    assert f"03/{TASKS[0].name} is the solution" in rows["all of it"]["notes"]
    assert "no file: " in rows["nothing"]["notes"] and all(t.name in rows["nothing"]["notes"] for t in TASKS)
    assert rows["untouched"]["notes"] == ""
    assert f"03/{TASKS[1].name} as copies" in rows["'=cmd()"]["notes"]
    assert f"03/{TASKS[1].name} as =cmd()" in rows["copies"]["notes"]
    written = list(csv.DictReader((tmp_path / "grades.csv").open(newline="")))
    assert [r["student"] for r in written] == sorted(rows, key=lambda n: n.removeprefix("'"))


def test_nobody(tmp_path):
    with pytest.raises(NotADirectoryError):
        classroom.grade(tmp_path / "none", None, 1)
    with pytest.raises(ValueError, match="one per student"):
        classroom.grade(tmp_path, None, 1)


def test_thirty_at_once_by_the_command(tmp_path, solved):
    first = TASKS[0]
    for k in range(30):
        text = solved[first.file] if k % 3 else "while True: pass" if k == 0 else "x = 1"
        hand_in(tmp_path / "class" / f"student {k:02}", {first.file: text})
    done = subprocess.run([sys.executable, "-m", "minitf.course", "grade", CHAPTER.folder, "--submissions", str(tmp_path / "class"), "--seed", "99"],
                          capture_output=True, text=True, timeout=280, cwd=tmp_path, env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 30 and "seed 99" in done.stderr
    assert [float(r["total"]) for r in rows] == [first.points if k % 3 else 0 for k in range(30)]
