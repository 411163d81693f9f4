"""minitf.course.notebook: notebooks that are the same to the byte, and a comparison that can fail."""
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minitf.course.notebook import __main__ as notebook, built, kernel as notebook_kernel, outputs as notebook_outputs

SANITIZE = notebook.CHAPTERS / "sanitize.cfg"
SAMPLE = '''
# %% [markdown]
# # Sample
# A counter is **kept** in a module,
# and read by the next chapter.

# %% tags=["built"]
import time

COUNT = []

# %%
began = time.perf_counter()
time.sleep(0.01)
print(f"{time.perf_counter() - began:.5f} s, or {1000 * (time.perf_counter() - began):.2f} ms;", object())

# %%
from tqdm import tqdm
for _ in tqdm(range(30)):
    time.sleep(0.001)

# %% tags=["built"]
def count():
    COUNT.append(1)
    return len(COUNT)

# %%
count(), sorted({"a", "b", "c"}), "".join({"a", "b", "c", "d"})

# %% tags=["nbval-ignore-output"]
import matplotlib.pyplot as plt
plt.figure(figsize=(2, 1))
plt.plot([1, 2], [time.time(), 0])
plt.show()

# %%
class Picture:
    def _repr_svg_(self):
        return '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    def __repr__(self):
        return "a picture"
Picture()

# %% tags=["nbval-ignore-output"]
time.time()

# %% tags=["raises-exception"]
import minitf as tf
tf.matmul([[1.0]], [[1.0], [2.0]])
'''


def build(*scripts, refresh=False):
    out = io.StringIO()
    good = notebook.build(list(scripts), refresh, out)
    return good, out.getvalue()


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def chapter(folder, name, text):
    folder.mkdir(exist_ok=True)
    shutil.copy(SANITIZE, folder)
    (folder / name).write_text(text)
    return folder / name


def nbval(folder, *options):
    """Run nbval as `make test` does."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="0")
    return subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env",
                           "--rootdir", str(folder), "--nbval-sanitize-with", str(SANITIZE), "-rA", "--color=no", *options, str(folder)],
                          cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A folder with a chapter that was built once: copy it before changing anything."""
    script = chapter(tmp_path_factory.mktemp("sample") / "chapters", "07_sample.py", SAMPLE.lstrip())
    good, said = build(script)
    assert good, said
    assert re.search(r"wrote built/sample.py\nwrote 07_sample.ipynb: 9 cells in .* s, the slowest is cell \d \(", said)
    return script


@pytest.fixture
def script(sample, tmp_path):
    shutil.copytree(sample.parent, tmp_path / "chapters")
    return tmp_path / "chapters" / sample.name


def code(script):
    return notebook.code_cells(notebook.stored(script))


# ---- build ----------------------------------------------------------------------------------------------------------------

def test_a_second_build_is_the_same_to_the_byte_and_refresh_is_not(script):
    before = files(script.parent)
    good, said = build(script)
    assert good and said.startswith("same  07_sample.ipynb")
    assert files(script.parent) == before
    assert notebook.problems(script) == []
    good, said = build(script, refresh=True)
    after = files(script.parent)
    assert good and [name for name in after if after[name] != before[name]] == ["07_sample.ipynb"]


def test_nothing_tells_when_or_where_it_ran(sample):
    text = sample.with_suffix(".ipynb").read_text()
    cells = code(sample)
    assert [c.execution_count for c in cells] == list(range(1, 10))
    assert "\\u001b" not in text and "\x1b" not in text and '"version"' not in text and "execution\"" not in text
    assert str(notebook.CHAPTERS.parent) not in text and sys.prefix not in text
    assert any("File minitf/ops/matmul_ops.py:" in line for line in cells[8].outputs[0].traceback)
    assert cells[2].outputs[0].text.count("|") == 2 and "\r" not in cells[2].outputs[0].text       # the last state of the bar


def test_what_ran_had_one_thread_and_a_fixed_hash_seed(tmp_path):
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "MINITF_SWAP"]
    script = chapter(tmp_path / "chapters", "01_a.py", f"# %%\nimport os, sys\n[os.environ.get(name) for name in {names}]\n\n"
                     f"# %%\nos.getcwd() == {str(tmp_path / 'chapters')!r}, sys.executable\n")
    os.environ["MINITF_SWAP"] = "exercises/01_ops"
    try:
        assert build(script)[0]
    finally:
        del os.environ["MINITF_SWAP"]
    answers = [c.outputs[0].data["text/plain"] for c in code(script)]
    assert answers == ["['1', '1', '0', None]", f"(True, {sys.executable!r})"]


def kept(script, old, new):
    """How many outputs are kept when the chapter's text changes so, and every output is different when it runs again."""
    stored = notebook.stored(script)
    script.write_text(script.read_text().replace(old, new))
    now = notebook.load(script)
    by_source = {c.source: c.outputs for c in notebook.code_cells(stored)}
    for cell in notebook.code_cells(now):
        cell.outputs = notebook.tools()[1].from_dict([dict(o) for o in by_source.get(cell.source, [])])
        for output in cell.outputs:
            if "data" in output:
                output.data = dict(output.data, **{"text/plain": output.data["text/plain"] + " again"})
            if output.output_type == "stream":
                output.text = output.text.replace("0", "1") if "0x" not in output.text else re.sub(r"0x\w+", "0xabcdefabcdef", output.text)
    notebook_outputs.keep(now, stored, notebook_outputs.masks(script.parent))
    pairs = zip(notebook.code_cells(now), notebook.code_cells(stored))
    return [i for i, (a, b) in enumerate(pairs, 1) if a.outputs and a.outputs == b.outputs]


def test_an_ignored_output_is_kept_until_code_before_it_changes(script):
    assert kept(script, "", "") == [2, 3, 6, 8, 9]                      # masked: 2, 3; ignored: 6, 8; 9 is an error
    assert kept(script, "Sample\n", "Another title\n") == [2, 3, 6, 8, 9]
    assert kept(script, "a picture", "the picture") == [2, 3, 6, 9]     # cell 7
    assert kept(script, "COUNT = []", "COUNT = [0]") == [2, 3, 9]       # cell 1: what was drawn may be stale


@pytest.mark.parametrize("a, b, same", [
    ("0.01234 s", "12.3 s", True), ("3 ms", "14.25 µs", True), ("took 12 s", "took 12", False), ("1,234.5 it/s", "7 it/s", True),
    ("<f at 0x7f00aa11bb22>", "<f at 0x55d1cafe0000>", True), ("640x480", "640x481", False), ("loss 0.123", "loss 0.124", False),
    (" 50%|##   | 5/10 [00:01<00:01, 4.3it/s]", " 50%|##   | 5/10 [00:02<00:03, 9.3it/s]", True),
    ("12.5 GFLOP/s", "3.1 GFLOP/s", True), ("98 %", "97 %", False), ("\x1b[1mbold\x1b[0m", "bold", True), ("3 steps", "4 steps", False),
    ("minitf/session/prune.py, line 12", "minitf/session/prune.py, line 14", True), ("cell.py, line 12", "cell.py, line 14", False)])
def test_what_the_masks_hide(a, b, same):
    pairs = notebook_outputs.masks(SANITIZE.parent)
    first, second = ([{"output_type": "stream", "name": "stdout", "text": text}] for text in (a, b))
    assert (notebook_outputs.masked(first, pairs) == notebook_outputs.masked(second, pairs)) == same


def test_nbval_reads_the_same_masks():
    from nbval.plugin import get_sanitize_patterns
    assert get_sanitize_patterns(SANITIZE.read_text()) == notebook_outputs.masks(SANITIZE.parent)


def test_failures_are_told_for_people_and_the_others_are_built(script, monkeypatch):
    folder = script.parent
    fails = chapter(folder, "01_fails.py", '# %% [markdown]\n# # F\n\n# %%\nlookup = {}.__getitem__\n\n'
                    '# %%\n# a key\nprint("so far")\nlookup("a")\n')
    dies = chapter(folder, "02_dies.py", "# %%\n1 + 1\n\n# %%\nimport ctypes\nctypes.string_at(0)\n")
    hangs = chapter(folder, "03_hangs.py", "# %%\nimport time\ntime.sleep(50)\n")
    broken = chapter(folder, "04_broken.py", '# %% tags=["built"]\ndef f(:\n')
    short = chapter(folder, "05_short.py", '# %%\nimport numpy as np\n\n# %% tags=["built"]\ndef f(x):\n    return np.exp(x + offset)\n')
    monkeypatch.setattr(notebook_kernel, "SECONDS", 8)
    before = files(folder)
    began = time.monotonic()
    good, said = build(fails, dies, hangs, broken, short, script)
    assert not good and time.monotonic() - began < 60
    assert "01_fails.py: cell 2 (line 8) failed\n    # a key\n  it had printed\n    so far\nKeyError: 'a'\n" in said
    assert '----> 3 lookup("a")' in said
    assert "02_dies.py: cell 2 (line 5) failed\n    import ctypes\nthe kernel died in this cell" in said
    assert "Fatal Python error: Segmentation fault" in said and "line 2 of a cell, in <module>" in said
    assert "03_hangs.py: cell 1 (line 2) failed\n    import time\nit ran for more than 8 seconds" in said
    assert "04_broken.py: its cells tagged `built` are no module: invalid syntax: def f(:" in said
    assert "05_short.py: its cells tagged `built` use np, offset, which none of them defines or imports" in said
    assert "same  07_sample.ipynb" in said
    assert files(folder) == before                                      # nothing half done is written


def test_ctrl_c_ends_the_kernels(tmp_path):
    # The kernel tells its process number through a file.
    text = "# %%\nimport os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(100)\n"
    script = chapter(tmp_path / "chapters", "01_long.py", text)
    running = subprocess.Popen([sys.executable, "-m", "minitf.course.notebook", "build", str(script)],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    pid = script.parent / "pid"
    deadline = time.monotonic() + 60
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 130
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(int(pid.read_text()), 0)
            time.sleep(0.1)


def test_missing_tools_are_named_with_what_installs_them(tmp_path):
    script = chapter(tmp_path / "chapters", "01_a.py", "# %%\n1\n")
    program = "import sys; sys.modules['jupytext'] = None; from minitf.course.notebook.__main__ import main; sys.exit(main(sys.argv[1:]))"
    for command in ("build", "check"):
        done = subprocess.run([sys.executable, "-c", program, command, str(script)], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and re.search("jupytext is not installed.*`make` installs it", done.stdout + done.stderr)


def test_no_such_chapter(tmp_path, capsys):
    with pytest.raises(SystemExit):
        notebook.main(["build", str(tmp_path / "01_none.py")])
    assert "there is no" in capsys.readouterr().err


# ---- what is carried to the next chapter -----------------------------------------------------------------------------------

def test_the_module_of_a_chapter(sample):
    text = built.module_path(sample).read_text()
    assert text == '''"""A counter is kept in a module, and read by the next chapter.

Made from the cells of chapters/07_sample.py that are tagged `built`: change them there, then `make notebooks`.
"""
import time

COUNT = []


def count():
    COUNT.append(1)
    return len(COUNT)
'''
    assert (sample.parent / "built" / "__init__.py").exists()


def test_a_chapter_runs_with_what_those_before_it_built_and_imports_become_relative(script):
    later = chapter(script.parent, "08_later.py", '# %% tags=["built"]\nfrom built.sample import count\n\n'
                    '# %% tags=["built"]\ndef twice():\n    return count(), count()\n\n# %%\ntwice()\n')
    assert build(later)[0] and code(later)[2].outputs[0].data["text/plain"] == "(1, 2)"
    text = built.module_path(later).read_text()
    assert "\nfrom .sample import count\n" in text and "from built" not in text
    done = subprocess.run([sys.executable, "-c", "from built.later import twice; print(twice())"], cwd=script.parent,
                          capture_output=True, text=True)
    assert done.stdout == "(1, 2)\n", done.stderr


# ---- check ----------------------------------------------------------------------------------------------------------------

def in_notebook(old, new):
    def plant(script):
        path = script.with_suffix(".ipynb")
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    return plant


def in_script(old, new):
    def plant(script):
        assert old in script.read_text()
        script.write_text(script.read_text().replace(old, new, 1))
    return plant


def swap_cells(script):
    parts = script.read_text().split("\n# %%")
    parts[2], parts[3] = parts[3], parts[2]
    script.write_text("\n# %%".join(parts))


FAULTS = {
    "a cell of the script was changed": (in_script("sleep(0.01)", "sleep(0.02)"), "cell 2 (line 12) is not the one that the notebook has"),
    "the text was changed": (in_script("# # Sample", "# # Example"), "the text after cell 0 (line 2) is not the one"),
    "a cell of the notebook was changed": (in_notebook("sleep(0.01)", "sleep(0.02)"), "cell 2 (line 12) is not the one"),
    "a tag was taken away": (in_script('# %% tags=["raises-exception"]', "# %%"), "cell 9 (line 47) is not the one"),
    "a tag was added": (in_script("# %%\nbegan", '# %% tags=["nbval-ignore-output"]\nbegan'), "cell 2 (line 12) is not the one"),
    "two cells changed places": (swap_cells, "is not the one that the notebook has"),
    "a cell was added": (lambda s: s.write_text(s.read_text() + "\n# %%\n1 + 1\n"), "the script has 11 cells, the notebook 10"),
    "an id was changed": (lambda s: in_notebook(code(s)[1].id, "abcdef")(s), "cell 2 (line 12) is not the one"),
    "a cell is unrun": (in_notebook('"execution_count": 5', '"execution_count": null'), "cell 5 (line 27) is unrun"),
    "cells ran out of order": (in_notebook('"execution_count": 5', '"execution_count": 55'), "cell 5 (line 27) is unrun, or ran out of"),
    "the module was changed": (lambda s: built.module_path(s).write_text("x = 1\n"), "built/sample.py is not what the cells tagged"),
    "the module is missing": (lambda s: built.module_path(s).unlink(), "built/sample.py is not what the cells tagged `built` give"),
    "a module without cells": (lambda s: s.write_text(s.read_text().replace(' tags=["built"]', "")),
                               "built/sample.py is there, and no cell is tagged"),
    "a module that can't stand alone": (in_script("import time\n", ""), "its cells tagged `built` are no module|is not the one"),
    "the notebook is missing": (lambda s: s.with_suffix(".ipynb").unlink(), "07_sample.ipynb is missing"),
    "the notebook has a merge conflict": (in_notebook('"cells": [', "<<<<<<< ours"), "07_sample.ipynb is not a notebook"),
    "another program saved it": (in_notebook('"language_info": {', '"language_info": {\n   "version": "3.11.7",'), "written by another"),
    "an error was stored": (in_notebook('"raises-exception"', '"built"'), "cell 9 (line 47) failed, and is not tagged raises-exception"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_check_finds(script, fault, capsys):
    plant, message = FAULTS[fault]
    assert notebook.main(["check", str(script)]) == 0
    plant(script)
    assert notebook.main(["check", str(script)]) == 1
    said = capsys.readouterr().out
    assert any(part in said for part in message.split("|")), said


# ---- the comparison that `make test` makes ------------------------------------------------------------------------------------

def test_nbval_passes_what_is_right_and_fails_what_is_not(script):
    folder = script.parent
    for name, cell, key, old, new in (("08_text", 5, "text/plain", "(1,", "(2,"), ("09_svg", 7, "image/svg+xml", 'width="9"', 'width="8"')):
        changed = notebook.stored(script)
        data = notebook.code_cells(changed)[cell - 1].outputs[0].data
        assert old in data[key]
        data[key] = data[key].replace(old, new)
        (folder / f"{name}.ipynb").write_text(notebook.text_of(changed))
    done = nbval(folder, "-n", "2", "--dist", "loadscope", "--nbval-cell-timeout", "60")
    failed = set(re.findall(r"^FAILED (\S+ipynb::Cell \d+)", done.stdout, flags=re.M))
    assert done.returncode == 1 and failed == {"08_text.ipynb::Cell 4", "09_svg.ipynb::Cell 6"}, done.stdout + done.stderr
    assert "25 passed" in done.stdout                                   # all 9 of the untouched one among them


def test_nbval_reports_a_killed_kernel_in_time(tmp_path):
    script = chapter(tmp_path / "chapters", "01_dies.py", "# %%\nimport os\n\n# %%\nprint(1)\n\n# %%\nprint(2)\n")
    assert build(script)[0]
    path = script.with_suffix(".ipynb")
    path.write_text(path.read_text().replace("print(1)", "os._exit(1)"))
    began = time.monotonic()
    done = nbval(script.parent, "--nbval-cell-timeout", "5")
    assert time.monotonic() - began < 40
    assert done.returncode == 1 and "FAILED 01_dies.ipynb::Cell 1" in done.stdout, done.stdout
    assert "PASSED 01_dies.ipynb::Cell 2" not in done.stdout


def test_every_chapter_is_named_for_its_module():
    assert [p for p in Path(notebook.CHAPTERS).glob("*.ipynb") if not p.with_suffix(".py").exists()] == []
