"""make grade, watch, progress, hint, reset, diff: what a reader sees."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from minitf.course import __main__ as main, commands, exercises, record
from minitf.course.exercises import ROOT, SOLUTIONS, generate, stub_of, without_marks
from minitf.course.outline import CHAPTERS, all_tasks, find_task, tasks_of

TASK = tasks_of("03_autodiff")[0]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of the reader's own: exercises and work in a temporary folder."""
    mine, work = tmp_path / "exercises", tmp_path / "work"
    generate(mine)
    for module in (commands, exercises):
        monkeypatch.setattr(module, "EXERCISES", mine)
    monkeypatch.setattr(commands, "Record", lambda: record.Record(work))
    monkeypatch.setattr(commands, "reset_file", lambda task: exercises.reset(task, mine, saved=work / "saved"))
    monkeypatch.setattr(commands, "is_edited", lambda task: exercises.is_edited(task, mine))
    return mine


@pytest.fixture
def say(course, capsys):
    def run(*arguments):
        arguments = [*map(str, arguments)] + (["--folder", str(course)] if arguments[0] == "grade" else [])
        status = main.main(arguments)
        seen = capsys.readouterr()
        return status, seen.out + seen.err
    return run


def write(course, task, text):
    (course / task.file).write_text(text)


def solved(task):
    return without_marks((SOLUTIONS / task.file).read_text())


def test_a_first_point(course, say):
    status, text = say("grade", "3")
    assert status == 0 and "0 of 25 points" in text and text.count("not written yet") == len(tasks_of("03_autodiff"))
    write(course, TASK, solved(TASK))
    status, text = say("grade", "03")
    assert f"{TASK.points:g} of {TASK.points:g} passed" in re.sub(" +", " ", text)
    assert "why:" in text and f"{TASK.points:g} of 25 points" in text
    assert "why:" not in say("grade", "03")[1]                        # told once


def test_what_is_broken_is_said_with_a_hint_and_no_answer(course, say):
    write(course, TASK, f"def {TASK.function}(*args, **kwargs):\n    print('here I am')\n    return None\n")
    _, text = say("grade", "3")
    assert "broken: " + TASK.checks[0].name[:40] in text and "hint" in text and f"make hint TASK=03/{TASK.name}" in re.sub(r"\s+", " ", text)
    assert "SEED=2015" in text


def test_what_the_code_printed_is_shown(course, say):
    write(course, TASK, f"def {TASK.function}(*args, **kwargs):\n    print('here I am')\n    return None\n")
    assert "here I am" in say("grade", "3")[1]


def test_an_error_names_the_line(course, say):
    write(course, TASK, f"def {TASK.function}(*args, **kwargs):\n    return 1 / 0\n")
    _, text = say("grade", "3")
    assert "ZeroDivisionError" in text and "line 2: return 1 / 0" in text
    assert text.count("ZeroDivisionError") == 1                       # not once per check


def test_the_table_of_the_course(course, say):
    write(course, TASK, solved(TASK))
    status, text = say("grade")
    assert status == 0 and all(c.folder in text for c in CHAPTERS)
    assert f"{TASK.points:g} of {sum(t.points for t in all_tasks()):g} points" in text
    write(course, TASK, "def nothing(): pass\n")
    _, text = say("progress")
    assert f"Edited since they were graded: {TASK.file}" in text and "Next: exercises/" in text


def test_one_task(course, say):
    status, text = say("grade", "--task", TASK.name)
    assert status == 0 and "not written yet" in text


@pytest.mark.parametrize("arguments, said", [
    (["grade", "99"], "There is no chapter '99'; there are 01_ops"), (["grade", "--task", "nonsense"], "did you mean"),
    (["hint", "03/nonsense"], "did you mean"), (["hint", "99/x"], "There is no chapter")])
def test_what_does_not_exist(say, arguments, said):
    status, text = say(*arguments)
    assert status == 2 and said in text


def test_a_task_is_found_by_any_of_its_names():
    for text in (TASK.name, f"03/{TASK.name}", f"3/{TASK.name}", TASK.file, f"exercises/{TASK.file}"):
        assert find_task(text) is TASK


def test_hints_come_one_by_one(say):
    texts = [say("hint", f"03/{TASK.name}")[1] for _ in range(4)]
    assert [len(re.findall(r"^  \d\. ", t, re.M)) for t in texts] == [1, 2, 3, 3]
    assert "That was the last one" in texts[2] and "That was the last one" not in texts[1]


def test_hints_shown_are_hints_used(course, say):
    write(course, TASK, f"def {TASK.function}(*args, **kwargs):\n    return None\n")
    say("hint", TASK.name)
    say("hint", TASK.name)
    assert TASK.hints[1][:30] in say("grade", "3")[1]


def test_reset_keeps_a_copy(course, say):
    assert "nothing to save" in say("reset", TASK.name)[1]
    write(course, TASK, "# my own work\n")
    _, text = say("reset", TASK.name)
    saved, = (course.parent / "work" / "saved").rglob("*.py")
    assert saved.read_text() == "# my own work\n" and saved.name in text
    assert (course / TASK.file).read_text() == stub_of((SOLUTIONS / TASK.file).read_text(), TASK.file)
    write(course, TASK, "# again\n")
    say("reset", TASK.name)
    assert sorted(p.read_text() for p in (course.parent / "work" / "saved").rglob("*.py")) == ["# again\n", "# my own work\n"]


def test_a_comparison_only_after_a_pass(course, say):
    status, text = say("diff", TASK.name)
    assert status == 1 and "shown when it passes" in text
    write(course, TASK, solved(TASK).replace("    return", "    # my own remark\n    return", 1))
    status, text = say("diff", TASK.name)
    assert status == 0 and "# my own remark" in text and "why: " in text


def test_a_broken_record_is_begun_anew(course, say):
    (course.parent / "work").mkdir()
    (course.parent / "work" / "grades.json").write_text("{ not json")
    assert say("progress")[0] == 0


def test_watch(tmp_path):
    """A copy of the course is watched; saving a file grades it, and Ctrl-C ends it."""
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("minitf", "solutions"):
        (root / name).symlink_to(ROOT / name)
    # the course looks for exercises/ beside the package that is run: give it one of its own
    code = f"""
import sys
from pathlib import Path
from minitf.course import commands, record, __main__ as main
commands.EXERCISES = Path({str(root / 'exercises')!r})
commands.Record = lambda: record.Record({str(root / 'work')!r})
sys.exit(main.main(["watch", "3"]))
"""
    generate(root / "exercises")
    process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=dict(os.environ, PYTHONPATH=str(ROOT)))
    try:
        assert "Watching" in process.stdout.readline()
        path, deadline = root / "exercises" / TASK.file, time.monotonic() + 60
        path.write_text(solved(TASK))
        seen = ""
        while "passed" not in seen and time.monotonic() < deadline:
            seen += process.stdout.readline()
        assert TASK.name in seen and "passed" in seen
        assert json.loads((root / "work" / "grades.json").read_text())[TASK.file]["state"] == "passed"
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in rest


def test_ctrl_c_ends_a_grading_at_once(tmp_path):
    """A file that loops for ever does not keep anybody: Ctrl-C ends it, and nothing is left running."""
    path = tmp_path / "mine" / TASK.file
    path.parent.mkdir(parents=True)
    path.write_text("print('here', flush=True)\nwhile True: pass\n")
    process = subprocess.Popen([sys.executable, "-m", "minitf.course", "grade", "03", "--folder", str(tmp_path / "mine")], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, cwd=tmp_path, env=dict(os.environ, PYTHONPATH=str(ROOT), TMPDIR=str(tmp_path)))
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("minitf-grade-*")) and time.monotonic() < deadline:
        time.sleep(0.05)                                              # until a submission has begun
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in output
    assert time.monotonic() - began < 8


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_make_says_which_task_is_missing():
    for target in ("hint", "reset", "diff"):
        done = subprocess.run(["make", "--no-print-directory", target], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and "which task?" in done.stderr
