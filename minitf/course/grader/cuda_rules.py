"""What an exercise in CUDA C may say: arithmetic on arrays by threads, and no way around the sandbox.

The emulator makes machine code of it, which Python does not see.  So two things are looked at before it runs: the words of the text, and what
the compiled text calls.
"""
import functools
import re
import subprocess
import tempfile
from pathlib import Path

from ..cython_build import SECONDS
from .cython_rules import NotAllowed

INCLUDE = '#include "common.cuh"'
WORDS = {**dict.fromkeys(("asm", "__asm", "__asm__"), "is another language"),
         **dict.fromkeys(("memcpy", "memset", "memmove"), "moves memory behind the checker's back"),
         **dict.fromkeys(("__attribute__", "__attribute", "__declspec", "_Pragma"), "changes what the compiler does"),
         **dict.fromkeys(("thread_local", "__thread"), "makes shared memory of which nvcc knows nothing"),
         **dict.fromkeys(("namespace", "using", "operator", "new", "delete", "try", "catch", "throw", "virtual", "typeid", "decltype", "goto"),
                         "is not needed in a kernel")}
MATH = {n + s for s in ("", "f") for n in """sqrt cbrt exp exp2 exp10 expm1 log log2 log10 log1p pow fabs fmin fmax fmod remainder floor ceil trunc round rint
    nearbyint fma hypot copysign sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sincos erf erfc lgamma tgamma ldexp""".split()}
CALLS = MATH | {"memcpy", "memset", "memmove"}             # the compiler makes these three of loops and of structures
MOST_SHARED = 48 << 10                                      # bytes of shared memory that nvcc lets a kernel declare
_INSIDE = re.compile(r"__builtin|__atomic|__sync_|__tsan|__ubsan|UNSEEN$|_*emulat", re.I)      # of the compiler and of the emulator
_OURS = re.compile(r"_?(_tsan_|_ubsan_|emulated_|_ZN8emulator|_(u?div|u?mod)ti3$)")
_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\w+|\"(?:\\.|[^\"\\\n])*\"?|[^\w\s]", re.S)
_DIRECTIVE = re.compile(r'include "common\.cuh"|define [A-Za-z_]\w*(?!.*#).*|undef \w+|pragma (unroll( \w+)?|once)')


def checked(text):
    """The text itself; NotAllowed, with the line, if it says more than a kernel needs.

    >>> checked("#include <cstdlib>")
    Traceback (most recent call last):
    minitf.course.grader.cuda_rules.NotAllowed: line 1: "#include <cstdlib>" is not allowed; allowed are #include "common.cuh", ...
    """
    before = ""
    for number, token in _tokens(text):
        if token[0] == "#" or token in ("%", "<", ":") and re.search(r"%:|<%|<:", before + token):
            line = re.sub(r"\s+", " ", re.sub(r"//.*|/\*.*?\*/", "", text.splitlines()[number - 1])).strip()
            if not line.startswith("#") or not _DIRECTIVE.fullmatch(line[1:].strip()):
                raise NotAllowed(f'line {number}: "{line}" is not allowed; allowed are {INCLUDE}, #define NAME ..., #undef, #pragma unroll')
        elif token in WORDS or _INSIDE.match(token):
            raise NotAllowed(f"line {number}: '{token}' {WORDS.get(token, 'is of the inside of the compiler or the emulator')}, which an exercise may not")
        elif token == '"C"' and before == "extern" or token == '"common.cuh"':
            pass
        elif token[0] in "\"'\\" or not token.isascii():
            raise NotAllowed(f"line {number}: {token[:20]} has no place in a kernel: no strings, no characters, no backslashes")
        elif (before + token).endswith(("::", "[[")):
            raise NotAllowed(f"line {number}: '{(before + token)[-2:]}' is not needed in a kernel, and an exercise may not say it")
        elif before == "extern" and token not in ('"C"', "__shared__"):
            raise NotAllowed(f"line {number}: 'extern {token}' declares code from elsewhere, which an exercise may not; "
                             'allowed are extern "C" __global__ and extern __shared__')
        elif before == '"C"' and token != "__global__":
            raise NotAllowed(f'line {number}: extern "C" {token}: expected __global__, for a kernel')
        before = token
    return text


def _tokens(text):
    """(line, token) of all but comments."""
    number, at = 1, 0
    for found in _TOKEN.finditer(text):
        number, at = number + text.count("\n", at, found.start()), found.start()
        if not found[0].startswith(("//", "/*")):
            yield number, found[0]


def checked_calls(text, compiled):
    """NotAllowed if the compiled text (a file) calls anything but CUDA's own functions, or runs something when it is loaded.

    text   its source, in which the names must not be either that the emulator itself calls
    """
    usual, found = _usual(), _symbols(compiled)
    for kind, name in sorted(found - usual):
        if kind in "Uw" and name.removeprefix("_") not in CALLS and name not in CALLS and not _OURS.match(name):
            raise NotAllowed(f"it calls '{name}', which is no function of CUDA that an exercise may call")
        if "_GLOBAL__sub_I" in name:
            raise NotAllowed("a variable outside of functions begins with something that must be computed: nothing may run before a kernel does")
    shared = _shared_bytes(compiled)
    if shared > MOST_SHARED:
        raise NotAllowed(f"its __shared__ arrays take {shared} bytes; a block has {MOST_SHARED}")
    theirs = {name.lstrip("_") for kind, name in usual if kind in "Uw"} - CALLS
    for number, token in _tokens(text):
        if token in theirs:
            raise NotAllowed(f"line {number}: '{token}' is no function of CUDA that an exercise may call")


def _shared_bytes(compiled):
    """The bytes of a text's __shared__ arrays, but for one whose size the launch gives: the emulator makes it as large as may be."""
    rows = [[field.strip() for field in line.split("|")] for line in _nm("-f", "sysv", compiled).splitlines()]
    sizes = [int(row[4], 16) for row in rows if len(row) > 5 and row[3] == "TLS" and not re.search("N8emulator|^__tls", row[0])]
    return sum(size for size in sizes if size != MOST_SHARED)


@functools.cache
def _usual():
    """The symbols of a kernel that does nothing."""
    from ..cuda_build import compile_text
    with tempfile.TemporaryDirectory() as folder:
        found = set()
        compile_text("__global__ void nothing(int *x) { __syncthreads(); }\n", "nothing.cu", Path(folder) / "nothing.so",
                     lambda o: found.update(_symbols(o)))
    return found


def _symbols(path):
    """{(kind, name)} of a compiled file: kinds as nm tells them, U for what it wants from elsewhere."""
    return {tuple(line.split()[-2:]) for line in _nm(path).splitlines()}


def _nm(*arguments):
    try:
        return subprocess.run(["nm", *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    except FileNotFoundError:
        raise NotAllowed("there is no program nm here, by which the compiled file is looked at (binutils; on macOS, xcode-select --install)") from None
