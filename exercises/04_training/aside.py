"""A file that survives its writer (6 points)

Write `written_aside`: what all checkpoints of the package go through.  It gives a file to write to; when that has gone well the
file takes the place of `path`, and until then `path` is what it was.

    with written_aside("model") as file:
        file.write(b"...")

It is a generator with one `yield` (the package puts contextlib.contextmanager around it): what stands before the yield happens at `with`,
what stands after it when the block ends, and if the block raises, the exception comes out of the yield.

    path        where the file shall be; in the same folder `temporary` is a name for it until then, which nobody uses
    yields      a binary file, open for writing, new and empty
    after a block without exception
                1. every byte is on disk, not only with the operating system (os.fsync of the file's number)
                2. then `path` is the new file, in one step that can not be seen half done
                3. then the folder is on disk too: its entries are data like any other, and os.fsync of a folder that was opened with
                   os.open(folder, os.O_RDONLY) writes them
    after an exception, in the block or in 1 or 2 (a full disk)
                `path` is what it was, `temporary` is gone, and the exception goes on: that one, whatever else goes wrong
    either way  no file of the process stays open
    OSErrors become the package's errors, which name `path`: that is what `with os_errors(path)` does

Wherever the process is killed (at any call, by a signal that nothing can catch) `path` is the whole old file or the whole new one.

Example: "model" holds b"old".  In the block, file.write(b"new"): whoever reads "model" still gets b"old", and the folder has one file more.
After the block "model" holds b"new", and the folder has the one file.

Replaces minitf.platform.aside.written_aside.     make grade CH=04
"""
import os

from minitf.platform.aside import _HOST, _remove_abandoned, _serial
from minitf.platform.os_errors import os_errors


def written_aside(path):
    """Yields a file that becomes `path` when the block has ended well."""
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    temporary = os.path.join(folder, f".{_HOST}-{os.getpid()}-{next(_serial)}.part")
    with os_errors(path):
        _remove_abandoned(folder)                       # what processes that were killed have left there
        raise NotImplementedError("write this")
