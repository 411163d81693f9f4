"""Swap-in: which functions of the package a reader's own may replace.

    @swappable
    def needed(roots, fed, done=()): ...

With MINITF_SWAP=exercises/02_graph in the environment, calls of such a function go to the reader's function of that name, once
the reader has written it; minitf.course.swap finds it and counts the calls.  Without it nothing changes: the decorator returns the very function.
"""
import os

ACTIVE = "MINITF_SWAP" in os.environ
_current = {}                 # "minitf.session.prune.needed" -> the function that is called


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


def current(name):
    """The function that is called under that name now."""
    return _current[name]
