"""A .cu file as a library of this process.

    library = build("minitf/kernels/gpu/activations.cu")
    library.kernels["relu_f32"]          # ("P", "P", "i"): what it takes
    library.entry("relu_f32")            # the address of a C function that launches it
"""
import ctypes
import os
import threading
from pathlib import Path

from . import compiler
from .compiler import HERE, CompileError                      # noqa: F401: CompileError is part of build()
from .scan import Scan

DEVICE_BIT = 1 << 62          # of an address of the device: launching.h

# A library is loaded once in a process: key -> Library.  Who builds one holds its lock, so that threads build different ones at once and
# wait for each other's of the same; a thread waits as long as a compiler may run (TIME_LIMIT).  Nothing of it is kept over a fork.
_loaded, _locks = {}, {}


def _forked():
    global _is_forked
    _is_forked = True
    _locks.clear()                                            # another thread may have held one
    for library in _loaded.values():
        library.dll.emulated_most_cores(1)


_is_forked = False
os.register_at_fork(after_in_child=_forked)


def build(path, check=False):
    """The Library of a .cu file, compiled if the cache has none.

    check   compile it for the checker: slow, and tells races, bounds, reads of what nobody has written

    Raises CompileError, with the compiler's text; OSError where the file can not be read.
    """
    path = Path(path)
    return build_text(path.read_text(), path.name, [path.parent, HERE.parent], check)        # common.cuh is everybody's


def build_text(text, name="kernels.cu", folders=(), check=False, options=()):
    """The Library of a text, as of a file of that name; files that it includes are looked for in the folders.  options: more flags."""
    folders = [Path(f).resolve() for f in folders]
    key = compiler.key_of(text, name, check, folders, options)
    with _locks.setdefault(key, threading.Lock()):
        if key not in _loaded:
            path = compiler.cache_folder() / f"{Path(name).stem}-{key}.so"
            library = _load(path, name, text, check)
            if library is None:
                with compiler.alone(path):
                    if _load(path, name, text, check) is None:
                        compiler.write_whole(path, lambda temporary: compile_into(temporary, text, name, folders, check, options))
                library = Library(path, name, text, check)
            if _is_forked:
                library.dll.emulated_most_cores(1)
            _loaded[key] = library
        return _loaded[key]


def _load(path, name, text, check):
    """The Library that lies there, or None where nothing does, or something else."""
    try:
        return Library(path, name, text, check) if path.exists() else None
    except (OSError, AttributeError):
        return None


def compile_into(target, text, name, folders, check, options=(), run=None, look=None):
    """Compile a text, as build_text; the library lies in the file `target`, and is not loaded.

    run    what runs the compiler, in place of compiler.run
    look   called with the object file of a checked text before it is linked
    """
    run, flags = run or compiler.run, [*compiler.flags(check, folders, text), *options]
    text = f'#line 1 "{name}"\n{text}\n'
    scan = Scan(run([*flags, "-E", "-DCUDA_EMULATOR=1", "-x", "c++", "-"], text))
    lines = [f"EMULATED_{'WAITING' if check else how.upper()}({kernel})" for kernel, how in scan.kernels.items()]
    lines += [f"EMULATED_DYNAMIC({kind}, {array})" for kind, array in scan.dynamic]
    lines.append(f'EMULATED_LIBRARY("{" ".join(scan.kernels)}")')
    text += '#line 1 "emulator"\n' + "\n".join(lines) + "\n"
    source = ["-include", HERE / "cuda_emulator.h", "-x", "c++", "-"]
    if not check:
        run([*flags, "-shared", *source, "-o", target], text)
        return
    compiled = target.with_suffix(".o")
    try:
        run([*flags, "-c", *source, "-o", compiled], text)
        if look is not None:
            look(compiled)
        # The checker first: of inline functions that both have, it must not get those that call it.
        run(["-shared", _checker(), compiled, "-o", target])
    finally:
        compiled.unlink(missing_ok=True)


def _checker():
    """The compiled checker, which is the same for all files."""
    path = compiler.cache_folder() / f"checker-{compiler.key_of('', 'checker.cpp', True, ())}.o"
    if not path.exists():
        flags = [f for f in compiler.flags(True, ()) if f not in compiler.SANITIZE]
        compiler.write_whole(path, lambda temporary: compiler.run([*flags, "-O2", "-c", HERE / "checker.cpp", "-o", temporary]))
    return path


class Library:
    """A compiled .cu file.

    kernels      {name: codes of its arguments' types}: "P" pointer, "i" int, "I" unsigned, "q" long long, "Q" unsigned long long,
                 "f" float, "d" double, "b", "B", "h", "H" small integers, "?" bool, "S40" a structure of 40 bytes
    name, text   the file's name and text
    dll          the loaded library, for variables that a text defines with extern "C"
    """

    def __init__(self, path, name, text, check):
        self.path, self.name, self.text, self.check = path, name, text, check
        self.dll = ctypes.CDLL(str(path))
        self.kernels = {kernel: tuple(self._text(f"emulated_signature_{kernel}").split())
                        for kernel in self._text("emulated_kernels").split()}

    def _address(self, function):
        return ctypes.cast(self.dll[function], ctypes.c_void_p).value

    def _text(self, function):
        f = self.dll[function]
        f.restype = ctypes.c_char_p
        return f().decode()

    def pointees(self, kernel):
        """For each argument the code of what it points to, "-" if it is no pointer; "v" for void."""
        return tuple(self._text(f"emulated_pointees_{kernel}").split())

    def entry(self, kernel):
        """The address of `const char *launch(const unsigned geometry[7], int order, int threads, void **params)` of a kernel.

        geometry   grid x, y, z, block x, y, z, bytes of dynamic shared memory
        order      in which blocks and threads run: 0 forwards, 1 backwards, from 2 on any, each another
        threads    how many cores may run blocks
        params     where each argument's bytes lie; an address is one of the device: DEVICE_BIT is set in it, or it is 0

        It returns NULL, or what went wrong: a text that stands until the thread's next launch.  KeyError where there is no such kernel.
        """
        if kernel not in self.kernels:
            raise KeyError(f"{self.name} has no kernel {kernel!r}; it has {', '.join(self.kernels)}")
        return self._address(f"emulated_launch_{kernel}")

    def checker(self):
        """If it was built for the checker, the addresses of (check_begin, check_end):

        void check_begin(const uint64_t *ranges, int n)   watch from now on; ranges: begin and bytes of each array that launches may touch
        const char *check_end(void)                       what was found, "" if nothing; stands until the thread's next launch
        """
        return self._address("emulated_check_begin"), self._address("emulated_check_end")

    def counts(self, ranges, launch):
        """What launch() does to memory: [(file, line, kind, accesses, transactions, ideal)], for each line of the source and kind.

        ranges         [(begin, bytes)] of each array that it may touch, as addresses of the device
        kind           "global read", "global write", "global atomic", "shared read", "shared write", "shared atomic"
        accesses       by single threads
        transactions   of global memory, sectors of 32 bytes; of shared memory, turns of the busiest of the 32 banks
        ideal          the fewest that as many accesses of whole warps could take: if threads were side by side, and banks without conflicts

        ValueError unless the library was built with check=True.
        """
        if not self.check:
            raise ValueError(f"{self.name} was built without check=True: accesses are counted by the checker")
        numbers = (ctypes.c_uint64 * (2 * len(ranges)))(*[n for pair in ranges for n in pair])
        self.dll.emulated_check_begin(numbers, len(ranges))
        self.dll.emulated_count()
        try:
            launch()
        finally:
            self._text("emulated_check_end")
        total = {}
        for row in self._text("emulated_counts").splitlines():
            where, kind, *numbers = row.split("\t")
            file, _, line = where.split(" ")[0].rpartition(":")
            key = file, int(line) if line.isdigit() else 0, kind
            total[key] = [a + int(b) for a, b in zip(total.get(key, (0, 0, 0)), numbers)]
        return [(*key, *numbers) for key, numbers in sorted(total.items())]
