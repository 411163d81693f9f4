"""Cython from a string: flags, the cache, two sources of one name, and errors that name the line."""
import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from minitf.course import cython_build
from minitf.course.cython_build import CythonError, build, compile_cython, load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A data folder of this test's own."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINITF_DATA", str(folder))
        yield folder / "cython"


@pytest.fixture
def no_compiler(monkeypatch):
    """From here on nothing can be compiled, only found."""
    monkeypatch.setattr(cython_build, "_compile", lambda *args: pytest.fail("it was compiled again"))


def test_the_flags_are_those_of_the_package():
    tree = ast.parse((ROOT / "setup.py").read_text())
    wanted = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    assert cython_build.FLAGS == ast.literal_eval(wanted["FLAGS"])
    assert ["-mprefer-vector-width=512"] == ast.literal_eval(wanted["WIDE"].body)
    given = {k.arg: k.value for node in ast.walk(tree) if isinstance(node, ast.Call) for k in node.keywords}
    directives = given["compiler_directives"]
    assert cython_build.DIRECTIVES == {k.arg: ast.literal_eval(k.value) for k in directives.keywords}


def test_a_module_is_compiled_once_and_silently(capfd, cache, monkeypatch):
    source = "def twice(double x):\n    return 2 * x\n"
    module = compile_cython(source)
    assert module.twice(3) == 6.0
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(cython_build, "_compile", lambda *args: pytest.fail("it was compiled again"))
    assert compile_cython(source) is module and load(build(source)).twice(4) == 8.0
    assert [p.name for p in cache.iterdir()] == [build(source).name], "what the compilation left has been removed"


def test_two_sources_of_one_name_live_side_by_side():
    one = compile_cython("def value():\n    return 1\n", name="same")
    two = compile_cython("def value():\n    return 2\n", name="same")
    assert (one.value(), two.value(), one.value()) == (1, 2, 1)
    assert one.__name__ != two.__name__


def test_indented_text_of_a_cell_is_the_text_of_a_file(no_compiler):
    assert build("def value():\n    return 1\n", name="same") == build("""
        def value():
            return 1
        """, name="same")


def test_an_error_of_cython_names_the_file_and_the_line(cache):
    with pytest.raises(CythonError) as caught:
        compile_cython("""
            def total(list x):
                cdef double sum = 0
                sum += missing
            """, name="loops")
    text = str(caught.value)
    assert "loops.pyx:3:11: undeclared name not builtin: missing" in text and "sum += missing" in text
    assert "Traceback" not in text and str(cache) not in text
    assert not list(cache.glob("*loops*")) and not list(cache.glob(".compiling*"))


def test_an_error_of_the_c_compiler_is_shown():
    source = '''
        cdef extern from *:
            """
            static int f(void) { return oops; }
            """
            int f()

        def g():
            return f()
        '''
    with pytest.raises(CythonError, match=r"(?s)the C compiler failed.*oops"):
        compile_cython(source)


def test_without_a_compiler_the_error_names_it(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(CythonError, match="no-such-compiler"):
        compile_cython("def never():\n    return 1\n")


def test_checks_make_an_index_outside_an_IndexError():
    source = "def third(list x):\n    return x[2]\n"
    with pytest.raises(IndexError):
        compile_cython(source, checks=True).third([0, 1])
    assert compile_cython(source).third([0, 1, 2]) == 2


def test_a_kernel_of_the_package_can_be_cimported(cache):
    """From any folder, by any process that can import minitf itself."""
    program = textwrap.dedent("""
        from minitf.course.cython_build import compile_cython
        from minitf.kernels.cpu.kernel import run_kernel
        import numpy as np
        from minitf.core.dtypes import float32
        module = compile_cython('''
        from minitf.kernels.cpu.kernel cimport Kernel, float32s

        cdef class Double(Kernel):
            cdef int run(self) except -1 nogil:
                cdef Py_ssize_t i
                for i in range(self.outputs[0].size):
                    float32s(self.outputs[0])[i] = 2 * float32s(self.inputs[0])[i]
                return 0
        ''')
        print(run_kernel(module.Double, {}, [np.float32([1, 2])], [(2,)], [float32])[0].tolist())
        """)
    env = dict(os.environ, MINITF_DATA=str(cache.parent))
    done = subprocess.run([sys.executable, "-c", program], env=env, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.stdout == "[2.0, 4.0]\n", done.stderr


def test_the_oldest_modules_are_removed(cache, monkeypatch):
    monkeypatch.setattr(cython_build, "KEPT", 2)
    for n in range(4):
        os.utime(build(f"VALUE = {n}\n", name="old"), (n, n))
    assert len(list(cache.glob("*.so"))) == 2
    assert load(build("VALUE = 3\n", name="old")).VALUE == 3


@pytest.mark.parametrize("name", ["", "a b", "a/b", "1a", "è"])
def test_a_name_is_an_identifier(name):
    with pytest.raises(ValueError, match="identifier"):
        build("", name=name)
