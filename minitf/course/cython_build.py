"""Cython from a string: compiled with the flags of the package's own modules, kept, imported.

    loops = compile_cython('''
    def total(const double[::1] x):
        ...
    ''')
    loops.total(np.ones(3))

A module is compiled once for each source, set of flags, Cython, Python and processor, and kept in the folder that minitf uses for data,
under cython/.  Its name ends in a digest of all these, so two sources never meet under one name.
"""
import functools
import hashlib
import importlib.util
import os
import platform
import re
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from ..datasets import data_folder

# As in setup.py; tests/course/test_cython_build.py compares them.
FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math"]
WIDE = ["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else []
NOT_FOR_DEBUGGERS = ["-g0"]   # Python's own flags ask for what a debugger needs, which takes a third of the time
NOT_FOR_SPEED = ["-O1"]       # half of the time again, where every index is checked anyway
DIRECTIVES = dict(language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False)
CHECKED = dict(DIRECTIVES, boundscheck=True, wraparound=True, cdivision=False, initializedcheck=True)

KEPT = 200                    # compiled modules; of more, the ones not used for longest are removed
SECONDS = 240                 # for one compilation: some fifty times what it takes on an idle machine
BAD_SOURCE = 3                # the exit status that says that Cython refused the source

# What compiles, in a process of its own: compilers write to the file descriptors of theirs, not to sys.stderr.
CHILD = """
import json, sys
import numpy
from Cython.Build import cythonize
from Cython.Compiler.Errors import CompileError
from setuptools import Extension, setup
name, flags, directives = json.loads(sys.argv[1])
try:
    modules = cythonize([Extension(name, [name + ".pyx"], extra_compile_args=flags, include_dirs=[numpy.get_include()],
                                   define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")])],
                        quiet=True, compiler_directives=directives)
except CompileError:
    sys.exit(%d)
setup(name=name, ext_modules=modules, script_args=["--quiet", "build_ext", "--inplace"])
""" % BAD_SOURCE

ROOT = Path(__file__).resolve().parent.parent.parent
_loaded = {}                  # name with digest -> module


class CythonError(Exception):
    """The source does not compile.  The text is the compiler's, with the lines of the source."""


def compile_cython(source, name="cell", checks=False):
    """The module that a Cython source makes; the same one if it was asked for before.

    source  its text; what indents all lines is taken away, and a first line that is empty
    name    what the module's name begins with, an identifier: messages call the file name.pyx
    checks  whether an index outside an array is an IndexError and a division by zero an error, as in Python; without, as in the package,
            they are the end of the process or wrong numbers, and loops are faster
    CythonError, with the line, if the source does not compile.
    """
    path = build(source, name, checks)
    stem = path.name.partition(".")[0]
    if stem not in _loaded:
        _loaded[stem] = load(path)
    return _loaded[stem]


def load(path):
    """Import the module that build() compiled."""
    name = Path(path).name.partition(".")[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(source, name="cell", checks=False):
    """The Path of the compiled module, as compile_cython; it is not imported."""
    if not name.isidentifier() or not name.isascii():
        raise ValueError(f"name must be an identifier of ASCII letters, got {name!r}")
    source = textwrap.dedent(source).removeprefix("\n")
    module = f"{name}_{_digest(source, name, checks)}"
    folder = data_folder() / "cython"
    path = folder / (module + sysconfig.get_config_var("EXT_SUFFIX"))
    if path.exists():
        _touch(path)
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".compiling-", dir=folder) as scratch:
        _compile(source, name, module, checks, scratch)
        os.replace(Path(scratch) / path.name, path)        # whoever looks meanwhile sees no module or a whole one
    _remove_oldest(folder)
    return path


def _compile(source, name, module, checks, folder):
    """Compile folder/module.pyx, which is written first; CythonError if that fails."""
    import json
    (Path(folder) / f"{module}.pyx").write_text(source, encoding="utf-8")
    arguments = json.dumps([module, *_options(checks)])
    found = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])            # for cimports from minitf
    try:
        done = subprocess.run([sys.executable, "-c", CHILD, arguments], cwd=folder, env=dict(os.environ, PYTHONPATH=found),
                              capture_output=True, text=True, errors="replace", timeout=SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise CythonError(f"{name}.pyx: gave up compiling after {SECONDS} seconds") from None
    if done.returncode != 0:
        text = (done.stdout + done.stderr).replace(folder + os.sep, "").replace(module, name)
        raise CythonError(_of_cython(text) if done.returncode == BAD_SOURCE else _of_compiler(text))


def _of_cython(text):
    """Cython's errors, each with the lines around it; its warnings are left out."""
    parts = re.split(r"\n?^Error compiling Cython file:\n", text, flags=re.MULTILINE)[1:]
    errors = [part.partition("-" * 60 + "\n")[2].replace("-" * 60 + "\n", "") for part in parts]
    errors = [re.sub(r"^(warning|performance hint): .*\n?", "", e, flags=re.MULTILINE).strip("\n") for e in errors]
    return "Cython could not compile this:\n\n" + "\n\n".join(errors)


def _of_compiler(text):
    """What setuptools and the C compiler said, from the first error on; all of the end if there is none."""
    lines = text.splitlines()
    lines = [line for line in lines if not line.startswith("error: ")] or lines                # setuptools shows the whole command last
    first = next((i for i, line in enumerate(lines) if re.search(r"\berror:|not found", line, re.IGNORECASE)), max(0, len(lines) - 20))
    return "Cython accepted the source, but the C compiler failed:\n\n" + "\n".join(lines[first:first + 20])


def _options(checks):
    """(flags of the C compiler, directives of Cython)"""
    flags = FLAGS + WIDE + NOT_FOR_DEBUGGERS
    return (flags + NOT_FOR_SPEED, CHECKED) if checks else (flags, DIRECTIVES)


def _digest(source, name, checks):
    known = repr((source, name, _options(checks), sys.version, np.__version__, *_surroundings()))
    return hashlib.sha256(known.encode()).hexdigest()[:16]


@functools.cache
def _surroundings():
    """What else a compiled module depends on: Cython, the processor that -march=native means, and the .pxd files that it may cimport."""
    import Cython
    headers = hashlib.sha256()
    for path in sorted((ROOT / "minitf").rglob("*.pxd")):
        headers.update(path.read_bytes())
    return Cython.__version__, _processor(), headers.hexdigest()


def _processor():
    try:
        with open("/proc/cpuinfo") as f:
            return platform.machine(), next((line for line in f if line.startswith(("flags", "Features"))), "")
    except OSError:
        return platform.machine(), platform.processor()


def _touch(path):
    try:
        os.utime(path)
    except OSError:                                     # a folder of somebody else's
        pass


def _remove_oldest(folder):
    """Another process may remove the same files at the same time."""
    found = []
    for path in folder.glob("*" + sysconfig.get_config_var("EXT_SUFFIX")):
        try:
            found.append((path.stat().st_mtime, path))
        except OSError:
            pass
    for _, path in sorted(found)[:-KEPT]:
        path.unlink(missing_ok=True)
