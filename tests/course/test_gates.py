"""The gates of the course: what the points mean.

Untouched exercises earn nothing, solutions everything, and each planted mistake costs exactly the checks that it should.
"""
import ast
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from minitf.course.exercises import EXERCISES, ROOT, SOLUTIONS, digest, generate, recorded, solved_parts, stub_of, stubs, without_marks
from minitf.course.grader.grade import grade_text
from minitf.course.mutants import mutated
from minitf.course.outline import CHAPTERS, all_tasks, tasks_of
from minitf.course.grader.process import ForkServer
from minitf.core import swap

TASKS = all_tasks()
by_name = pytest.mark.parametrize("task", TASKS, ids=[t.file for t in TASKS])


def mutants_of(chapter):
    path = ROOT / "tests" / "mutants" / f"{chapter.folder}.py"
    return runpy.run_path(str(path))["MUTANTS"] if path.exists() else []


MUTANTS = [(chapter, mutant) for chapter in CHAPTERS for mutant in mutants_of(chapter)]


@pytest.fixture(scope="module")
def server():
    with ForkServer() as server:
        yield server


def solution(task):
    return (SOLUTIONS / task.file).read_text(encoding="utf-8")


# points

@by_name
@pytest.mark.parametrize("seed", [2015, 7])
def test_a_solution_earns_everything(server, task, seed):
    result = grade_text(server, task, without_marks(solution(task)), seed=seed)
    assert result.points == task.points, "\n".join(f"{o.check}: {o.message}" for o in result.broken)


@by_name
def test_an_untouched_exercise_earns_nothing(server, task):
    result = grade_text(server, task, stub_of(solution(task), task.file), thorough=True)
    assert result.points == 0, [o.check for o in result.outcomes if o.points]
    assert result.state == "stub"


@by_name
def test_an_empty_answer_earns_nothing(server, task):
    """Functions that return nothing, or hand back what they are given, are not an answer to any check."""
    if task.suffix != ".py":
        pytest.skip("Cython does not compile a file without types")
    for body in ("return None", "return args[0] if args else None"):
        text = f"class Any:\n    def __getattr__(self, name):\n        return {task.function}\ndef {task.function}(*args, **kwargs):\n    {body}\n"
        result = grade_text(server, task, text, thorough=True)
        assert result.points <= task.points / 3, (body, [o.check for o in result.outcomes if o.points])


@pytest.mark.parametrize("chapter, mutant", MUTANTS, ids=[f"{c.folder}/{m.task}: {m.mistake}" for c, m in MUTANTS])
def test_a_planted_mistake_costs_what_it_should(server, chapter, mutant):
    task = next(t for t in tasks_of(chapter.folder) if t.name == mutant.task)
    result = grade_text(server, task, mutated(mutant, solution(task)))
    assert [o.check for o in result.broken] == [c.function.__name__ for c in task.checks if c.function.__name__ in mutant.loses], \
        "\n".join(f"{o.check}: {o.message}" for o in result.broken)
    assert 0 < len(mutant.loses) and result.points < task.points


@by_name
def test_every_task_has_two_mutants_and_a_partial_one(task):
    mine = [m for c, m in MUTANTS if c.folder == task.chapter and m.task == task.name]
    assert len(mine) >= 2
    assert len({m.mistake for m in mine}) == len(mine)
    assert any(len(m.loses) < len(task.checks) for m in mine), "every mistake costs everything: there is no partial credit"
    assert not {name for m in mine for name in m.loses} - {c.function.__name__ for c in task.checks}


@by_name
def test_each_check_is_lost_by_some_mutant_or_guards_the_plain_case(task):
    """A check that no planted mistake ever breaks may be one that can not fail."""
    lost = {name for c, m in MUTANTS if c.folder == task.chapter and m.task == task.name for name in m.loses}
    assert lost == {c.function.__name__ for c in task.checks}


# form

@pytest.mark.parametrize("chapter", CHAPTERS, ids=[c.folder for c in CHAPTERS])
def test_points_and_number_of_tasks(chapter):
    tasks = tasks_of(chapter.folder)
    assert sum(t.points for t in tasks) == 25 and len(tasks) >= 6
    assert sum(t.replaces is not None for t in tasks) >= 4


@by_name
def test_the_words_of_a_task(task):
    text = solution(task)
    title, _, rest = words_of(task, text).partition("\n")
    assert f"({task.points:g} point" in title, f"the first line says how many points: {title}"
    assert f"make grade CH={task.chapter[:2]}" in rest
    if task.replaces and task.replaces.startswith("cuda "):
        _, file, functions, *_ = task.replaces.split()
        assert f"minitf/kernels/gpu/{file}" in rest and all(f in rest for f in functions.split(","))
    elif task.replaces and not task.replaces.startswith("kernel "):
        assert task.replaces in rest
    assert len(task.hints) == 3 and all(20 < len(h) < 600 for h in task.hints) and 80 < len(task.why) < 1200
    assert all(c.name and len(c.name) < 120 for c in task.checks) and len({c.function.__name__ for c in task.checks}) == len(task.checks) >= 3
    assert len(solved_parts(text)) >= 1


def words_of(task, text):
    """The docstring of a solution, or the comment with which it begins."""
    if task.suffix == ".cu":
        return "\n".join(line.removeprefix("//").removeprefix(" ") for line in re.match(r"(//.*\n)*", text)[0].splitlines())
    return ast.get_docstring(ast.parse(text)) if task.suffix == ".py" else re.match(r'[\s\S]*?"""([\s\S]*?)"""', text)[1]


@by_name
def test_what_a_task_replaces_is_marked_so(task):
    if task.replaces is None:
        pytest.skip("replaces nothing")
    if task.replaces.startswith("kernel "):
        from minitf.core.registry import kernels_of
        assert kernels_of(task.replaces.split()[1])
        return
    if task.replaces.startswith("cuda "):
        from minitf.kernels.gpu.emulator.module import build
        _, file, functions, *more = task.replaces.split()
        theirs, mine = build(ROOT / "minitf" / "kernels" / "gpu" / file), build(SOLUTIONS / task.file)
        codes = mine.kernels[task.function]
        assert all(theirs.kernels[f][:len(codes)] == codes for f in functions.split(","))
        assert more == [f"takes={len(codes)}"] * any(len(theirs.kernels[f]) > len(codes) for f in functions.split(","))
        return
    module, _, name = task.replaces.rpartition(".")
    path = ROOT / Path(*module.split("."))
    path = path.with_suffix(".py") if path.with_suffix(".py").exists() else path.parent.with_suffix(".py")
    assert re.search(rf"@swappable\n( *)def {name}\(", path.read_text()), f"{path} does not mark {name} with @swappable"


def test_every_swappable_function_has_its_task():
    marked = set()
    for path in (ROOT / "minitf").rglob("*.py"):
        text = path.read_text()
        marked |= {m for m in re.findall(r"@swappable\n *def (\w+)\(", text)} if "def swappable" not in text else set()
    assert marked == {t.replaces.rpartition(".")[2] for t in TASKS if t.replaces and not t.replaces.startswith(("kernel ", "cuda "))}


def test_without_the_variable_the_package_is_untouched():
    assert not swap.ACTIVE
    def f():
        return 1
    assert swap.swappable(f) is f


# exercises/ is what solutions/ gives

def test_the_stubs_are_those_of_the_solutions():
    """`make exercises` was run.  A reader's edits do not turn this red: the record of the stubs is compared, not the files."""
    assert recorded() == {file: digest(text) for file, text in stubs().items()}


def test_the_committed_exercises_are_stubs():
    """On a fresh clone the files are the stubs themselves; a reader's own are counted, and left alone."""
    record, edited = recorded(), []
    for file, hash in record.items():
        path = EXERCISES / file
        if not path.exists() or digest(path.read_text(encoding="utf-8")) != hash:
            edited.append(file)
    strange = {str(p.relative_to(EXERCISES)) for p in EXERCISES.rglob("*.*") if p.suffix in (".py", ".pyx", ".cu")} - set(record)
    assert not strange or not os.environ.get("CI"), strange
    assert not edited or not os.environ.get("CI"), f"not as generated: {edited}"


def test_solutions_hold_nothing_else():
    files = {str(p.relative_to(SOLUTIONS)) for p in SOLUTIONS.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert files - {"README.md"} == {t.file for t in TASKS}


def test_generating_twice_changes_nothing_and_leaves_edits_alone(tmp_path):
    written, kept = generate(tmp_path)
    assert len(written) == len(TASKS) and not kept
    assert generate(tmp_path) == ([], [])
    first = tmp_path / TASKS[0].file
    first.write_text(first.read_text() + "\n# mine\n")
    assert generate(tmp_path) == ([], [TASKS[0].file])
    assert first.read_text().endswith("# mine\n")


# no swap hides behind another

def test_the_whole_package_runs_on_the_solutions_and_says_so(tmp_path):
    """One program that calls a replaced function: the report names the reader's files, counts calls, and fails for those never called."""
    program = "import minitf as tf\nx = tf.constant([[1.0]])\nprint(tf.Session().run(tf.gradients(x * tf.constant([1.0, 2.0]), x)))\n"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=100,
                          env=dict(os.environ, PYTHONPATH=str(ROOT), MINITF_SWAP=str(SOLUTIONS)))
    assert done.returncode == 3, done.stderr
    assert "[[3.]]" in done.stdout and "NEVER CALLED" in done.stderr and " calls" in done.stderr
    assert json.dumps(sorted(t.replaces for t in TASKS if t.replaces)) == json.dumps(sorted(t.replaces for t in TASKS if t.replaces and t.replaces.removeprefix("minitf.") in done.stderr))
