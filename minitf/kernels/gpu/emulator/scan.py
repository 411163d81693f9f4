"""What the emulator must know of a .cu file before it compiles it: its kernels, which of them wait, its dynamic shared arrays.

The text comes from the preprocessor, so macros that make kernels are expanded and included files are part of it.  No grammar of C++ is
needed: functions are found by the words __global__ and __device__, their bodies by counting braces, and calls by name.
"""
import re

WAITS = re.compile(r"\b(?:__syncthreads\w*|__syncwarp|__shfl_\w+|__ballot_sync|__any_sync|__all_sync)\b")
_FUNCTION = re.compile(r"\b(__global__|__device__)\b[^;{}()=]*?\b(\w+)\s*\(")
_DYNAMIC = re.compile(r"\bextern\s+__shared__\s+(?:(?:__align__|alignas)\s*\(\s*\w+\s*\)\s*)?([\w:\s]*?)\s*\b(\w+)\s*\[\s*\]")
_COMMENT_OR_STRING = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S)
_MARKER = re.compile(r'# \d+ "(?:\\.|[^"\\])*"((?: \d)*)')


class Scan:
    """kernels: {name: whether its threads may wait for each other}; dynamic: [(type, name)] of the `extern __shared__` arrays.

    >>> scan = Scan('__device__ void meet() { __syncthreads(); } extern "C" __global__ void k(int *p) { meet(); }')
    >>> scan.kernels
    {'k': True}
    """

    def __init__(self, preprocessed):
        text = _without_comments(_own_lines(preprocessed))
        text = re.sub(r"__launch_bounds__\s*\([^)]*\)", " ", text)
        functions, kernels = {}, []                           # a name's body, of all its overloads
        for kind, name, body in _functions(text):
            functions[name] = functions.get(name, "") + body
            if kind == "__global__" and name not in kernels:
                kernels.append(name)
        waiting = _waiting(functions)
        self.kernels = {name: name in waiting for name in kernels}
        self.dynamic = sorted({(" ".join(t.split()), name) for t, name in _DYNAMIC.findall(text)})


def _own_lines(preprocessed):
    """The lines that do not come from headers of the system."""
    kept, system = [], False
    for line in preprocessed.split("\n"):
        marker = _MARKER.match(line)
        if marker:
            system = "3" in marker[1].split()
        elif not system:
            kept.append(line)
    return "\n".join(kept)


def _without_comments(text):
    return _COMMENT_OR_STRING.sub(lambda m: " " if m[0][0] == "/" else m[0][0] * 2, text)


def _functions(text):
    """(kind, name, body) of each function that has one."""
    for found in _FUNCTION.finditer(text):
        behind = _behind(text, found.end() - 1, "(", ")")
        opened = re.match(r"[\s\w]*\{", text[behind:behind + 200])
        if opened:                                            # else a declaration, or a variable
            begin = behind + opened.end() - 1
            yield found[1], found[2], text[begin:_behind(text, begin, "{", "}")]


def _behind(text, begin, opening, closing):
    """The position behind the bracket that closes the one at `begin`."""
    depth = 0
    for bracket in re.compile(f"[{re.escape(opening + closing)}]").finditer(text, begin):
        depth += 1 if bracket[0] == opening else -1
        if depth == 0:
            return bracket.end()
    return len(text)


def _waiting(functions):
    """Names of the functions in which a thread may wait, itself or in a function that it calls."""
    words = {name: set(re.findall(r"\w+", body)) for name, body in functions.items()}
    waiting = {name for name, body in functions.items() if WAITS.search(body)}
    while True:
        more = {name for name in functions if name not in waiting and words[name] & waiting}
        if not more:
            return waiting
        waiting |= more
