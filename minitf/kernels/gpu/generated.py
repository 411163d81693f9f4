"""CUDA functions whose text is made when a plan is, and how few compilations they need.

A compiler takes about a second for a file, however little is in it, so functions are collected.  What describing functions make is pending
until somebody asks for the file of one (os.fspath): then all that is pending goes into one file.  Whoever describes a whole plan before it
compiles gets one file for the plan.  A function is put in a file once: the folder remembers, for later plans and processes, in which.
"""
import hashlib
import os
import tempfile
import threading
from pathlib import Path

from .emulator.compiler import headers_of

_FOLDER = Path(__file__).parent
_lock = threading.Lock()               # over the three below
_pending = {}                          # name -> Generated, that is in no file yet
_files = {}                            # (folder, name) -> path of the file that has it
_stamps = {}                           # header -> a hash of the texts that it is made of


def folder():
    """Where generated files are kept: below $MINITF_CACHE, or the user's cache."""
    base = os.environ.get("MINITF_CACHE") or os.path.join(os.path.expanduser("~"), ".cache", "minitf")
    return Path(base) / "generated"


class Generated(os.PathLike):
    """A CUDA function as text, in place of a file that has it: os.fspath gives the file, which it writes if there is none.

    header   the file to include, beside this one
    title    words for people, the begin of the name; the rest follows from the text
    text     the function, with NAME for its name

    Two that are equal have one name, and so does the same function of another plan or process.

    >>> Generated("common.cuh", "zero", 'extern "C" __global__ void NAME(float *x) { x[threadIdx.x] = 0; }').name
    'zero_14fdb646d51c'
    """
    __slots__ = ("header", "name", "text")

    def __init__(self, header, title, text):
        self.header = header
        self.name = f"{title}_{_hash(text)[:12]}"
        self.text = text.replace("NAME", self.name)
        with _lock:
            if (folder(), self.name) not in _files:
                _pending[self.name] = self

    def __fspath__(self):
        with _lock:
            return _file_of(self)

    def __eq__(self, other):
        return isinstance(other, Generated) and self.name == other.name

    def __hash__(self):
        return hash(self.name)

    def __str__(self):
        return self.text


def _hash(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(header):
    """Changes with the headers and their place: functions are then collected anew, into a text that differs."""
    if header not in _stamps:
        _stamps[header] = _hash("\0".join([str(_FOLDER), *headers_of(f'#include "{header}"', [_FOLDER]).values()]))[:12]
    return _stamps[header]


def _file_of(function):
    place = folder()
    found = _files.get((place, function.name))
    if found is None or not os.path.exists(found):
        _pending[function.name] = function
        for header in dict.fromkeys([f.header for f in _pending.values()]):
            _collect(place, header, [f for f in _pending.values() if f.header == header])
        _pending.clear()
    return _files[place, function.name]


def _collect(place, header, functions):
    """Find the files of functions, and write one with all that are in none."""
    place.mkdir(parents=True, exist_ok=True)
    stamp, missing = _stamp(header), []
    for f in functions:
        found = _remembered(place, f"{f.name}-{stamp}")
        if found is None:
            missing.append(f)
        else:
            _files[place, f.name] = found
    if missing:
        texts = [f.text for f in sorted(missing, key=lambda f: f.name)]
        text = "\n\n".join([f'#pragma STDC FP_CONTRACT OFF\n#include "{_FOLDER / header}"    // {stamp}', *texts]) + "\n"
        file = place / f"{_hash(text)[:16]}.cu"
        _write(file, text)
        for f in missing:
            _write(place / f"{f.name}-{stamp}", file.name)
            _files[place, f.name] = str(file)


def _remembered(place, key):
    """The file that is said to have a function, if it is there."""
    try:
        file = place / (place / key).read_text()
    except OSError:
        return None
    return str(file) if file.suffix == ".cu" and file.exists() else None


def _write(path, text):
    """At once: another process sees all of the file or none."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as f:
        f.write(text)
    os.replace(temporary, path)
