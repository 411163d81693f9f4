"""CUDA C of an exercise, compiled for the emulator with its checker, and kept; it is loaded elsewhere, in the process of the submission.

    path = build(text, "saxpy.cu")          # in the grader
    mine = Kernels(path, text, "saxpy.cu")  # in the submission's process
    mine.saxpy(y, a, x, np.int32(10), block=(32, 1, 1), grid=(1, 1))
"""
import os
import re
import subprocess
from pathlib import Path

from ..datasets import data_folder
from ..kernels.gpu.emulator import compiler, module
from ..kernels.gpu.emulator.source_module import SourceModule
from .cython_build import SECONDS

KEPT = 200                    # compiled exercises; of more, the ones not used for longest are removed
LIMITS = "ulimit -t 60; ulimit -f 262144; ulimit -v 4194304 2>/dev/null"      # for a compiler: seconds, size of a file, memory
SHOWN = 8                     # lines of what a compiler says


class CudaError(Exception):
    """The source does not compile.  The text is the compiler's, with the lines of the source."""


def build(text, name, look=None):
    """The Path of what a text of CUDA C is compiled to; it is not loaded.

    name   of the file, for messages
    look   called with the compiled file before it is linked: an error that it raises is raised, and nothing is kept
    CudaError, with the line, if it does not compile, or if there is no compiler.
    """
    folder = data_folder() / "cuda"
    try:
        key = compiler.key_of(text, name, True, [module.HERE.parent])
    except module.CompileError as error:
        raise CudaError(error.message) from None
    path = folder / f"{Path(name).stem}-{key}.so"
    if path.exists():
        os.utime(path)
        return path
    folder.mkdir(parents=True, exist_ok=True)
    compiler.write_whole(path, lambda temporary: compile_text(text, name, temporary, look))
    for old in sorted(folder.glob("*.so"), key=_used)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def compile_text(text, name, target, look=None):
    """Compile a text into the file `target`, as build()."""
    try:
        module.compile_into(target, text, name, [module.HERE.parent], check=True, run=_run, look=look)
    except module.CompileError as error:
        raise CudaError(_shortened(error.message)) from None


def _run(arguments, text=None):
    """The compiler, within limits: a text can ask it for any amount of work."""
    command = ["/bin/sh", "-c", f'{LIMITS}; exec "$0" "$@"', compiler.compiler()[0], *map(str, arguments)]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise module.CompileError(f"gave up compiling after {SECONDS} seconds") from None
    if done.returncode:
        raise module.CompileError(done.stderr.strip() or f"the compiler ended with status {done.returncode}: it has a minute, and 4 GB of memory")
    return done.stdout


def _shortened(said):
    """The compiler's first errors, without the files in which it was on its way to them."""
    lines = [line for line in said.splitlines() if not re.match(r"In file included from|\s+from |cc1plus: |[\w.]+: In ", line)]
    first = next((i for i, line in enumerate(lines) if "error:" in line), 0)
    return "it does not compile:\n" + "\n".join(lines[first:first + SHOWN])


def _used(path):
    try:
        return path.stat().st_mtime
    except OSError:                                                   # another process has removed it
        return 0


class Kernels(SourceModule):
    """What build() compiled, loaded: its kernels are attributes."""

    def __init__(self, path, text, name):
        self.text, self.name, self.check, self._folders = text, name, True, [module.HERE.parent]
        self.library = module.Library(Path(path), name, text, True)

    def __getattr__(self, name):
        try:
            return self.get_function(name)
        except KeyError as error:
            raise AttributeError(error.args[0]) from None
