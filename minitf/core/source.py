"""Where in the user's program an op was made.

Capturing is done for every op, so it must be cheap: code objects and instruction offsets are kept, and line numbers and
source text are looked up only when somebody asks.
"""
import linecache
import os
import sys
import sysconfig

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
DEPTH = 8                     # user frames kept: enough to see a helper function and its callers
LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")}) + ("<frozen ",)


class Source:
    """The innermost frames of the user's program at one moment."""
    __slots__ = ("_frames",)

    def __init__(self, frames):
        self._frames = frames

    def __eq__(self, other):
        """Whether both are the same lines of the program, reached by the same calls."""
        return isinstance(other, Source) and self.frames == other.frames       # code objects of two files may be equal (Python 3.10)

    __hash__ = None

    @property
    def frames(self):
        """[(file, line, function)], innermost first."""
        return [(code.co_filename, _line_of(code, offset), code.co_name) for code, offset in self._frames]

    def __str__(self):
        """'train.py:12: y = tf.matmul(x, w)'; empty when nothing of the user's was on the stack."""
        return next((_shown(file, line) for file, line, _ in self.frames[:1]), "")

    def callers(self, most=2):
        """The lines from which that one was reached, innermost first: a helper function's own line tells little."""
        lines = []
        for file, line, _ in self.frames[1:1 + most]:
            if file.startswith(LIBRARIES):             # what runs the program: pytest, a notebook's kernel
                break
            lines.append(_shown(file, line))
        return lines


def capture():
    """The user's frames now: those of this package, innermost, are left out."""
    frame = sys._getframe(1)
    frames = []
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            frames.append((code, frame.f_lasti))
            if len(frames) == DEPTH:
                break
        frame = frame.f_back
    return Source(frames)


def user_level():
    """The stacklevel with which a warning given by the caller points to the user's line."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


def _shown(file, line):
    text = linecache.getline(file, line).strip()
    where = f"{shorten(file)}, line {line}" if _is_cell(file) else f"{shorten(file)}:{line}"
    return where + (f": {text}" if text else "")


def _is_cell(file):
    return os.path.basename(os.path.dirname(file)).startswith("ipykernel_")


def shorten(file):
    """The path relative to the working directory where that is shorter; what Jupyter makes up for a cell tells nobody anything."""
    if _is_cell(file):
        return "notebook cell"
    try:
        relative = os.path.relpath(file)
    except ValueError:
        return file
    return relative if len(relative) < len(file) else file


def _line_of(code, offset):
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno
