"""What the emulator must know of a .cu file before it compiles it: its kernels, how each can be run, its dynamic shared arrays.

The text comes from the preprocessor, so macros that make kernels are expanded and included files are part of it.  No grammar of C++ is
needed: functions are found by the words __global__ and __device__, their bodies by counting braces, and calls by name.
"""
import re

WAITS = re.compile(r"__syncthreads\w*|__syncwarp|__shfl_\w+|__ballot_sync|__any_sync|__all_sync")
_NUMBERS = re.compile(r"threadIdx|blockIdx|blockDim|gridDim")
_FUNCTION = re.compile(r"\b(__global__|__device__)\b[^;{}()=]*?\b(\w+)\s*\(")
_DYNAMIC = re.compile(r"\bextern\s+__shared__\s+(?:(?:__align__|alignas)\s*\(\s*\w+\s*\)\s*)?([\w:\s]*?)\s*\b(\w+)\s*\[\s*\]")
_COMMENT_OR_STRING = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S)
_MARKER = re.compile(r'# \d+ "(?:\\.|[^"\\])*"((?: \d)*)')


class Scan:
    """kernels: {name: how it is run}; dynamic: [(type, name)] of the `extern __shared__` arrays.

    "waiting"    its threads may wait for each other: they are fibers
    "plain"      they never do: a loop over the threads of a block
    "sweeping"   it is one FOR_EACH and nothing else, so it does not matter which thread has which element: a loop over elements

    >>> scan = Scan('__device__ void meet() { __syncthreads(); } extern "C" __global__ void k(int *p) { meet(); }')
    >>> scan.kernels
    {'k': 'waiting'}
    """

    def __init__(self, preprocessed):
        text = _without_comments(_own_lines(preprocessed))
        text = re.sub(r"__launch_bounds__\s*\([^)]*\)", " ", text)
        functions, kernels = {}, []                           # name: its bodies, one for each overload
        for kind, name, body in _functions(text):
            functions.setdefault(name, []).append(body)
            if kind == "__global__" and name not in kernels:
                kernels.append(name)
        waiting, numbered = _reaching(functions, WAITS), _reaching(functions, _NUMBERS)
        self.kernels = {name: "waiting" if name in waiting else "sweeping" if name not in numbered and _sweeps(name, functions) else "plain"
                        for name in kernels}
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


def _reaching(functions, words):
    """Names of the functions that use one of some words, themselves or in a function that they call."""
    used = {name: set(re.findall(r"\w+", " ".join(bodies))) for name, bodies in functions.items()}
    found = {name for name in functions if any(map(words.fullmatch, used[name]))}
    while True:
        more = {name for name in functions if name not in found and used[name] & found}
        if not more:
            return found
        found |= more


def _sweeps(name, functions):
    """Whether a function is one FOR_EACH: constants, the loop, and nothing behind it; or a call of such a function and no more."""
    return name in functions and all(_is_sweep(body[1:-1].strip(), functions) for body in functions[name])


def _is_sweep(body, functions):
    call = re.fullmatch(r"(\w+)\s*(?:<[^;(){}]*>)?\s*\([^;{}]*\)\s*;", body)
    if call and call[1] != "EMULATED_FOR_EACH":
        return _sweeps(call[1], functions)
    before, loop, _ = body.partition("EMULATED_FOR_EACH")
    if not loop or not re.fullmatch(r"\s*((const|constexpr|using|typedef|static_assert)\b[^;{}]*;\s*)*", before):
        return False
    # A thread that left the loop would leave out what it still has.
    if re.search(r"\b(return|break|goto|EMULATED_FOR_EACH)\b", body[len(before) + len(loop):]):
        return False
    return _one_statement(body[_behind(body, len(before) + len(loop), "(", ")"):].strip())


def _one_statement(text):
    while re.match(r"(if|for|while)\b|#pragma", text):
        text = text[text.index("\n"):].strip() if text[0] == "#" else text[_behind(text, text.index("("), "(", ")"):].strip()
    if text.startswith("{"):
        return _behind(text, 0, "{", "}") == len(text)
    return text.count(";") == 1 and text.endswith(";") and "{" not in text
