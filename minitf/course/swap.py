"""Swap-in: the package runs on the reader's functions.

    MINITF_SWAP=exercises/03_autodiff python train.py        one chapter
    MINITF_SWAP=exercises python train.py                    all of them

The variable reaches child processes by itself.  A function that is not written yet is left to the package, so that nobody is stuck.
A CUDA function of theirs is launched in the package's place, and counted by launches.
When the program ends, the first process says which functions were the reader's and how often each was called, in all processes
together; if one of them never was, the program ends with status 3: whatever it showed, it did not show that this function works.
"""
import ast
import atexit
import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from ..core import swap as core_swap
from .exercises import unwritten, without_marks
from .outline import CHAPTERS, tasks_of

COUNTS = "MINITF_SWAP_COUNTS"         # the folder in which the processes leave their counts
NEVER_CALLED = 3                      # exit status


class Swap:
    """The reader's functions that this process uses: {replaced name: file}, and how often each was called."""

    def __init__(self, paths):
        self.files, self.calls, self.launches, self.left = {}, {}, {}, []
        for path in paths:
            self._add(Path(path).resolve())

    def _add(self, path):
        folders = [path] if path.name in {c.folder for c in CHAPTERS} else [path / c.folder for c in CHAPTERS if (path / c.folder).is_dir()]
        if not path.is_dir() or not folders:
            raise FileNotFoundError(f"MINITF_SWAP: {path} is neither a chapter's folder nor one that holds chapters "
                                    f"({', '.join(c.folder for c in CHAPTERS)})")
        for folder in folders:
            for task in tasks_of(folder.name):
                file = folder / (task.name + task.suffix)
                if task.replaces and file.exists():
                    self._replace(task, file)

    def _replace(self, task, file):
        shown = os.path.relpath(file)
        if unwritten(task.file) in file.read_text(encoding="utf-8"):
            self.left.append(shown)
            return
        if task.suffix == ".cu":
            self._replace_cuda(task, file, shown)
            return
        try:
            function = getattr(_load(task, file), task.function)
        except Exception as error:
            raise ImportError(f"MINITF_SWAP: {shown} can not be used: {type(error).__name__}: {error}") from error
        calls = self.calls
        calls[task.replaces] = 0
        self.files[task.replaces] = shown

        def counted(*args, **kwargs):
            calls[name] += 1
            return function(*args, **kwargs)
        name = task.replaces
        counted.__name__, counted.__doc__ = function.__name__, function.__doc__
        if name.startswith("kernel "):
            from ..kernels.cpu.kernel import register_python_kernel
            _, op_type, *limits = name.split()
            register_python_kernel(op_type, **{k: v.split(",") for k, _, v in (limit.partition("=") for limit in limits)})(counted)
        else:
            _import_module_of(name)
            core_swap.replace(name, counted)

    def _replace_cuda(self, task, file, shown):
        """It is compiled when a plan with its launch is made: a program that uses no GPU needs no compiler."""
        if not re.search(rf"__global__[^;{{}}]*\b{task.function}\s*\(", file.read_text(encoding="utf-8")):
            raise ImportError(f"MINITF_SWAP: {shown} can not be used: it defines no __global__ {task.function}")
        _, source, functions, *more = task.replaces.split()
        takes = int(more[0].removeprefix("takes=")) if more else None
        self.files[task.replaces] = shown
        self.launches[task.replaces] = core_swap.replace_cuda(source, functions.split(","), str(file), task.function, takes)

    def counts(self):
        """{replaced name: calls or launches} of this process."""
        return {**self.calls, **{name: count.value for name, count in self.launches.items()}}

    def forget(self):
        """A forked child counts from 0: what was called before is its parent's to tell."""
        self.calls.update(dict.fromkeys(self.calls, 0))
        for count in self.launches.values():
            count.value = 0

    def report(self, calls):
        """What is the reader's, and how often it was called, as text."""
        lines = [f"MINITF_SWAP: {len(self.files)} function{'s' * (len(self.files) != 1)} of the package "
                 f"{'were' if len(self.files) != 1 else 'was'} the reader's"]
        for name, file in self.files.items():
            times, verb, never = calls.get(name, 0), *(("launches", "LAUNCHED") if name in self.launches else ("calls", "CALLED"))
            lines.append(f"  {name.removeprefix('minitf.'):50} {file:45} {f'{times:,} {verb}' if times else f'NEVER {never}'}")
        lines += [f"  not written yet, left to the package: {file}" for file in self.left]
        return "\n".join(lines)


def _import_module_of(name):
    """Import the module in which a dotted name stands: some are imported only when they are needed."""
    module, found = name, False
    while not found:
        module = module.rpartition(".")[0]
        try:
            found = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:                                   # a class stands before the name: its module is further up
            found = False
    importlib.import_module(module)


def _load(task, file):
    name = f"minitf_swap_{task.chapter}_{task.name}"
    if task.suffix == ".pyx":
        from .cython_build import compile_cython
        return compile_cython(without_marks(file.read_text(encoding="utf-8")), name=task.name)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def totals(folder):
    """{name: calls} of all processes that left their counts in the folder."""
    calls = {}
    for path in Path(folder).glob("*.json"):
        for name, times in json.loads(path.read_text()).items():
            calls[name] = calls.get(name, 0) + times
    return calls


current = None                        # the Swap of this process


def from_environment():
    """Called once, at the end of importing minitf.  MINITF_SWAP names folders, separated as in PATH; nothing is swapped where it is empty."""
    global current
    paths = os.environ["MINITF_SWAP"]
    if not paths:
        return
    current = Swap([p for p in paths.split(os.pathsep) if p])
    os.environ["MINITF_SWAP"] = os.pathsep.join(os.path.abspath(p) for p in paths.split(os.pathsep) if p)      # for children that start elsewhere
    first = COUNTS not in os.environ
    if first:
        os.environ[COUNTS] = tempfile.mkdtemp(prefix="minitf-swap-")
    atexit.register(_at_exit, current, os.environ[COUNTS], os.getpid(), first)
    os.register_at_fork(after_in_child=current.forget)


def _at_exit(swap, folder, pid, first):
    if os.getpid() != pid:                                            # a forked child: it has counts of its own
        first = False
    try:
        (Path(folder) / f"{os.getpid()}.json").write_text(json.dumps(swap.counts()))
    except OSError:
        return
    if not first:
        return
    calls = totals(folder)
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    print(swap.report(calls), file=sys.stderr, flush=True)
    if any(not calls.get(name) for name in swap.files):
        os._exit(NEVER_CALLED)
