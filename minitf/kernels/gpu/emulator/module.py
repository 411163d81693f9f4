"""A .cu file as a library of this process.

    library = build("minitf/kernels/gpu/activations.cu")
    library.kernels["relu_f32"]          # ("P", "P", "i"): what it takes
    library.entry("relu_f32")            # the address of a C function that launches it
"""
import ctypes
import threading
from pathlib import Path

from . import compiler
from .compiler import HERE, CompileError                      # noqa: F401: CompileError is part of build()
from .scan import Scan

DEVICE_BIT = 1 << 62          # of an address of the device: launching.h

_loaded, _lock = {}, threading.Lock()                         # key -> Library: a library is loaded once in a process


def build(path, check=False):
    """The Library of a .cu file, compiled if the cache has none.

    check   compile it for the checker: slow, and tells races, bounds, reads of what nobody has written

    Raises CompileError, with the compiler's text; OSError where the file can not be read.
    """
    path = Path(path)
    return build_text(path.read_text(), path.name, [path.parent, HERE.parent], check)        # common.cuh is everybody's


def build_text(text, name="kernels.cu", folders=(), check=False):
    """The Library of a text, as of a file of that name; files that it includes are looked for in the folders."""
    folders = [Path(f).resolve() for f in folders]
    key = compiler.key_of(text, name, check, folders)
    with _lock:
        if key not in _loaded:
            path = compiler.cache_folder() / f"{Path(name).stem}-{key}.so"
            library = _load(path, name, text, check)
            if library is None:
                compiler.write_whole(path, lambda temporary: _compile(text, name, folders, check, temporary))
                library = Library(path, name, text, check)
            _loaded[key] = library
        return _loaded[key]


def _load(path, name, text, check):
    """The Library that lies there, or None where nothing does, or something else."""
    try:
        return Library(path, name, text, check) if path.exists() else None
    except (OSError, AttributeError):
        return None


def _compile(text, name, folders, check, target):
    flags = compiler.flags(check, folders)
    text = f'#line 1 "{name}"\n{text}\n'
    scan = Scan(compiler.run([*flags, "-E", "-DCUDA_EMULATOR=1", "-x", "c++", "-"], text))
    lines = [f"EMULATED_KERNEL({kernel}, {'true' if waits or check else 'false'})" for kernel, waits in scan.kernels.items()]
    lines += [f"EMULATED_DYNAMIC({kind}, {array})" for kind, array in scan.dynamic]
    lines.append(f'extern "C" const char *emulated_kernels() {{ return "{" ".join(scan.kernels)}"; }}')
    text += '#line 1 "emulator"\n' + "\n".join(lines) + "\n"
    source = ["-include", HERE / "cuda_emulator.h", "-x", "c++", "-"]
    if not check:
        compiler.run([*flags, "-shared", *source, "-o", target], text)
        return
    compiled = target.with_suffix(".o")
    try:
        compiler.run([*flags, "-c", *source, "-o", compiled], text)
        # The checker first: of inline functions that both have, it must not get those that call it.
        compiler.run(["-shared", _checker(), compiled, "-o", target])
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

    kernels      {name: codes of its arguments' types}: "P" pointer, "i" int, "I" unsigned, "q" long long, "Q" unsigned long long, "f" float,
                 "d" double, "b", "B", "h", "H" small integers, "?" bool, "S40" a structure of 40 bytes
    name, text   the file's name and text
    """

    def __init__(self, path, name, text, check):
        self.path, self.name, self.text, self.check = path, name, text, check
        self._dll = ctypes.CDLL(str(path))
        self.kernels = {kernel: tuple(self._text(f"emulated_signature_{kernel}").split()) for kernel in self._text("emulated_kernels").split()}

    def _text(self, function):
        f = self._dll[function]
        f.restype = ctypes.c_char_p
        return f().decode()

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
        return ctypes.cast(self._dll[f"emulated_launch_{kernel}"], ctypes.c_void_p).value

    def check_begin(self, ranges, n):
        """Let the checker watch from now on.

        ranges   a ctypes array of n pairs of uint64: begin and bytes of what launches may touch, as addresses of the device
        """
        self._dll.emulated_check_begin(ranges, n)

    def check_end(self):
        """What the checker has found since check_begin; "" if nothing."""
        return self._text("emulated_check_end")
