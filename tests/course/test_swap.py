"""Swap-in: the package runs on the reader's functions, in this process and in its children, and says so."""
import os
import subprocess
import sys
import textwrap

import pytest

from minitf.course.exercises import ROOT, SOLUTIONS, generate, without_marks
from minitf.course.outline import find_task

GRADIENT = """
    import minitf as tf
    x = tf.placeholder(tf.float64, [2, 1])
    y = tf.reduce_sum(x * tf.constant([[1.0, 2.0, 3.0]], tf.float64))
    print(tf.Session().run(tf.gradients(y, x)[0], {x: [[0.0], [0.0]]}).ravel().tolist())
"""
TASK = next(t for t in [find_task("03/stretched_axes")])


def run(code, swap=None, cwd=ROOT, **more):
    env = dict(os.environ, PYTHONPATH=str(ROOT), **more)
    env.pop("MINITF_SWAP_COUNTS", None)
    if swap is not None:
        env["MINITF_SWAP"] = str(swap)
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=cwd, env=env, capture_output=True, text=True, timeout=100)


@pytest.fixture
def mine(tmp_path):
    """A folder of exercises of which one is written."""
    generate(tmp_path)
    (tmp_path / TASK.file).write_text(without_marks((SOLUTIONS / TASK.file).read_text()))
    return tmp_path


def test_without_it_nothing_is_said():
    done = run(GRADIENT)
    assert done.returncode == 0 and done.stdout == "[6.0, 6.0]\n" and done.stderr == ""


def test_the_report(mine):
    done = run(GRADIENT, mine)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[6.0, 6.0]\n"
    assert "MINITF_SWAP: 1 function of the package was the reader's" in done.stderr
    assert TASK.replaces.removeprefix("minitf.") in done.stderr and "calls" in done.stderr
    assert "not written yet, left to the package:" in done.stderr


def test_one_chapter(mine):
    done = run(GRADIENT, mine / TASK.chapter)
    assert done.returncode == 0 and "1 function" in done.stderr


def test_the_readers_mistake_shows(mine):
    (mine / TASK.file).write_text(f"def {TASK.function}(*args):\n    return []\n")
    done = run(GRADIENT, mine)
    assert done.returncode != 0 or done.stdout != "[6.0, 6.0]\n"


def test_never_called_is_a_failure(mine):
    done = run("import minitf as tf\nprint(tf.Session().run(tf.constant(1.0)))", mine)
    assert done.returncode == 3 and done.stdout == "1.0\n" and "NEVER CALLED" in done.stderr


def test_children_count_too(mine):
    """Only the child calls it; it starts in another folder, so the path must have been made absolute."""
    parent = f"""
        import subprocess, sys, minitf
        subprocess.run([sys.executable, "-c", {textwrap.dedent(GRADIENT)!r}], check=True, cwd="/")
    """
    done = run(parent, os.path.relpath(mine, mine.parent), cwd=mine.parent)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("MINITF_SWAP:") == 1 and "NEVER" not in done.stderr


def test_a_forked_child_does_not_count_twice(mine):
    code = textwrap.dedent(GRADIENT) + textwrap.dedent("""
        import os, sys
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            sys.exit(0)
        os.waitpid(pid, 0)
    """)
    alone, with_fork = run(GRADIENT, mine).stderr, run(code, mine).stderr
    assert alone == with_fork


@pytest.mark.parametrize("text, said", [("def f(:\n", "SyntaxError"), ("x = 1\n", "AttributeError"), ("import nothing_of_that_name\n", "ModuleNotFoundError")])
def test_a_file_that_can_not_be_used_is_named(mine, text, said):
    (mine / TASK.file).write_text(text)
    done = run(GRADIENT, mine)
    assert done.returncode == 1 and "can not be used" in done.stderr and said in done.stderr and TASK.file in done.stderr


def test_a_folder_without_chapters(tmp_path):
    done = run(GRADIENT, tmp_path)
    assert done.returncode == 1 and "neither a chapter's folder nor one that holds chapters" in done.stderr


def test_mpirun(mine, tmp_path):
    """Every rank uses it, and one report comes from the process that started them."""
    program = tmp_path / "ranks.py"
    program.write_text(textwrap.dedent(GRADIENT))
    launcher = f"""
        import os, subprocess, sys, minitf
        env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")
        mpirun = os.path.join(os.path.dirname(sys.executable), "mpirun")
        done = subprocess.run([mpirun, "-n", "2", "--oversubscribe", sys.executable, {str(program)!r}], env=env, capture_output=True, text=True, timeout=80)
        print(done.stdout, end="")
        sys.stderr.write(done.stderr)
    """
    done = run(launcher, mine)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[6.0, 6.0]\n" * 2
    assert done.stderr.count("MINITF_SWAP:") == 1
