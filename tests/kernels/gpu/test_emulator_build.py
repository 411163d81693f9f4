"""The emulator's cache of libraries: what a library's name depends on, several processes at once, files that are no library."""
import multiprocessing
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from minitf.kernels.gpu.emulator import compiler, module
from minitf.kernels.gpu.emulator.source_module import CompileError, LaunchError, SourceModule

TEXT = "__global__ void f(int *x) { x[threadIdx.x] = %d; }\n"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, of this test alone."""
    monkeypatch.setenv("MINITF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_loaded", {})
    return tmp_path / "cache"


def written(library_or_text):
    x = np.zeros(1, np.int32)
    SourceModule(library_or_text).get_function("f")(x, block=1)
    return int(x[0])


def test_a_library_is_compiled_once(cache, monkeypatch):
    assert written(TEXT % 5) == 5
    module._loaded.clear()
    monkeypatch.setattr(compiler, "run", lambda *a: pytest.fail("compiled again"))
    assert written(TEXT % 5) == 5
    assert [p.suffix for p in cache.iterdir()] == [".so"]


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF\x02\x01\x01"])
def test_what_lies_there_and_is_no_library_is_replaced(cache, content):
    text = TEXT % (20 + len(content))
    path = compiler.cache_folder() / f"kernel-{compiler.key_of(text, 'kernel.cu', False, ())}.so"
    path.write_bytes(content)
    assert written(text) == 20 + len(content)
    assert list(cache.iterdir()) == [path] and path.stat().st_size > 5000


def test_a_changed_header_makes_another_library(cache, tmp_path):
    (tmp_path / "number.cuh").write_text("const int number = 3;\n")
    (tmp_path / "f.cu").write_text('#include "inner.cuh"\n__global__ void f(int *x) { *x = number; }\n')
    (tmp_path / "inner.cuh").write_text('#include "number.cuh"\n')
    assert written(tmp_path / "f.cu") == 3
    (tmp_path / "number.cuh").write_text("const int number = 4;\n")
    assert written(tmp_path / "f.cu") == 4
    assert len(list(cache.glob("*.so"))) == 2


def test_options_and_the_checker_make_others(cache):
    text = "__global__ void f(int *x) { *x = NUMBER; }\n"
    for number in 1, 2:
        x = np.zeros(1, np.int32)
        SourceModule(text, options=[f"-DNUMBER={number}"]).get_function("f")(x, block=1)
        assert x[0] == number
    assert len({compiler.key_of(text, "f.cu", check, ()) for check in (False, True)}) == 2
    assert compiler.key_of(text, "f.cu", True, ()) == compiler.key_of(text, "f.cu", True, ("/somewhere",))


def test_processes_that_build_the_same_at_once(cache):
    program = ("import sys; from minitf.kernels.gpu.emulator import compiler, module; run, runs = compiler.run, []\n"
               "compiler.run = lambda *a: runs.append(a) or run(*a)\nprint(sorted(module.build_text(sys.argv[1]).kernels), len(runs))")
    running = [subprocess.Popen([sys.executable, "-c", program, TEXT % 7], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sorted(p.communicate(timeout=200)[0] for p in running) == ["['f'] 0\n", "['f'] 0\n", "['f'] 2\n"]       # one has compiled
    assert [p.suffix for p in cache.iterdir()] == [".so"]


def test_no_compiler(cache, monkeypatch):
    monkeypatch.setenv("PATH", str(cache))
    monkeypatch.delenv("CXX", raising=False)
    compiler.compiler.cache_clear()
    try:
        with pytest.raises(CompileError, match="There is no C\\+\\+ compiler .*apt install g\\+\\+"):
            SourceModule(TEXT % 1)
        monkeypatch.setenv("CXX", "no-such-compiler")
        with pytest.raises(CompileError, match=r"\$CXX is 'no-such-compiler', and there is no such program"):
            SourceModule(TEXT % 1)
    finally:
        compiler.compiler.cache_clear()


def test_a_text_that_does_not_compile_leaves_nothing(cache):
    with pytest.raises(CompileError, match="kernel.cu:1:") as caught:
        SourceModule("__global__ void f(int *x) { *x = y; }\n")
    assert list(cache.iterdir()) == []
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_compiler_that_does_not_end(cache, monkeypatch):
    monkeypatch.setattr(compiler, "TIME_LIMIT", 0.01)
    with pytest.raises(CompileError, match="did not end within 0.01 s"):
        SourceModule(TEXT % 8)
    assert list(cache.iterdir()) == []


def _in_child(answers):
    x = np.zeros(1 << 16, np.int32)
    checked = SourceModule("__global__ void f(int *x) { __syncthreads(); x[threadIdx.x + 1] = 1; }\n", check=True)
    try:
        checked.get_function("f")(x[:4], block=4)
    except LaunchError as e:
        answers.put((written(TEXT % 9), "out of bounds" in str(e), len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 1))


def test_a_forked_child():
    assert written(TEXT % 9) == 9
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(answers,))
    child.start()
    child.join(120)
    assert child.exitcode == 0 and answers.get() == (9, True, 1)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("MINITF_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiler.cache_folder() == tmp_path / ".cache" / "minitf" / "emulator"
