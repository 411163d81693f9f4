"""CUDA C on NumPy arrays, in the shape of PyCUDA's SourceModule: what the exercises and notebooks write.

    module = SourceModule('''
        __global__ void scale(float *x, float by, int n) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) x[i] *= by;
        }
    ''', check=True)
    scale = module.get_function("scale")
    scale(x, np.float32(2), np.int32(x.size), block=(256, 1, 1), grid=(4, 1))
"""
import ctypes
import math
from collections import namedtuple
from pathlib import Path

import numpy as np

from ....core.errors import InternalError
from . import module
from .module import DEVICE_BIT, CompileError                  # noqa: F401: raised by SourceModule

_C_NAMES = {"i": "int", "I": "unsigned", "q": "long long", "Q": "unsigned long long", "f": "float", "d": "double", "b": "char",
            "B": "unsigned char",
            "h": "short", "H": "unsigned short", "?": "bool"}
_NUMPY_NAMES = {"i": "int32", "I": "uint32", "q": "int64", "Q": "uint64", "f": "float32", "d": "float64", "b": "int8", "B": "uint8",
                "h": "int16", "H": "uint16",
                "?": "bool_"}
_LAUNCH = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_BEGIN, _END = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int), ctypes.CFUNCTYPE(ctypes.c_char_p)


class LaunchError(InternalError):
    """A launch that was refused or did not end well, or what the checker has to say of it."""

    def __init__(self, message):
        super().__init__(None, None, message)

    def __reduce__(self):
        return LaunchError, (self.message,)


class Count(namedtuple("Count", "file line kind accesses transactions ideal threads source")):
    """Accesses to memory from one line of a kernel, of one kind; see Library.counts for the numbers.

    threads   of the launch
    source    the line's text
    """
    __slots__ = ()

    @property
    def per_thread(self):
        return self.accesses / self.threads

    @property
    def efficiency(self):
        """The fewest transactions that could do, as a part of those it took: 1 is best."""
        return self.ideal / self.transactions if self.transactions else 1.0


def count_table(counts):
    """The counts of a launch as a text, a line for each line of the source and kind of access."""
    rows = [("line", "kind", "a thread", "transactions", "ideal", "source")]
    rows += [(str(c.line), c.kind, f"{c.per_thread:.4g}", str(c.transactions), str(c.ideal), c.source.strip()) for c in counts]
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    align = [str.rjust, str.ljust, str.rjust, str.rjust, str.rjust]
    return "\n".join("  ".join([*(align[k](row[k], widths[k]) for k in range(5)), row[5]]) for row in rows)


class SourceModule:
    """The kernels of a text of CUDA C, compiled for the emulator.

    source    the text; or, as a Path or a str that ends in ".cu", a file
    check     launches are watched: races, accesses outside of arrays, reads of shared memory that nobody has written end in a LaunchError
    options   more flags for the compiler: ["-DTILE=32"]

    Raises CompileError with the compiler's text.
    """

    def __init__(self, source, check=False, options=()):
        is_file = isinstance(source, Path) or "\n" not in source and source.endswith(".cu")
        self.text, self.name = (Path(source).read_text(), Path(source).name) if is_file else (source, "kernel.cu")
        self.check, self._options = check, tuple(options)
        self._folders = ([Path(source).parent] if is_file else []) + [module.HERE.parent]
        self.library = self._build(check)

    def _build(self, check):
        return module.build_text(self.text, self.name, self._folders, check, self._options)

    def get_function(self, name):
        """The kernel of that name; KeyError, with the names there are."""
        self.library.entry(name)
        return Function(self, name)


class Function:
    """A kernel.

        f(a, b, np.int32(n), block=(256, 1, 1), grid=(4, 1), shared=0, order=0)

    Arguments are NumPy arrays where the kernel takes pointers (written in place), and NumPy scalars of the kernel's own types. `order`
    says in which order threads and blocks run: 0 forwards, 1 backwards, from 2 on any, each another; a right kernel gives the same
    results in all.

    Raises TypeError for arguments of other types than the kernel's; LaunchError.
    """

    def __init__(self, source_module, name):
        self.module, self.name = source_module, name

    def __call__(self, *args, block, grid=(1, 1, 1), shared=0, order=0):
        library = self.module.library
        launch, ranges = self._prepare(library, args, block, grid, shared, order)
        if not library.check:
            error, report = launch(), ""
        else:
            pairs = (ctypes.c_uint64 * (2 * len(ranges)))(*[n for pair in ranges for n in pair])
            _BEGIN(library.checker()[0])(pairs, len(ranges))
            error = launch()
            report = _END(library.checker()[1])().decode("utf-8", "replace")
        if report or error:
            raise LaunchError(report or error.decode("utf-8", "replace"))

    def count(self, *args, block, grid=(1, 1, 1), shared=0):
        """[Count] of a launch: how each line that touches memory does so.  The arrays stay as they are: the launch is made on copies."""
        library = self.module.library if self.module.check else self.module._build(True)
        copies = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
        launch, ranges = self._prepare(library, copies, block, grid, shared, 0)
        errors = []
        counts = library.counts(ranges, lambda: errors.append(launch()))
        if errors[0]:
            raise LaunchError(errors[0].decode("utf-8", "replace"))
        lines = {self.module.name: self.module.text.splitlines()}
        threads = math.prod(_three("block", block)) * math.prod(_three("grid", grid))
        return [Count(file, line, *numbers, threads, _line_of(lines, file, line, self.module._folders)) for file, line, *numbers in counts]

    def _prepare(self, library, args, block, grid, shared, order):
        """(a function that launches and returns NULL or an error, [(begin, bytes)] of the arrays)."""
        codes, pointees = library.kernels[self.name], library.pointees(self.name)
        if len(args) != len(codes):
            raise TypeError(f"{self.name} takes {len(codes)} arguments, and was given {len(args)}")
        held = [self._argument(k, *given) for k, given in enumerate(zip(codes, pointees, args))]
        params = (ctypes.c_void_p * max(1, len(held)))(*[ctypes.addressof(h) for h in held])
        geometry = (ctypes.c_uint * 7)(*_three("grid", grid), *_three("block", block), shared)
        entry = _LAUNCH(library.entry(self.name))
        arrays = {a.ctypes.data: a for a in args if isinstance(a, np.ndarray) and a.nbytes}

        def launch(keep=(held, args)):
            return entry(ctypes.addressof(geometry), order, 1, ctypes.addressof(params))
        return launch, [(begin | DEVICE_BIT, a.nbytes) for begin, a in arrays.items()]

    def _argument(self, k, code, pointee, value):
        """A ctypes object that holds the bytes of argument k."""
        where = f"argument {k + 1} of {self.name}"
        if code == "P":
            if value is None:
                return ctypes.c_uint64(0)
            if not isinstance(value, np.ndarray):
                raise TypeError(f"{where} is a pointer in the kernel: give a NumPy array, not {value!r}")
            if pointee in _C_NAMES and not _is(pointee, value.dtype):
                raise TypeError(f"{where} is {_C_NAMES[pointee]} * in the kernel, and the array is of {value.dtype}")
            if not value.flags.c_contiguous or not value.flags.writeable:
                raise TypeError(f"{where}: the array must lie in memory element after element, and be writable: a.copy() gives one")
            return ctypes.c_uint64(value.ctypes.data | DEVICE_BIT)
        if isinstance(value, ctypes.Structure) and code == f"S{ctypes.sizeof(value)}":
            return value
        if code not in _C_NAMES:
            raise TypeError(f"{where} is a structure of {code[1:]} bytes in the kernel: give a ctypes.Structure of as many, not {value!r}")
        if not isinstance(value, np.generic) or not _is(code, value.dtype):
            given = f"{value.dtype}" if isinstance(value, (np.generic, np.ndarray)) else repr(value)
            raise TypeError(f"{where} is {_C_NAMES[code]} in the kernel, and was given {given}: say np.{_NUMPY_NAMES[code]}(...)")
        return ctypes.create_string_buffer(value.tobytes(), value.itemsize)


def _is(code, dtype):
    """Whether a NumPy dtype is the C type of a code; a bool is a byte."""
    return np.dtype({"q": "int64", "Q": "uint64"}.get(code, code)) == dtype or code in "?B" and dtype in (np.bool_, np.uint8)


def _three(what, sizes):
    sizes = (sizes,) if isinstance(sizes, (int, np.integer)) else tuple(sizes)
    if not 1 <= len(sizes) <= 3 or any(int(n) != n or n < 0 for n in sizes):
        raise ValueError(f"{what} must be up to three numbers of at least 1, and was {sizes!r}")
    return tuple(int(n) for n in (*sizes, 1, 1)[:3])


def _line_of(lines, file, line, folders):
    if file not in lines:
        path = next((Path(f) / file for f in folders if (Path(f) / file).is_file()), None)
        lines[file] = path.read_text().splitlines() if path else []
    return lines[file][line - 1] if 0 < line <= len(lines[file]) else ""
