"""Kernels without one of their barriers: what a checker must not let pass."""
import re

_BARRIER = re.compile(r"//[^\n]*|/\*.*?\*/|__sync(?:threads|warp)\(\)", re.S)

# Written before a .cu file whose barriers have switches: which of them is out, and which have been come to.
SWITCHES = """extern "C" { int barrier_out = -1; unsigned char barriers_met[1 << 16]; }
__attribute__((no_sanitize("thread"), noinline)) inline bool barrier_is_out(int k) { barriers_met[k] = 1; return k == barrier_out; }
"""


def barriers(text):
    """[(begin, end)] of the barriers in a text."""
    return [m.span() for m in _BARRIER.finditer(text) if m[0].startswith("__sync")]


def without_barrier(source_text, k):
    """The text without its k-th barrier, all else at its place.

    >>> without_barrier("a(); __syncthreads(); b();", 0)
    'a(); ((void)0)      ; b();'
    """
    begin, end = barriers(source_text)[k]
    return source_text[:begin] + "((void)0)".ljust(end - begin) + source_text[end:]


def with_switches(source_text, first):
    """The text with a switch for each barrier, of the numbers from `first` on: one compilation serves for all mutants of a file."""
    for k, (begin, end) in reversed(list(enumerate(barriers(source_text), first))):
        source_text = f"{source_text[:begin]}(barrier_is_out({k}) ? (void)0 : {source_text[begin:end]}){source_text[end:]}"
    return source_text
