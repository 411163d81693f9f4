"""The gates of chapter_gates.py: what they say of the chapters, and that each of them can say something."""
import ast
from types import SimpleNamespace

import pytest

import chapter_gates as gates
from minitf.course import outline
from minitf.course.notebook import __main__ as notebook, built
from minitf.course.exercises import SOLUTIONS

SCRIPTS = notebook.chapter_scripts()
NAMES = notebook.CHAPTERS / "names.cfg"
each_chapter = pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.stem)


def report(found):
    assert not found, "\n" + "\n".join(found)


def solutions():
    paths = [p for p in sorted(SOLUTIONS.glob("*/*")) if p.suffix in (".py", ".pyx", ".cu")]
    return {str(p.relative_to(SOLUTIONS)): p.read_text(encoding="utf-8") for p in paths}


# ---- the chapters -----------------------------------------------------------------------------------------------------------

def test_every_chapter_of_the_outline_is_there():
    assert [s.stem for s in SCRIPTS] == [c.folder for c in outline.CHAPTERS]


@each_chapter
def test_the_notebook_is_that_of_its_script(script):
    report([f"{script.name}: {line}" for line in notebook.problems(script)])


def test_names_are_introduced_before_they_are_used():
    report(gates.names_gate(SCRIPTS, NAMES))


def test_imports_come_from_earlier_chapters():
    report(gates.imports_gate(SCRIPTS))


def test_what_is_built_is_made_from_a_chapter():
    made = {built.module_path(s) for s in SCRIPTS} | {notebook.CHAPTERS / "built" / "__init__.py"}
    assert sorted(set((notebook.CHAPTERS / "built").glob("*.py")) - made) == []


@each_chapter
def test_head(script):
    report(gates.head_gate(script))


@each_chapter
def test_sections_and_exercises(script):
    report(gates.sections_gate(script, outline.tasks_of(script.stem)))


@each_chapter
def test_cells(script):
    report(gates.cells_gate(script))


@each_chapter
def test_outputs(script):
    report(gates.outputs_gate(script))


@each_chapter
def test_commands_in_chapters(script):
    report(gates.commands_gate(script.name, "\n\n".join(text for _, text in gates.prose(script)), gates.makefile()))


@pytest.mark.parametrize("page", sorted(p.name for p in gates.ROOT.glob("*.md")))
def test_commands_in_pages(page):
    text = (gates.ROOT / page).read_text(encoding="utf-8")
    assert page != "README.md" or len(gates.commands(text)) >= 5
    report(gates.commands_gate(page, text, gates.makefile()))


def test_commands_in_exercises():
    found = []
    for file, text in solutions().items():
        doc = ast.get_docstring(ast.parse(text)) if file.endswith(".py") else text.partition('"""')[2].partition('"""')[0]
        found += gates.commands_gate(f"solutions/{file}", doc or "", gates.makefile())
    report(found)


def test_solutions_are_told_nowhere():
    assert len(solutions()) >= 6 * len(SCRIPTS)
    report(gates.leaks_gate(solutions(), {f"chapters/{p.relative_to(notebook.CHAPTERS)}": p.read_text(encoding="utf-8")
                                          for p in [*SCRIPTS, *(notebook.CHAPTERS / "built").glob("*.py")]}))


# ---- each gate finds a planted fault ------------------------------------------------------------------------------------------

FIRST = '''
# %% [markdown]
# # 01  Sample
#
# What does a sum cost? Before you start, know Python. It takes 30 minutes; the short route skips section 2.
# When stuck: `make hint TASK=NN/name`.

# %%
import minitf as tf
from minitf.course.pictures import show_source

with tf.Session() as sess:
    print(sess.run(tf.constant(1.0)))

# %%
import minitf.session.prune
show_source(minitf.session.prune.needed)

# %% [markdown]
# ## 2. The digits once more
# ## Where this lives today
# ## Exercises
#
# | file | points |
# |---|---|
# | `exercises/01_sample/double.py` | 2 |
# | `exercises/01_sample/triple.pyx` | 4 |
#
# `make grade CH=01` grades them.
'''.lstrip()
SECOND = '''
# %%
import minitf as tf
import built.first
from built.first import f
from minitf import Session
tf.train.AdamOptimizer(0.1).minimize
tf.nn.relu
'''.lstrip()
TASKS = [SimpleNamespace(name="double", suffix=".py", points=2, file="01_sample/double.py"),
         SimpleNamespace(name="triple", suffix=".pyx", points=4, file="01_sample/triple.pyx")]
LOOK = "import minitf.session.prune\n"
CFG = "[01_first]\nnames = constant Session\n[02_second]\nnames = train.AdamOptimizer\n    nn.relu\n"


def planted(text, old, new):
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    return text.replace(old, new)


@pytest.fixture
def write(tmp_path):
    def write(first=FIRST, second=SECOND, cfg=CFG):
        for name, text in (("01_first.py", first), ("02_second.py", second), ("names.cfg", cfg)):
            (tmp_path / name).write_text(text)
        return [tmp_path / "01_first.py", tmp_path / "02_second.py"], tmp_path / "names.cfg"
    return write


def test_the_sample_has_no_fault(write):
    scripts, names = write()
    assert gates.names_gate(scripts, names) == gates.imports_gate(scripts) == []
    assert gates.head_gate(scripts[0]) == gates.cells_gate(scripts[0]) == gates.sections_gate(scripts[0], TASKS) == []
    assert gates.commands_gate("it", "\n".join(text for _, text in gates.prose(scripts[0])), gates.makefile()) == []


@pytest.mark.parametrize("where, old, new, message", [
    ("cfg", " Session", "", "01_first.py: cell 1 (line 8) uses tf.Session, which names.cfg lists nowhere"),
    ("first", "tf.constant(1.0)", "tf.nn.relu(1.0)", "cell 1 (line 8) uses tf.nn.relu, which 02_second introduces"),
    ("first", "as sess:", "as sess, tf.device('/cpu:0'):", "uses tf.device, which names.cfg lists nowhere"),
    ("first", LOOK, LOOK + "import minitf.train as t\nt.AdamOptimizer\n", "uses tf.train.AdamOptimizer, which 02"),
    ("first", LOOK, LOOK + "from minitf.nn import relu\n", "uses tf.nn.relu, which 02_second introduces"),
    ("first", LOOK, LOOK + "from minitf import nn as n\nn.relu\n", "uses tf.nn.relu, which 02"),
    ("first", LOOK, LOOK + "minitf.nn.relu\n", "uses tf.nn.relu, which 02"),
    ("first", LOOK, LOOK + "def f():\n    return tf.gradients\n", "uses tf.gradients"),
    ("second", "import Session", "import Session, GraphDef as G", "uses tf.GraphDef, which names.cfg lists nowhere"),
    ("second", "tf.nn.relu\n", "tf.nn.relu\ntf.train.Saver\n", "02_second.py: cell 1 (line 2) uses tf.train.Saver, which names.cfg lists "
     "nowhere (add it to [02_second])"),
    ("cfg", "constant", "constant train.single_op.SingleOpOptimizer", "the package has no train.single_op.SingleOpOptimizer"),
    ("cfg", "constant", "constant konstant", "names.cfg: the package has no konstant"),
    ("cfg", "constant", "constant session", "names.cfg: the package has no session"),
    ("cfg", "nn.relu", "nn.relu constant", "names.cfg: constant is in 01_first and in 02_second"),
    ("cfg", "nn.relu", "nn.relu nn.tanh", "names.cfg: 02_second does not use nn.tanh"),
    ("cfg", "[02_second]", "[03_third]", "names.cfg: there is no chapter 03_third")])
def test_names_gate_finds(write, where, old, new, message):
    scripts, names = write(**{where: planted({"first": FIRST, "second": SECOND, "cfg": CFG}[where], old, new)})
    assert any(message in line for line in gates.names_gate(scripts, names)), gates.names_gate(scripts, names)


@pytest.mark.parametrize("where, old, new, name", [
    ("first", LOOK, LOOK + "import built.second\n", "second"), ("second", "built.first import f", "built.second import f", "second"),
    ("second", "from built.first import f", "from built import first, third", "third"),
    ("first", LOOK, LOOK + "def f():\n    from built.first import g\n", "first")])
def test_imports_gate_finds(write, where, old, new, name):
    scripts, _ = write(**{where: planted({"first": FIRST, "second": SECOND}[where], old, new)})
    (found,) = gates.imports_gate(scripts)
    assert f"imports built.{name}, which no earlier chapter gives" in found


@pytest.mark.parametrize("gate, old, new, message", [
    ("head", "# # 01  Sample", "# 01  Sample", "a title"), ("head", "cost?", "cost.", "the question"),
    ("head", "30 minutes", "a while", "how long"), ("head", "Before you start, know Python.", "Python is enough.", "what to know"),
    ("head", "the short route skips", "leave out", "short route"),
    ("head", "`make hint TASK=NN/name`", "ask", "make hint"),
    ("sections", "The digits once more", "The digits", "no section \"The digits once more\""),
    ("sections", "Where this lives today", "Today", "no section \"Where this"),
    ("sections", "show_source(minitf", "print(minitf", "never opens the package's own file"),
    ("sections", "## Exercises", "## To do", "its last section is not"),
    ("sections", "`make grade CH=01` grades", "## More\n# `make grade CH=01` grades", "its last section is not"),
    ("sections", "double.py", "twice.py", "do not list 01_sample/double.py"),
    ("sections", "triple.pyx", "triple.py", "do not list 01_sample/triple.pyx"),
    ("sections", "| 4 |", "| 14 |", "give 01_sample/triple.pyx other points than the 4"),
    ("sections", "CH=01", "CH=02", "do not say `make grade CH=01`"),
    ("cells", LOOK, LOOK + "1\n" * 25, "cell 2 (line 15) has 27 lines"),
    ("cells", "What does a sum cost?", "What does a sum cost? " + "word " * 210, "words, about 200 are the most"),
    ("cells", LOOK, LOOK + "%timeit 1\n", "has a magic or a shell command"),
    ("cells", LOOK, LOOK + "!ls\n", "has a magic or a shell command"),
    ("cells", ".needed)", ".needed);", "ends with a semicolon"), ("cells", "cost?", "cost? \U0001F680", "line 4 has the emoji U+1F680"),
    ("cells", "Sample", "Sample \u2705", "line 2 has the emoji U+2705"),
    ("cells", "# %% [markdown]\n# ## 2", "# %%\n\n# %% [markdown]\n# ## 2", "is empty")])
def test_form_gates_find(write, gate, old, new, message):
    scripts, _ = write(first=planted(FIRST, old, new))
    found = {"head": gates.head_gate, "cells": gates.cells_gate, "sections": lambda s: gates.sections_gate(s, TASKS)}[gate](scripts[0])
    assert any(message in line for line in found), found


OUTPUTS = {
    "a temporary file": ("stream", "saved in /tmp/x1/model.ckpt", "a path of some machine: /tmp/x1"),
    "a home folder": ("stream", "see /home/ada/minitf", "a path of some machine: /home/ada"),
    "a short home folder": ("text/plain", "'~/minitf/graph.py'", "a path of some machine: ~/minitf"),
    "the repository": ("text/html", f"<b>{gates.ROOT}/minitf</b>", "a path of some machine"),
    "a path in a drawing": ("image/svg+xml", "<svg><text>/Users/ada/x</text></svg>", "a path of some machine: /Users/ada"),
    "a path in an error": ("error", 'File "/usr/lib/python3.12/ast.py", line 1', "a path of some machine: /usr/lib"),
    "Windows": ("stream", r"C:\Users\ada", "a path of some machine"),
    "a warning": ("stderr", "RuntimeWarning: divide by zero", "writes to stderr: RuntimeWarning"),
    "an emoji": ("stream", "done \U0001F389", "the emoji U+1F389"),
}


def write_outputs(scripts, kind, text):
    """Store a notebook whose first cell has one output."""
    nbformat = notebook.tools()[1]
    loaded = notebook.load(scripts[0])
    for number, cell in enumerate(notebook.code_cells(loaded), 1):
        cell.execution_count = number
    make = nbformat.v4.new_output
    output = (make("stream", name="stderr" if kind == "stderr" else "stdout", text=text) if kind in ("stream", "stderr") else
              make("error", ename="E", evalue="", traceback=[text]) if kind == "error" else make("display_data", {kind: text}))
    notebook.code_cells(loaded)[0].outputs = [output]
    scripts[0].with_suffix(".ipynb").write_text(notebook.text_of(loaded))


@pytest.mark.parametrize("fault", OUTPUTS)
def test_outputs_gate_finds(write, fault):
    kind, text, message = OUTPUTS[fault]
    scripts, _ = write()
    write_outputs(scripts, kind, text)
    (found, *_) = gates.outputs_gate(scripts[0])
    assert message in found


@pytest.mark.parametrize("kind, text", [
    ("stream", "1/2 /job:ps/replica:0/task:0/cpu:0 a/tmp/b http://x.org/usr/lib"), ("stderr", "100%|###| 5/5 [00:01<00:00, 5it/s]\n"),
    ("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg"/>')])
def test_outputs_gate_lets_pass(write, kind, text):
    scripts, _ = write()
    write_outputs(scripts, kind, text)
    assert gates.outputs_gate(scripts[0]) == []


def test_outputs_gate_finds_a_missing_and_a_large_notebook(write):
    scripts, _ = write()
    assert gates.outputs_gate(scripts[0]) == ["01_first.ipynb: there is no such notebook"]
    write_outputs(scripts, "image/png", "A" * 1_600_000)
    (found,) = gates.outputs_gate(scripts[0])
    assert "1.6 MB, 1.5 are the most" in found


def test_commands_are_found_where_they_are_shown():
    text = ("Type `make grade CH=01` or `make`, not `makes`; `x = make(y)` is code.\n\n"
            "    make test      everything\n    .venv/bin/python -m minitf.run --help\n\n"
            "```\n$ make demo && make data\nMINITF_SWAP=exercises/02_graph make demo   # yours\n```\n\n"
            "```python\nimport minitf\nmake = 1\n```\n")
    assert gates.commands(text) == ["make grade CH=01", "make", "make demo", "make data", "MINITF_SWAP=exercises/02_graph make demo",
                                    "make test", ".venv/bin/python -m minitf.run --help"]


@pytest.mark.parametrize("command", [
    "make test ARGS='-k name'", "make extra-board", "make PYTHON=/path/to/python", "make hint TASK=NN/name",
    "python -m minitf.course.notebook build --refresh", "python -m minitf.course grade 03 --folder solutions",
    ".venv/bin/python -m pytest --nbval chapters", "OMP_NUM_THREADS=2 make demo",
    ".venv/bin/python examples/mnist_deep.py --help", "python -m minitf.datasets", "pip install ."])
def test_commands_that_exist(command):
    assert gates.command_problem(command, gates.makefile()) is None


@pytest.mark.parametrize("command, message", [
    ("make graed CH=01", "no target graed"), ("make grade CHAPTER=01", "does not use CHAPTER"), ("make grade CH=99", "There is no chapter"),
    ("make hint TASK=03/nothing_of_the_kind", "There is no task"), ("make built", "no target built"), ("make .PHONY", "no target .PHONY"),
    ("python -m minitf.corse grade", "no module minitf.corse"), ("python -m minitf.course graed", "invalid choice"),
    ("python -m minitf.session", "no module minitf.session to run"), ("python -m minitf.course grade --fodler x", "does not know --fodler"),
    ("python -m minitf.course.notebook build --fresh", "does not know --fresh"), ("python -m minitf.datasets --all", "takes no arguments"),
    ("python examples/none.py", "there is no examples/none.py"),
    ("MINITF_SWAP=exercises/99_none make demo", "there is no exercises/99_none"),
    ("MINITF_SWOP=exercises/01_ops make demo", "nothing reads the variable MINITF_SWOP")])
def test_commands_that_do_not(command, message):
    assert message in (gates.command_problem(command, gates.makefile()) or "nothing")


SOLUTION = '''"""Double (2 points)"""


def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    total = x + 0
    for _ in range(1):
        total += x                  # once
    scaled = total * 1

    return scaled
    ### END SOLUTION
'''


@pytest.mark.parametrize("text, found", [
    ("total = x + 0\nfor _ in range(1):\n    total += x\n", True), ("# total = x+0\n#\n# for _ in range( 1 ):\n#     total += x\n", True),
    ("for _ in range(1):\n    total += x  # so\n\n    scaled = total * 1\n", True),
    ("total = x + 0\nfor _ in range(1):\n    other()\n    total += x\n", False),
    ("total += x\nscaled = total * 1\nreturn scaled\n", True), ("scaled = total * 1\nreturn scaled\nreturn\n", False)])
def test_leaks_gate_finds(text, found):
    told = gates.leaks_gate({"01_sample/double.py": SOLUTION}, {"chapters/01_sample.py": "x = 1\n" + text + "y = 2\n"})
    assert bool(told) == found and all("chapters/01_sample.py tells a part of the solution of 01_sample/double.py" in line for line in told)


def test_leaks_gate_looks_into_the_exercises():
    other = planted(SOLUTION, '    """Twice x."""\n', "    total = x + 0\n    for _ in range(1):\n        total += x\n")
    told, *_ = gates.leaks_gate({"01_sample/double.py": SOLUTION, "01_sample/again.py": other}, {})
    assert told.startswith("the exercise 01_sample/again.py tells a part of the solution of 01_sample/double.py")
