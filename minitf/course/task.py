"""Task: what one exercise asks for, and the properties that earn its points.

    task = Task("Where broadcasting repeats", function="stretched_axes", replaces="minitf.autodiff.broadcasting.stretched_axes",
                hints=["Which axes does a [3, 1] repeat beside a [3, 4]?", ...], why="One paragraph, shown after a pass.")

    def axes_of(mine, own, other):                       # a driver: runs in the submission's process
        return mine.stretched_axes(own, other)

    @task.check(2, "an axis of size 1 beside a larger one is repeated")
    def ones(run, random):                               # a check: runs in the grader's process
        own, other = ...random...
        equal(run(axes_of, own, other), the_answer_of_an_independent_oracle, "the axes")

The two processes share nothing but plain data, so nothing that a submission does to its own process can change what is expected of it.
A driver is sent as its source: it may use `np`, `tf` and `mine` (the reader's module), imports of its own, and nothing else of its file.
What it is given and what it returns is None, bool, int, float, str, bytes, a NumPy array, or lists, tuples and dicts of these.

random is a numpy.random.Generator of the grader's seed, the task and the check: no two draws need the same name.
"""
import inspect
import textwrap

import numpy as np


class PropertyBroken(Exception):
    """A check found that what it asks for does not hold.  The text tells the reader where to look, not the answer."""


class Check:
    def __init__(self, points, name, function, hint):
        self.points, self.name, self.function, self.hint = points, name, function, hint


class Task:
    """title      a line
    function   the name that the reader's file must define
    replaces   the function of the package that it stands for, "minitf.module.function", which is marked with @swappable;
               or a kernel, "kernel Softmax T=float64", called as function(attrs, *arrays); or CUDA functions of a file,
               "cuda softmax.cu softmax_lanes_f32,softmax_block_f32 takes=4", launched with the first 4 arguments; None if it replaces nothing
    hints      from a nudge to nearly there, shown one by one
    why        what is worth knowing once it works
    suffix     of the reader's file: ".py", ".pyx" for Cython or ".cu" for CUDA C
    seconds    of processor time for all checks together
    lends      private helpers of the replaced function's module that the reader's file may import; the others are gone with it
    """

    def __init__(self, title, function, hints, why, replaces=None, suffix=".py", seconds=10, lends=()):
        self.title, self.function, self.replaces, self.suffix, self.seconds = title, function, replaces, suffix, seconds
        self.lends = list(lends)
        self.hints, self.why = [_flat(h) for h in hints], _flat(why)
        self.checks = []
        self.chapter = self.name = None                  # given by minitf.course.outline, from where the file lies

    @property
    def points(self):
        return sum(c.points for c in self.checks)

    @property
    def file(self):
        """Where the reader's file lies in exercises/, and ours in solutions/: "03_autodiff/gather.py"."""
        return f"{self.chapter}/{self.name}{self.suffix}"

    def check(self, points, name, hint=None):
        """Decorate function(run, random), worth that many points.

        name: the property in words, as the table will show it; hint: where to look when it is broken (None: the task's hints must do).
        """
        def decorate(function):
            self.checks.append(Check(points, name, function, hint and _flat(hint)))
            return function
        return decorate


def _flat(text):
    return " ".join(textwrap.dedent(text).split())


def source_of(driver):
    """The text of a driver, which the submission's process will run."""
    return textwrap.dedent(inspect.getsource(driver))


# ---- what checks are made of ----------------------------------------------------------------------------------------------

def expect(condition, message):
    """PropertyBroken(message) unless the condition holds."""
    if not condition:
        raise PropertyBroken(message)


def equal(got, wanted, what):
    """Exactly equal: numbers, strings, lists of them, or arrays (shape and dtype kind too).  The message does not tell `wanted`."""
    if isinstance(wanted, np.ndarray):
        _same_form(got, wanted, what)
        wrong = np.asarray(got) != wanted
        expect(not wrong.any(), f"{what}: {int(wrong.sum())} of {wanted.size} elements are not what they should be")
    else:
        expect(_plain(got) == _plain(wanted), f"{what}: {_short(got)} is not right")


def close(got, wanted, what, rtol=1e-6, atol=1e-8):
    """Arrays of the same shape, equal within atol + rtol * |wanted|; NaN and infinity must stand where they should."""
    wanted = np.asarray(wanted)
    _same_form(got, wanted, what)
    got = np.asarray(got)
    right = np.isclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True)
    if right.all():
        return
    where = tuple(int(i) for i in np.argwhere(~right)[0])
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(np.float64) - wanted)[~right]
    worst = f"off by up to {np.nanmax(error):.2g}" if np.isfinite(error).any() else "not finite where it should be, or the other way round"
    raise PropertyBroken(f"{what}: {int((~right).sum())} of {wanted.size} elements are wrong, {worst}; the first at index {list(where)}")


def _same_form(got, wanted, what):
    expect(isinstance(got, (np.ndarray, np.generic, float, int, list)), f"{what}: expected numbers, got {_short(got)}")
    shape = np.shape(got)
    expect(shape == wanted.shape, f"{what}: the shape is {list(shape)}, it should be {list(wanted.shape)}")


def _plain(value):
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value.item() if isinstance(value, np.generic) else value.tolist() if isinstance(value, np.ndarray) else value


def _short(value):
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
