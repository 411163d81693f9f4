"""show_source: a function or class of the package in a notebook, as it is installed, with where it stands."""
import difflib
import functools
import inspect
import re
import textwrap
import tokenize
from pathlib import Path

import minitf

_ROOT = Path(minitf.__file__).resolve().parent.parent
_C_FILES = (".cu", ".cuh", ".h")
_DEFINITION = re.compile(r"(?:cdef|cpdef|ctypedef|def|class|async def)\b[^=]*?\b(\w+)\s*[(:]")


def show_source(*things):
    """Prints the source of functions, methods and classes of the package: file and line first, then the numbered lines.

    show_source(minitf.session.prune.needed, minitf.graph.operation.Tensor)
    show_source("minitf/kernels/cpu/nn.pyx", "Softmax", "largest")        names in a file, which may be Cython's
    show_source("minitf/kernels/gpu/common.cuh", "over_block")            names in a file of CUDA C
    show_source("minitf/session/schedule.py")                             a whole file

    TypeError for what has no source of its own; FileNotFoundError or ValueError for a file or a name that is not there.
    """
    if things and isinstance(things[0], str):
        pieces = _pieces_of_file(things[0], things[1:])
    else:
        pieces = [_piece_of(thing) for thing in things]
    print("\n\n".join(_numbered(*piece) for piece in pieces))


def _numbered(path, first, lines):
    """The text of one piece: where it stands, and its lines with their numbers, without the indentation that they have in common."""
    lines = textwrap.dedent("".join(lines)).rstrip("\n").split("\n")
    width = len(str(first + len(lines) - 1))
    return "\n".join([f"{path}, line {first}", ""] + [f"{first + i:>{width}}  {line}".rstrip() for i, line in enumerate(lines)])


def _piece_of(thing):
    """(path, number of the first line, lines) of a function, method or class, behind what decorates it."""
    original = thing
    if isinstance(thing, property):
        thing = thing.fget
    if isinstance(thing, (staticmethod, classmethod)):
        thing = thing.__func__
    if isinstance(thing, functools.partial):
        thing = thing.func
    try:
        thing = inspect.unwrap(thing)
        path = inspect.getsourcefile(thing)
        lines, first = inspect.getsourcelines(thing)
    except (TypeError, OSError):
        return _piece_of_compiled(original, inspect.unwrap(original) if callable(original) else original)
    return _shown(Path(path)), max(first, 1), lines


def _piece_of_compiled(original, thing):
    """The same for a function or class that Cython compiled: it is looked up in its module's .pyx file."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__name__", None)
    if isinstance(module, str) and name:
        path = _ROOT.joinpath(*module.split(".")).with_suffix(".pyx")
        if path.is_file():
            return _pieces_of_file(str(path.relative_to(_ROOT)), [name])[0]
    raise TypeError(f"There is no source of {getattr(original, '__qualname__', None) or repr(original)}: "
                    "show_source takes functions, methods and classes, or the path of a file of the package and names in it")


def _shown(path):
    """The path as it is printed: from the package's own folder on, or the bare name of another file."""
    try:
        return path.resolve().relative_to(_ROOT).as_posix()
    except ValueError:
        return path.name


def _pieces_of_file(path, names):
    file = _ROOT / path
    if not file.is_file():
        near = sorted(p.relative_to(_ROOT).as_posix() for p in (_ROOT / "minitf").rglob("*") if p.suffix in (".py", ".pyx", ".pxd", *_C_FILES))
        near = difflib.get_close_matches(path, near, 3)
        raise FileNotFoundError(f"The package has no file {path}." + (f" The nearest are {', '.join(near)}." if near else ""))
    with tokenize.open(file) as f:
        lines = f.readlines()
    if not names:
        return [(path, 1, lines)]
    find = _c_definition if file.suffix in _C_FILES else _definition
    return [(path, *find(path, lines, name)) for name in names]


def _definition(path, lines, name):
    """(number of the first line, lines) of a function or class by name, "Class.method" too, found by its indentation: so in Cython as well."""
    begin, first, last, known = 0, 0, len(lines), []
    for part in name.split("."):
        for i in range(first, last):
            match = _DEFINITION.match(lines[i].lstrip())
            if match and match[1] == part:
                begin, first, last = i, i + 1, min(_end(lines, i), last)
                break
            known += [match[1]] if match else []
        else:
            near = difflib.get_close_matches(part, known, 3)
            raise ValueError(f"{path} defines no {name}." + (f" The nearest are {', '.join(near)}." if near else ""))
    while begin and lines[begin - 1].lstrip().startswith("@"):
        begin -= 1
    return begin + 1, lines[begin:last]


def _c_definition(path, lines, name):
    """The same in CUDA C: a function or struct that begins at the left margin, with the comment above it, up to a brace at the margin."""
    known = {}
    for i, line in enumerate(lines):
        match = re.match(r"(?!typedef)[A-Za-z_].*?\b(\w+)(?=\(.*\{$| \{)", line)
        if match:
            known.setdefault(match[1], i)
    if name not in known:
        near = difflib.get_close_matches(name, known, 3)
        raise ValueError(f"{path} defines no {name}." + (f" The nearest are {', '.join(near)}." if near else ""))
    begin = last = known[name]
    while begin and lines[begin - 1].startswith("//"):
        begin -= 1
    if not lines[last].rstrip().endswith(("}", "};")):
        last = next(k for k in range(last + 1, len(lines)) if lines[k].startswith("}"))
    return begin + 1, lines[begin:last + 1]


def _end(lines, start):
    """The number of lines up to the end of the definition that begins at `start`: what is indented deeper, and the signature's own lines."""
    indent = len(lines[start]) - len(lines[start].lstrip())
    depth, i = 0, start
    while True:                                         # over the signature
        text = lines[i].split("#")[0]
        depth += sum(text.count(c) for c in "([{") - sum(text.count(c) for c in ")]}")
        i += 1
        if depth <= 0 or i == len(lines):
            break
    end = i
    while i < len(lines):
        text = lines[i]
        if text.strip():
            if len(text) - len(text.lstrip()) <= indent:
                break
            end = i + 1
        i += 1
    return end
