"""Compiling .cu files for a real GPU: where nvcc is, and cubins kept by content.

A cubin is compiled once for each text (the headers' too), GPU architecture, set of flags and nvcc.  PyCUDA's SourceModule keeps cubins as
well, but asks nvcc to preprocess every source at every start to know whether they still hold, which takes a second a file, and its errors
name a temporary file in place of the .cu.
"""
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from ...core.errors import InvalidArgumentError

HERE = Path(__file__).resolve().parent
FLAGS = ["-std=c++17", "-O3", "-lineinfo"]
_TIMEOUT = 600                # seconds: nvcc takes one to three for a file of ours


class CompileError(InvalidArgumentError):
    """nvcc does not take a source.  The message is what nvcc said, with lines of the file that was given."""

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message)


def folders():
    """Where an nvcc may lie, in the order in which it is looked for."""
    for name in ("CUDA_HOME", "CUDA_PATH"):
        if os.environ.get(name):
            yield Path(os.environ[name]) / "bin"
    yield from sorted((Path(sysconfig.get_path("purelib")) / "nvidia").glob("cu*/bin"), reverse=True)
    yield Path("/usr/local/cuda/bin")
    yield Path("/opt/cuda/bin")


def find():
    """The path of nvcc, or None.  PATH comes first, then CUDA_HOME, the toolkit of pip's wheels, and the usual places."""
    found = shutil.which("nvcc")
    return found or next((str(f / "nvcc") for f in folders() if os.access(f / "nvcc", os.X_OK)), None)


def missing():
    """What to say where there is none."""
    return ("no nvcc: not on PATH, not in $CUDA_HOME/bin, not in /usr/local/cuda/bin, and not installed by pip (make extra-cuda-compile)")


@functools.lru_cache(maxsize=None)
def version(nvcc):
    """What `nvcc --version` says, and when the file was made: another release at the same place is another compiler."""
    done = subprocess.run([nvcc, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT)
    return f"{done.stdout}{os.stat(nvcc).st_mtime_ns}"


def with_headers(path):
    """[the file, and every file that it includes by #include "...", directly or through another], each once."""
    found, left = [], [Path(path).resolve()]
    while left:
        file = left.pop()
        if file in found:
            continue
        found.append(file)
        names = re.findall(r'^\s*#\s*include\s*"([^"]+)"', file.read_text(), re.MULTILINE)
        left += [p.resolve() for name in names for p in (file.parent / name, HERE / name) if p.exists()][::-1]
    return found


def cache_folder():
    """Where cubins are kept: $MINITF_CACHE/cubin, or ~/.cache/minitf/cubin."""
    root = os.environ.get("MINITF_CACHE")
    return (Path(root).expanduser() if root else Path.home() / ".cache" / "minitf").absolute() / "cubin"


def cubin(path, arch, flags=()):
    """The path of the cubin of a .cu file for an architecture, compiled if it is not kept yet.

    path     of the .cu; what it includes is looked for beside it and beside this package's kernels
    arch     "sm_90"
    flags    more flags: "--fmad=false" keeps a * b + c two roundings, as separate kernels make them
    Raises CompileError with nvcc's text, or where there is no nvcc.
    """
    return compiled(path, "cubin", [f"-arch={arch}", *flags])


def compiled(path, kind, flags):
    """The path of what nvcc makes of a .cu file: kind is cubin, fatbin or ptx."""
    path, nvcc = Path(path).resolve(), find()
    if nvcc is None:
        raise CompileError(None, None, f"{path.name} can not be compiled: {missing()}")
    command = [nvcc, f"--{kind}", *flags, *FLAGS]
    digest = hashlib.sha256()
    for text in [version(nvcc), *command[1:], *(f.read_bytes() for f in with_headers(path))]:
        text = text if isinstance(text, bytes) else text.encode()
        digest.update(len(text).to_bytes(8, "little") + text)
    kept = cache_folder() / f"{path.stem}-{digest.hexdigest()[:32]}.{kind}"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as work:       # on the same file system: the last step is a rename
        made = Path(work) / "out"
        try:
            done = subprocess.run([*command, f"-I{path.parent}", f"-I{HERE}", "-o", str(made), str(path)],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise CompileError(None, None, f"nvcc has not compiled {path.name} within {_TIMEOUT} s: {' '.join(flags)}") from None
        if done.returncode or not made.exists():
            raise CompileError(None, None, f"nvcc does not compile {path.name} ({' '.join(flags)}):\n{(done.stdout + done.stderr).strip()}")
        os.replace(made, kept)
    return kept


if __name__ == "__main__":                # what `make extra-gpu` puts on PATH
    print(os.path.dirname(os.path.realpath(find() or "nvcc")))
