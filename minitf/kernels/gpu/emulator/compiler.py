"""The C++ compiler: which one, with which flags, and the cache of what it has made.

A library's name in the cache is a hash of all that it depends on: the text, its headers, the emulator's own files, the compiler, the
flags, the processor.  Nothing is ever changed in place: a library is written under a name of its own and then renamed, so a reader sees a
whole one or none.  Of several processes that want the same library one compiles it; the others wait, for no longer than its compiler may
run.
"""
import contextlib
import fcntl
import functools
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ....core.errors import InvalidArgumentError

HERE = Path(__file__).parent
TIME_LIMIT = 300              # seconds of one compiler run

LANGUAGE = ["-std=c++17", "-fPIC", "-Wno-unknown-pragmas", "-Wno-psabi"]
FAST = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-fno-semantic-interposition"]
SANITIZE = ["-fsanitize=thread", "-fsanitize=bounds"]         # the calls of both are checker.cpp's
CHECKED = ["-O1", "-fno-tree-sra", "-g", "-fno-threadsafe-statics", "-DCUDA_EMULATOR_CHECK", *SANITIZE]
NATIVE = ["-mcpu=native"] if sys.platform == "darwin" else ["-march=native", "-fopenmp"]     # Apple's compiler has no OpenMP: one core
# Without the first, templates' static shared arrays are one object in all libraries of the process; the second spares each access to an
# `extern __shared__` array a call.  Other compilers do neither.
GCC_ONLY = ["-fno-gnu-unique", "-fno-extern-tls-init"]
# A text that says `#pragma STDC FP_CONTRACT OFF`: a product and a sum are two roundings.  g++ does not know the pragma.
_SAYS_APART = re.compile(r"^#pragma STDC FP_CONTRACT OFF$", re.M)
APART = ["-ffp-contract=off", "-DEMULATED_APART"]


class CompileError(InvalidArgumentError):
    """A .cu file that does not compile, or no compiler to do it.  The message is the compiler's, with the file's own lines."""

    def __init__(self, message):
        super().__init__(None, None, message)

    def __reduce__(self):
        return CompileError, (self.message,)


@functools.lru_cache(None)
def compiler():
    """(path, what it says of its version) of the C++ compiler: $CXX, g++, clang++ or c++."""
    asked = os.environ.get("CXX")
    for name in [asked] if asked else ["g++", "clang++", "c++"]:
        path = shutil.which(name)
        if path:
            return path, subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60).stdout
    raise CompileError((f"$CXX is {asked!r}, and there is no such program. " if asked else "There is no C++ compiler (g++ or clang++). ")
                       + "GPU kernels run on this machine's CPU through one. Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++; "
                         "macOS: xcode-select --install. $CXX names another.")


def cache_folder():
    """$MINITF_CACHE, or ~/.cache/minitf/emulator; made if missing."""
    folder = Path(os.environ.get("MINITF_CACHE") or Path.home() / ".cache" / "minitf" / "emulator")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def headers_of(text, folders):
    """{name as written: text} of the files that a text includes in quotes, and that those include, as far as they are found."""
    found, waiting = {}, [text]
    while waiting:
        for name in re.findall(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', waiting.pop(), re.M):
            path = next((f / name for f in folders if (f / name).is_file()), None)
            if path is not None and name not in found:
                found[name] = path.read_text()
                waiting.append(found[name])
    return found


def flags(check, folders, text=""):
    """All flags of a build of a text, but for files."""
    language = LANGUAGE + ([] if "clang" in compiler()[1] else GCC_ONLY) + (APART if _SAYS_APART.search(text) else [])
    if not check:
        language += FAST + NATIVE
    return [*language, *(CHECKED if check else []), *(f"-I{f}" for f in folders), *(f"-ffile-prefix-map={f}/=" for f in folders),
            f"-ffile-prefix-map={HERE}/=<emulator>/"]


@functools.lru_cache(None)
def _machine():
    """What NATIVE depends on: a cache may be shared by machines."""
    try:
        found = re.search(r"^(flags|Features)\s*:.*$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return platform.machine() + (found[0] if found else platform.processor())


@functools.lru_cache(None)
def _own_files(check):
    """The emulator's files that a library is made of."""
    checker = {"checker.cpp", "counts.h", "lines.h", "shadow.h"}
    files = [p for p in HERE.iterdir() if p.suffix in (".h", ".cpp") and (check or p.name not in checker)]
    return "\0".join(f"{p.name}\0{p.read_text()}" for p in sorted([*files, HERE / "module.py", HERE / "scan.py"]))


def key_of(text, name, check, folders, options=()):
    """The hash under which a library lies in the cache."""
    parts = [name, text, *(f"{n}\0{t}" for n, t in sorted(headers_of(text, folders).items())), _own_files(check), *compiler(), _machine(),
             *options, *[f for f in flags(check, (), text) if not f.startswith("-ffile-prefix-map")]]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def run(arguments, text=None):
    """Run the compiler; its output, or CompileError."""
    command = [compiler()[0], *map(str, arguments)]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise CompileError(f"The compiler did not end within {TIME_LIMIT} s: {shlex.join(command)}") from None
    if done.returncode:
        raise CompileError(done.stderr.strip() or f"the compiler ended with status {done.returncode}: {shlex.join(command)}")
    return done.stdout


@contextlib.contextmanager
def alone(path):
    """Let one process at a time make a file.  The lock goes with the process that holds it, and nothing is wrong without it."""
    lock = path.with_suffix(".lock")
    with open(lock, "w") as held:
        with contextlib.suppress(OSError):                    # a file system without locks
            fcntl.flock(held, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            with contextlib.suppress(OSError):                # said aloud, since a forked child may have the open file too
                fcntl.flock(held, fcntl.LOCK_UN)


def write_whole(path, make):
    """Let make(temporary path) write a file, and give it its name when it is whole."""
    handle, temporary = tempfile.mkstemp(prefix=path.stem + ".", suffix=".tmp", dir=path.parent)
    os.close(handle)
    try:
        make(Path(temporary))
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
