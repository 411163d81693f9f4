"""Swap-in: which functions of the package a reader's own may replace.

    @swappable
    def needed(roots, fed, done=()): ...

With MINITF_SWAP=exercises/02_graph in the environment, calls of such a function go to the reader's function of that name, once
the reader has written it; minitf.course.swap finds it and counts the calls.  Without it nothing changes: the decorator returns the very function.

CUDA functions need no mark: a launch of one that `cuda` names is made a launch of the reader's (kernels/gpu/call.py).
"""
import ctypes
import os
from collections import namedtuple

ACTIVE = "MINITF_SWAP" in os.environ
_current = {}                 # "minitf.session.prune.needed" -> the function that is called
cuda = {}                     # ("softmax.cu", "softmax_block_f32") -> the Kernel that is launched

Kernel = namedtuple("Kernel", "path function takes launches")
Kernel.__doc__ = """A reader's CUDA function: its file, its name, how many of the arguments it takes (None: all), and a ctypes.c_uint64 that counts its launches."""


def swappable(function):
    """Decorate a function of the package that an exercise asks for."""
    if not ACTIVE:
        return function
    name = f"{function.__module__}.{function.__qualname__}"
    _current[name] = function

    def chosen(*args, **kwargs):
        return _current[name](*args, **kwargs)
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):      # no __wrapped__: once replaced, the original is gone
        setattr(chosen, attribute, getattr(function, attribute))
    return chosen


def replace(name, function):
    """Let calls of the package's function of that full name go to another; ValueError if it is not one that may be replaced."""
    if name not in _current:
        raise ValueError(f"{name} can not be replaced: it is not marked with @swappable, or MINITF_SWAP was not set when minitf was imported")
    _current[name] = function


def replace_cuda(file, functions, path, function, takes=None):
    """Let launches of the package's CUDA functions of a file go to one of another file; returns the counter of its launches."""
    launches = ctypes.c_uint64()
    cuda.update({(file, name): Kernel(path, function, takes, launches) for name in functions})
    return launches


def current(name):
    """The function that is called under that name now."""
    return _current[name]
