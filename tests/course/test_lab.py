"""The reader's copies of the chapters: brought up to date, and never written over."""
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from minitf.course import lab


@pytest.fixture
def chapters(tmp_path):
    folder = tmp_path / "chapters"
    for name, text in {"01_ops.ipynb": "ops 1", "02_graph.ipynb": "graph 1", "01_ops.py": "script", "built/ops.py": "built 1",
                       "pictures/ladder.png": "picture", "names.cfg": "names"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work" / "chapters"


def copies(work):
    return {str(p.relative_to(work)): p.read_text() for p in work.rglob("*") if p.is_file() and p.name != lab.MEMORY}


def test_notebooks_and_the_folders_they_use_are_copied(chapters, work):
    assert lab.copy_chapters(chapters, work) == []
    assert copies(work) == {"01_ops.ipynb": "ops 1", "02_graph.ipynb": "graph 1", "built/ops.py": "built 1",
                            "pictures/ladder.png": "picture"}


def test_a_copy_that_is_still_ours_is_refreshed(chapters, work):
    lab.copy_chapters(chapters, work)
    (chapters / "01_ops.ipynb").write_text("ops 2")
    assert lab.copy_chapters(chapters, work) == []
    assert copies(work)["01_ops.ipynb"] == "ops 2" and len(copies(work)) == 4


def test_a_changed_copy_is_kept_and_a_newer_chapter_put_beside_it_once(chapters, work):
    lab.copy_chapters(chapters, work)
    (work / "01_ops.ipynb").write_text("mine")
    assert lab.copy_chapters(chapters, work) == []                      # the chapter is what it was: nothing to say
    assert copies(work)["01_ops.ipynb"] == "mine" and "01_ops.new.ipynb" not in copies(work)
    (chapters / "01_ops.ipynb").write_text("ops 2")
    (told,) = lab.copy_chapters(chapters, work)
    assert "01_ops.ipynb" in told and "01_ops.new.ipynb" in told
    assert copies(work)["01_ops.ipynb"] == "mine" and copies(work)["01_ops.new.ipynb"] == "ops 2"
    assert lab.copy_chapters(chapters, work) == []                      # told once
    (chapters / "01_ops.ipynb").write_text("ops 3")
    (told,) = lab.copy_chapters(chapters, work)                         # the one beside it is still ours
    assert copies(work)["01_ops.ipynb"] == "mine" and copies(work)["01_ops.new.ipynb"] == "ops 3"
    (work / "01_ops.new.ipynb").write_text("mine too")
    (chapters / "01_ops.ipynb").write_text("ops 4")
    (told,) = lab.copy_chapters(chapters, work)
    assert "01_ops.new2.ipynb" in told
    assert [copies(work)[f"01_ops{n}.ipynb"] for n in ("", ".new", ".new2")] == ["mine", "mine too", "ops 4"]


def test_the_reader_may_take_the_new_one_over_or_begin_again(chapters, work):
    lab.copy_chapters(chapters, work)
    (work / "01_ops.ipynb").write_text("mine")
    (chapters / "01_ops.ipynb").write_text("ops 2")
    lab.copy_chapters(chapters, work)
    (work / "01_ops.new.ipynb").replace(work / "01_ops.ipynb")
    (chapters / "01_ops.ipynb").write_text("ops 3")
    assert lab.copy_chapters(chapters, work) == [] and copies(work)["01_ops.ipynb"] == "ops 3"
    (work / "01_ops.ipynb").unlink()
    assert lab.copy_chapters(chapters, work) == [] and copies(work)["01_ops.ipynb"] == "ops 3"


@pytest.mark.parametrize("memory", [None, "{", "[]"])
def test_without_its_memory_what_differs_counts_as_the_readers(chapters, work, memory):
    lab.copy_chapters(chapters, work)
    (work / lab.MEMORY).unlink() if memory is None else (work / lab.MEMORY).write_text(memory)
    (chapters / "02_graph.ipynb").write_text("graph 2")
    (told,) = lab.copy_chapters(chapters, work)
    assert "02_graph.new.ipynb" in told and copies(work)["02_graph.ipynb"] == "graph 1"


def test_copies_are_trusted_and_edited_ones_are_not(chapters, work, tmp_path):
    """JupyterLab shows the stored pictures of a notebook that is signed, and only of such a one."""
    nbformat = pytest.importorskip("nbformat")
    from nbformat.sign import NotebookNotary
    for name in ("01_ops.ipynb", "02_graph.ipynb"):
        output = nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg/>"})
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1", outputs=[output], execution_count=1)]), chapters / name)
    lab.copy_chapters(chapters, work)
    edited = nbformat.read(work / "02_graph.ipynb", 4)
    edited.cells[0].source = "y = 2"
    nbformat.write(edited, work / "02_graph.ipynb")
    lab.trust(work, tmp_path / "data")
    notary = NotebookNotary(data_dir=str(tmp_path / "data"))
    assert [notary.check_signature(nbformat.read(work / name, 4)) for name in ("01_ops.ipynb", "02_graph.ipynb")] == [True, False]
    notary.store.close()


def command(chapters, work, *options):
    return [sys.executable, "-m", "minitf.course.lab", "--chapters", str(chapters), "--folder", str(work), "--no-browser", *options]


def test_copy_only(chapters, work):
    done = subprocess.run(command(chapters, work, "--copy-only"), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and (work / "02_graph.ipynb").exists()


def test_no_notebooks_and_no_jupyterlab_are_said(chapters, work, tmp_path, capsys, monkeypatch):
    assert lab.main(["--chapters", str(tmp_path / "empty"), "--folder", str(work)]) == 1
    assert "make notebooks" in capsys.readouterr().err
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    assert lab.main(["--chapters", str(chapters), "--folder", str(work)]) == 1
    assert "make extra-course" in capsys.readouterr().err and (work / "01_ops.ipynb").exists()


def test_jupyterlab_opens_chapter_one_here_alone_and_ends_with_its_kernels(chapters, work):
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (make extra-course)")
    started = subprocess.Popen(command(chapters, work), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        text = ""
        while "http" not in text:
            line = started.stdout.readline()
            assert line, text
            text += line
        address = line.strip()
        assert address.startswith("http://127.0.0.1:") and "/lab/tree/01_ops.ipynb?token=" in address
        page = urllib.request.urlopen(address, timeout=30).read().decode()
        settings = json.loads(page.partition('id="jupyter-config-data"')[2].partition(">")[2].partition("</script>")[0])
        assert "@jupyterlab/apputils-extension:announcements" in settings["disabledExtensions"]
        server, _, token = address.partition("/lab/tree/01_ops.ipynb?token=")
        with pytest.raises(urllib.error.HTTPError):                     # without the token nothing runs
            urllib.request.urlopen(server + "/api/kernels", timeout=30)
        request = urllib.request.Request(f"{server}/api/kernels?token={token}", b"{}", {"Content-Type": "application/json"})
        kernel = json.loads(urllib.request.urlopen(request, timeout=30).read())["id"]
        assert _processes(kernel)
        started.send_signal(signal.SIGINT)
        assert "your copies stay" in started.communicate(timeout=30)[0] and started.returncode == 0
        deadline = time.monotonic() + 10
        while _processes(kernel) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not _processes(kernel) and not _processes(f"root_dir={work}")
    finally:
        started.kill()


def _processes(word):
    """The command lines of running processes that hold a word."""
    if Path("/proc/self/cmdline").exists():
        lines = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    else:
        lines = subprocess.run(["ps", "-A", "-ww", "-o", "args"], capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if word in line]


def test_a_jupyterlab_that_does_not_start_is_reported_with_its_log(chapters, work):
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (make extra-course)")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(command(chapters, work, "--port", str(port)), capture_output=True, text=True, timeout=100)
    assert done.returncode == 1 and "JupyterLab ended with status" in done.stderr and str(port) in done.stderr
